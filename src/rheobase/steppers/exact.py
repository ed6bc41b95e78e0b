"""The exact propagator of affine dynamics."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.extend.core import Var

from rheobase.errors import StepperError
from rheobase.steppers.base import AbstractStepper, Flow, variables_only


class Exact(AbstractStepper):
    r"""Matrix exponential of affine dynamics: exact for any dt while the input is constant.

    For dx/dt = A x + b(I):  x(t + dt) = x + dt φ(A dt) (A x + b),  φ(Z) = Z⁻¹(e^Z - 1),

    with A by one jvp a variable and φ from the exponential of [[Z, 1], [0, 0]], which needs no
    inverse and is computed once, outside the time loop. Source: Rotter & Diesmann 1999,
    Biol Cybern 81:381.

    Errors: `StepperError` for a neuron whose derivative is not affine in its state.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.CubaLIF(), current=2 * nA, duration=100 * ms, dt=1 * ms,
    ...                   stepper=rb.Exact())
    """

    def advance(self, flow, state, dt):
        leaves, rate, whole = variables_only(flow, state)
        slopes = rate(leaves)
        phi = _phi(_times(dt, _propagated(flow.neuron)))
        moves = [
            sum(phi[..., i, j] * slope for j, slope in enumerate(slopes))
            for i in range(len(leaves))
        ]
        return whole([x + dt * move for x, move in zip(leaves, moves, strict=True)])

    def check(self, neuron, dt):
        if not affine(neuron):
            raise StepperError(
                f"Exact() integrates affine dynamics only, and the derivative of "
                f"{type(neuron).__name__} is not affine in its state. "
                f"Write stepper=rb.ExponentialEuler() or stepper=rb.RungeKutta4()."
            )


def _times(dt, matrix):
    """A dt, where dt may be one number an element (the time to a spike)."""
    if jnp.ndim(dt) == 0:
        return dt * matrix
    rank = max(jnp.ndim(dt) + 2, matrix.ndim)
    return jnp.expand_dims(dt, (-1, -2)) * matrix.reshape(
        (1,) * (rank - matrix.ndim) + matrix.shape
    )


def jacobian(rate, leaves):
    """d(rate_i)/d(leaf_j), shape (..., variable, variable); element-wise, by one jvp a column."""
    columns = []
    for j in range(len(leaves)):
        tangents = [jnp.ones_like(x) if i == j else jnp.zeros_like(x) for i, x in enumerate(leaves)]
        column = jax.jvp(lambda *x: rate(list(x)), leaves, tangents)[1]
        columns.append(jnp.stack(jnp.broadcast_arrays(*column), axis=-1))
    return jnp.stack(columns, axis=-1)


def _propagated(neuron):
    """A of affine dynamics, in the shape of the parameters and not of the population.

    It is the same at every state, so it is taken at rest and without input.
    """
    rest = jax.tree.map(jnp.asarray, neuron.init())
    leaves, rate, _ = variables_only(Flow(neuron, jnp.zeros_like(jax.tree.leaves(rest)[0])), rest)
    return jacobian(rate, leaves)


def _phi(z):
    size = z.shape[-1]
    top = jnp.concatenate([z, jnp.broadcast_to(jnp.eye(size, dtype=z.dtype), z.shape)], axis=-1)
    bottom = jnp.zeros_like(top)
    return jax.scipy.linalg.expm(jnp.concatenate([top, bottom], axis=-2))[..., :size, size:]


def affine(neuron) -> bool:
    """Whether d(derivative)/d(state) is free of the state, read off the jaxpr."""
    traced = any(isinstance(x, Tracer) for x in jax.tree.leaves(neuron))
    return _affine(neuron) if traced else _affine_kind(_Kind(neuron))


class _Kind:
    """A neuron of which only the structure counts: values do not make it affine."""

    def __init__(self, neuron):
        leaves, structure = jax.tree.flatten(neuron)
        self.neuron = neuron
        self.key = structure, tuple((x.shape, str(x.dtype)) for x in leaves)

    def __eq__(self, other):
        return self.key == other.key

    def __hash__(self):
        return hash(self.key)


@functools.lru_cache(maxsize=64)
def _affine_kind(kind: _Kind) -> bool:
    return _affine(kind.neuron)


def _affine(neuron) -> bool:
    # Whatever the numbers; in numpy, for which nothing is compiled.
    rest = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), jax.eval_shape(neuron.init))
    nothing: Any = np.zeros((), jnp.result_type(float))
    leaves, rate, _ = variables_only(Flow(neuron, nothing), rest)
    return not any(depends(lambda *x: jacobian(rate, list(x)), *leaves))


def depends(function, *arguments) -> list[bool]:
    """Whether each result of a function depends on its arguments, read off the jaxpr."""
    jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    reached = set(jaxpr.invars)
    for eqn in jaxpr.eqns:
        if not reached.isdisjoint(v for v in eqn.invars if isinstance(v, Var)):
            reached.update(eqn.outvars)
    return [isinstance(v, Var) and v in reached for v in jaxpr.outvars]
