"""What the user gives a population, checked before anything runs: neurons, cells and networks."""

import functools
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.connectivity import AbstractDistribution
from rheobase.errors import ArgumentError, ParameterError, ShapeError
from rheobase.stimulus import AbstractStimulus, Constant
from rheobase.stimulus.base import PerStep, distributions
from rheobase.units import Quantity, Unit, UnitError, ms, to_internal, uS
from rheobase.units.fields import to_host


def fits(shape: tuple[int, ...], population: tuple[int, ...]) -> bool:
    """Whether an array of one shape gives each neuron of a population a value.

    >>> fits((), (3,)), fits((3,), (3,)), fits((2,), (3,)), fits((2, 3), (3,))
    (True, True, False, False)
    """
    try:
        return np.broadcast_shapes(shape, population) == population
    except ValueError:
        return False


def require_width(
    what: str, shape: tuple[int, ...], population: tuple[int, ...], whose: str = "the population"
) -> None:
    """Refuse an array that does not give each neuron one value."""
    if fits(shape, population):
        return
    cure = f"one for each in an array of shape {population}"
    if not population:
        cure = f"ask for as many: n={shape[0] if len(shape) == 1 else shape}"
    size = population[0] if len(population) == 1 else population
    raise ShapeError(
        f"{what} has shape {shape}, which does not fit the size of {whose}, {size or 1}. Give one "
        f"value for all, or {cure}."
    )


def parameter_shape(system: Any) -> tuple[int, ...]:
    """The shape of the arrays of a system and of its state at rest, which `Mismatch` widens."""
    shape: tuple[int, ...] = ()
    for name, other in _shapes(system):
        try:
            shape = np.broadcast_shapes(shape, other)
        except ValueError:
            raise ShapeError(
                f"{name} has shape {other}, and other parameters have shape {shape}: they are of "
                f"populations of different sizes."
            ) from None
    return shape


def require_parameters(system: Any, population: tuple[int, ...], whose: str) -> None:
    """Refuse a neuron or a synapse whose parameters are those of a population of another size."""
    for name, shape in _shapes(system):
        require_width(name, shape, population, whose)


def _shapes(system: Any) -> list[tuple[str, tuple[int, ...]]]:
    """Name and shape of each array of a system, and of each variable of its state at rest."""
    leaves, structure = jax.tree.flatten(system)
    return _named_shapes(structure, tuple(map(jax.typeof, leaves)))


@functools.lru_cache(maxsize=256)
def _named_shapes(structure: Any, forms: tuple[Any, ...]) -> list[tuple[str, tuple[int, ...]]]:
    """The same for a system of this structure: every run asks for it, and it takes milliseconds."""
    system = jax.tree.unflatten(structure, [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in forms])
    arrays = jax.tree_util.tree_leaves_with_path(system)
    real = [(path, x) for path, x in arrays if jnp.issubdtype(x.dtype, jnp.inexact)]
    rest = jax.tree_util.tree_leaves_with_path(jax.eval_shape(lambda s: s.init(), system))
    kind = type(system).__name__
    return [
        (f"`{jax.tree_util.keystr(path, simple=True, separator='.')}` of {kind}", x.shape)
        for path, x in (*real, *rest)
    ]


def require_positions(positions: Array, n: int) -> None:
    """Refuse positions (um) that are not those of `n` neurons."""
    if positions.ndim != 2 or positions.shape[0] != n:
        raise ShapeError(
            f"`positions` has shape {positions.shape}, but {n} neurons need ({n}, dimensions). "
            f"Write positions=[[0, 0], [10, 0], ...]*um."
        )
    if not isinstance(positions, Tracer) and not np.all(np.isfinite(positions)):
        k = int(np.argmin(np.isfinite(positions).all(axis=1)))
        raise ShapeError(
            f"`positions` of neuron {k} is {np.asarray(positions[k]).tolist()}. Replace the NaN "
            "or inf."
        )


def require_indices(indices: Iterable[int] | None, width: int, whose: str) -> None:
    """Refuse to record neurons that a population does not have."""
    for index in indices or ():
        if not -width <= index < width:
            raise ShapeError(
                f"`indices` asks for neuron {index}, but {whose} has {width}. "
                f"Choose from 0 to {width - 1}."
            )


def initial(value: Any, unit: Unit, name: str, example: str, population: tuple[int, ...]) -> Any:
    """The initial value of a variable in internal units: finite, and one for all or for each."""
    array = to_host(value, unit, name, example)
    require_width(f"the initial value of `{name}`", array.shape, population)
    if isinstance(array, Tracer):
        return array
    require_finite(array, f"the initial value of `{name}`")
    if unit.same_dimension(uS) and np.any(array < 0):
        raise ParameterError(
            f"`{name}` is a conductance and must not be negative, got "
            f"{_first(array, lambda x: x >= 0)} {unit.internal()}."
        )
    return array


def require_finite(values: Any, what: str) -> None:
    """Refuse values that are no numbers, where they are known."""
    if not isinstance(values, Tracer) and not np.all(np.isfinite(values)):
        raise ParameterError(
            f"{what} must be finite, got {_first(np.asarray(values), np.isfinite)}. Replace the "
            "NaN or inf."
        )


def _first(array: np.ndarray, is_good: Any) -> str:
    """The first value that is not good, and where it stands."""
    bad = tuple(int(i) for i in np.argwhere(~is_good(array))[0])
    where = f" at index {bad[0] if len(bad) == 1 else bad}" if bad else ""
    return f"{array[bad]:g}{where}"


def require_positive(values: Any, what: str, unit: Unit, why: str) -> None:
    """Refuse weights below zero, where they are known; `why` tells what inhibits instead."""
    if isinstance(values, Tracer) or not np.any(np.asarray(values) < 0):
        return
    every = np.ravel(values)
    k = int(np.argmax(every < 0))
    where = f" at index {k}" if np.ndim(values) else ""
    raise ParameterError(f"{what} is {every[k]:g} {unit}{where}, but {why}")


def require_support(distribution: AbstractDistribution, what: str, why: str) -> None:
    """Refuse a distribution of weights that reaches below zero."""
    if distribution.lowest is not None and distribution.lowest < 0:
        raise ParameterError(
            f"{what} is drawn from {type(distribution).__name__}, which reaches below zero, but "
            f"{why} Or cut it at zero, such as rb.Normal(1*nS, 0.5*nS, low=0*nS)."
        )


def stimulus_in(value: Any, unit: Unit, name: str, example: str) -> AbstractStimulus:
    """An input as a stimulus in this unit."""
    if distributions(value):
        kind = type(distributions(value)[0]).__name__
        raise ArgumentError(
            f"`{name}` holds a distribution, of which a network draws a value for each neuron: "
            f"rb.Drive(population, rb.{kind}(...)). Draw it here, rb.{kind}(...).draw(n, "
            "np.random.default_rng(0))."
        )
    if not isinstance(value, AbstractStimulus):
        array = to_internal(value, unit, name, example)
        return Constant(Quantity(array, unit.internal()))
    if not value.unit.same_dimension(unit):
        # The wording of every unit error is in one place: let it speak.
        to_internal(Quantity(1, value.unit), unit, name, example)
    return value


def arrivals_of(stimulus: AbstractStimulus, unit: Unit, name: str) -> AbstractStimulus:
    """An input that adds to a variable or a synapse in this unit: events, or a rate of them.

    What is held would add its value in each step, so that its effect would depend on dt: it is
    taken in `unit`/ms alone. Each value of a series in `unit` arrives once.
    """
    if stimulus.unit.same_dimension(unit * ms**-1):
        if stimulus.kind == "held":
            return PerStep(stimulus)
        raise UnitError(
            f"{name} is a rate, in {stimulus.unit}, of events, which arrive at once. Write their "
            f"amplitude in {unit}."
        )
    arriving = stimulus.arriving()
    if arriving is None:
        own = stimulus.unit
        raise UnitError(
            f"{name} is {type(stimulus).__name__} in {own}, which is held: what it adds would "
            f"arrive anew in each step, so that the result would depend on dt. Write it as a rate, "
            f"in {own}/ms, or give events: rb.stimulus.Pulses, Poisson or FromArray(..., dt=1*ms)."
        )
    return arriving
