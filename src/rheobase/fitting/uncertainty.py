"""How well the data determine each parameter."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from rheobase.fitting.problem import Problem, fields
from rheobase.fitting.search import Found
from rheobase.units import Unit, dimensionless, parameters


class Estimate(NamedTuple):
    """A parameter of a fitted model."""

    value: float
    """In its unit."""
    uncertainty: float
    """Standard deviation, in its unit: of the Laplace approximation at the best model."""
    spread: float
    """Standard deviation over the starts that ended with nearly the same loss; NaN of one."""
    unit: Unit

    def __str__(self) -> str:
        return f"{self.value:.4g} ± {self.uncertainty:.2g} {self.unit}"


def covariance(found: Found) -> np.ndarray:
    """Covariance of the free parameters: the inverse of the Hessian of the loss at its minimum.

    The Hessian is J'J + prior (Gauss-Newton), with residuals in units of a good fit; where the fit
    is worse than that, the covariance grows with the loss that remains.
    """
    inverse = np.linalg.pinv(found.matrix, hermitian=True)
    return inverse * max(1.0, 2 * float(found.cost[0]) / 100)


def estimates(problem: Problem, found: Found) -> dict[str, Estimate]:
    """Every trained parameter by its name, with both measures of its uncertainty."""
    best = jnp.asarray(found.y[0], problem.current.dtype)

    def values(y):
        return ravel_pytree(eqx.filter(problem.build(y), problem.mask))[0]

    slope = np.asarray(jax.jacfwd(values)(best), float)
    laplace = np.sqrt(np.maximum(np.diag(slope @ covariance(found) @ slope.T), 0))
    close = found.y[found.cost <= 1.1 * found.cost.min() + 1.0]
    ensemble = np.array([np.asarray(values(jnp.asarray(y, best.dtype))) for y in close])
    spread = ensemble.std(axis=0) if len(close) > 1 else np.full(len(best), np.nan)
    units = _units(problem)
    shown = short(problem.names)
    return {
        name: Estimate(float(v), float(u), float(s), unit)
        for name, v, u, s, unit in zip(
            shown, np.asarray(values(best), float), laplace, spread, units, strict=True
        )
    }


def _units(problem: Problem) -> list[Unit]:
    found = []
    for module, name, leaf in fields(problem.build(problem.start), problem.mask):
        declared = parameters(module).get(name)
        unit = dimensionless if declared is None else declared.unit.internal()
        found += [unit] * leaf.size
    return found


def short(names: tuple[str, ...]) -> list[str]:
    """`tau` for `neuron.tau`, where no other parameter is called so."""
    last = [name.rpartition(".")[2] for name in names]
    return [s if last.count(s) == 1 else name for s, name in zip(last, names, strict=True)]
