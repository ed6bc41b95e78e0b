"""The contract of a stimulus, and how stimuli are added and multiplied."""

from abc import abstractmethod
from fractions import Fraction
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.connectivity.distributions import AbstractDistribution
from rheobase.declared import AbstractDeclared
from rheobase.fixed import phase, product, step_at
from rheobase.time import Clock
from rheobase.units import DomainError, Quantity, Unit, UnitError, dimensionless, ms, to_internal

Kind = Literal["held", "events"]


class Grid(NamedTuple):
    """The steps at which a stimulus is wanted, and for whom."""

    clock: Clock
    """Numbers of the steps, (time,) each; an array of integers serves too."""
    dt: float
    """Length of a step, ms."""
    shape: tuple[int, ...]
    """Shape of the population."""
    dtype: Any

    @property
    def steps(self) -> Array:
        """Numbers of the steps as int32, (time,); beyond 2**31 - 1 they stand still."""
        return Clock.of(self.clock).since(Clock.of(0))

    @property
    def middle(self) -> Array:
        """Time (ms) of the middle of each step, with the digits that the type has."""
        high, low = (x.astype(self.dtype) for x in Clock.of(self.clock))
        return (high * 2.0**32 + low + 0.5) * self.dt

    def since(self, time: Array) -> Array:
        """Steps since the one at whose beginning `time` (ms) is, (time, *s), int32."""
        return self._wide(jnp.ndim(time)).since(_one_row(step_at(time, self.dt)))

    def elapsed(self, time: Array) -> Array:
        """From a time (ms) to the middle of each step, (time, *s), ms; exact where it is short."""
        begin = _one_row(product(time, 1 / Fraction(self.dt)))
        steps = self._wide(jnp.ndim(time)).difference(begin.whole, self.dtype)
        exact = (steps + (0.5 - begin.fraction(self.dtype))) * self.dt
        # The derivative by the time itself, which integers do not have.
        return exact - (time - jax.lax.stop_gradient(time))[None]

    def turns(self, frequency: Array) -> Array:
        """Turns until the middle of each step, at a frequency in 1/ms, without whole ones."""
        half = _one_row(product(frequency, Fraction(self.dt) / 2))
        wide = self._wide(jnp.ndim(frequency))
        found = phase(wide, half, self.dtype)
        middle = self.middle.reshape(wide.low.shape)
        return found + middle * (frequency - jax.lax.stop_gradient(frequency))[None]

    def _wide(self, axes: int) -> Clock:
        return Clock(*(x.reshape((-1,) + (1,) * axes) for x in Clock.of(self.clock)))


def _one_row(tree: Any) -> Any:
    """Arrays with an axis of time, of length 1, in front."""
    return jax.tree.map(lambda x: x[None], tree)


class AbstractStimulus(AbstractDeclared):
    """An input in time. Its values have shape (time, *s), s broadcasting to the population."""

    @property
    @abstractmethod
    def unit(self) -> Unit:
        """The unit in which the values are measured."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of its value at one time."""

    @property
    @abstractmethod
    def random(self) -> bool:
        """Tell whether it draws random numbers and needs a key."""

    @abstractmethod
    def start(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Return the memory that it carries from step to step, at the beginning of a run."""

    @abstractmethod
    def values(self, grid: Grid, memory: Any, key: Array | None) -> tuple[Array, Any]:
        """Its values at the steps of `grid` in internal units, and its memory after them."""

    @abstractmethod
    def check(self, dt: float) -> None:
        """Refuse values or times that cannot be had with this time step (ms)."""

    @property
    def kind(self) -> Kind:
        """Tell how a value acts: "held" for all of its step, "events" once."""
        return "held"

    def arriving(self) -> "AbstractStimulus | None":
        """The same as weights that arrive once each, whatever dt; None where nothing does."""
        return self if self.kind == "events" else None

    def ready(self, dt: float) -> "AbstractStimulus":
        """The same for steps of dt (ms), with what can be computed before a run."""
        return self

    def extent(self) -> tuple[Any, Any] | None:
        """Between what its values lie at all times, in internal units; None where nobody knows."""
        return None

    def __add__(self, other: Any) -> "Sum":
        return Sum(self, as_stimulus(other, self.unit))

    def __radd__(self, other: Any) -> "Sum":
        return Sum(as_stimulus(other, self.unit), self)

    def __mul__(self, other: Any) -> "Product":
        return Product(self, other if isinstance(other, AbstractStimulus) else Constant(other))

    __rmul__ = __mul__


class AbstractSteadyStimulus(AbstractStimulus):
    """A stimulus that is a function of time alone: no randomness, no memory."""

    @property
    def random(self) -> bool:
        return False

    def start(self, shape: tuple[int, ...], dtype: Any) -> None:
        return None

    def check(self, dt: float) -> None:
        pass

    def values(self, grid: Grid, memory: None, key: Array | None) -> tuple[Array, None]:
        return self.at(grid), None

    @abstractmethod
    def at(self, grid: Grid) -> Array:
        """Its values at the steps of `grid`."""


class AbstractTimedStimulus(AbstractSteadyStimulus):
    """A stimulus whose values begin at times of their own: held as a current, or arriving once."""

    @abstractmethod
    def beginnings(self, grid: Grid) -> Array:
        """Its values in the steps in which they begin, and zero in the others."""

    def check_beginnings(self, dt: float) -> None:
        """Refuse values that cannot arrive at once with this time step (ms)."""

    def arriving(self) -> AbstractStimulus | None:
        return self if self.kind == "events" else Once(self)


class Once(AbstractSteadyStimulus):
    """What begins at known times, each value once: a raster of spikes, or pulses.

    Made where such values are a delta input or go through a synapse.

    >>> import numpy as np
    >>> from rheobase.stimulus import FromArray
    >>> from rheobase.stimulus.base import Once
    >>> from rheobase.units import ms, mV
    >>> Once(FromArray(np.ones(3) * mV, dt=1 * ms)).kind
    'events'
    """

    stimulus: AbstractTimedStimulus

    @property
    def unit(self) -> Unit:
        return self.stimulus.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return self.stimulus.shape

    @property
    def kind(self) -> Kind:
        return "events"

    def check(self, dt: float) -> None:
        self.stimulus.check(dt)
        self.stimulus.check_beginnings(dt)

    def extent(self) -> tuple[Any, Any] | None:
        return self.stimulus.extent()

    def at(self, grid: Grid) -> Array:
        return self.stimulus.beginnings(grid)


def measured(meaning: str) -> Any:
    """A field that holds a finite quantity of whatever dimension, or what it is drawn from."""
    return eqx.field(converter=_quantity, metadata={"meaning": meaning})


def _quantity(value: Any) -> Any:
    """A finite quantity in internal units; a bare number is dimensionless."""
    if isinstance(value, AbstractDistribution):
        return value
    unit = value.unit if isinstance(value, Quantity) else dimensionless
    array = to_internal(value, unit, "amplitude", "rb.stimulus.Step({})")
    if not isinstance(array, Tracer) and not np.all(np.isfinite(array)):
        bad = np.argwhere(~np.isfinite(array))[0].tolist()
        where = f" at index {bad[0] if len(bad) == 1 else bad}" if bad else ""
        raise DomainError(f"a stimulus must be finite, got {value}{where}. Replace the NaN or inf.")
    return Quantity(array, unit.internal())


def distributions(stimulus: Any) -> list[AbstractDistribution]:
    """What of a stimulus is still to be drawn, one value for each neuron."""
    leaves = jax.tree.leaves(stimulus, is_leaf=lambda x: isinstance(x, AbstractDistribution))
    return [x for x in leaves if isinstance(x, AbstractDistribution)]


def drawn(stimulus: Any, n: int, random: np.random.Generator) -> Any:
    """The stimulus with a value of its own for each of n neurons, where it has a distribution."""

    def one(x: Any) -> Any:
        return _quantity(x.draw(n, random)) if isinstance(x, AbstractDistribution) else x

    return jax.tree.map(one, stimulus, is_leaf=lambda x: isinstance(x, AbstractDistribution))


def spread(*values: Any) -> tuple[Any, Any] | None:
    """The least and the largest of some values for each neuron; None where they are not known."""
    if any(isinstance(x, Tracer) for x in values):
        return None
    arrays = np.broadcast_arrays(*(np.asarray(x, float) for x in values))
    return np.minimum.reduce(arrays), np.maximum.reduce(arrays)


def over_time(profile: Array, value: Array) -> Array:
    """A profile in time, (time, *s), times a value, of shapes that broadcast without time."""
    shape = np.broadcast_shapes(profile.shape[1:], value.shape)
    return in_row(profile, shape) * in_row(value[None], shape)


def in_row(x: Array, shape: tuple[int, ...]) -> Array:
    """(time, *s) with axes of length 1 after time, so that it broadcasts to (time, *shape)."""
    return x.reshape(x.shape[:1] + (1,) * (len(shape) - x.ndim + 1) + x.shape[1:])


class Constant(AbstractSteadyStimulus):
    """The same value at all times; `simulate(current=2*nA)` is short for it.

    >>> import rheobase as rb
    >>> from rheobase.units import nA
    >>> rb.stimulus.Constant(2 * nA).unit
    nA
    """

    amplitude: Quantity = measured("value")

    @property
    def unit(self) -> Unit:
        return self.amplitude.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return self.amplitude.shape

    def extent(self) -> tuple[Any, Any] | None:
        return spread(self.amplitude.value)

    def at(self, grid: Grid) -> Array:
        return jnp.broadcast_to(self.amplitude.value, (1, *self.amplitude.shape))


class AbstractPair(AbstractStimulus):
    """Two stimuli that are put together step by step."""

    first: eqx.AbstractVar[AbstractStimulus]
    second: eqx.AbstractVar[AbstractStimulus]

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.first.shape, self.second.shape)

    @property
    def random(self) -> bool:
        return self.first.random or self.second.random

    def start(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return self.first.start(shape, dtype), self.second.start(shape, dtype)

    def check(self, dt: float) -> None:
        self.first.check(dt)
        self.second.check(dt)


class Sum(AbstractPair):
    """Two stimuli at once, as `+` makes it.

    >>> import rheobase as rb
    >>> from rheobase.units import Hz, nA
    >>> both = rb.stimulus.Constant(1 * nA) + rb.stimulus.Sine(1 * nA, frequency=5 * Hz)
    """

    first: AbstractStimulus
    second: AbstractStimulus

    def __check_init__(self):
        require_same_dimension(self.first.unit, self.second.unit)

    @property
    def unit(self) -> Unit:
        return self.first.unit

    @property
    def kind(self) -> Kind:
        return "events" if self.first.kind == self.second.kind == "events" else "held"

    def arriving(self) -> AbstractStimulus | None:
        first, second = self.first.arriving(), self.second.arriving()
        return None if first is None or second is None else Sum(first, second)

    def ready(self, dt: float) -> AbstractStimulus:
        return Sum(self.first.ready(dt), self.second.ready(dt))

    def extent(self) -> tuple[Any, Any] | None:
        first, second = self.first.extent(), self.second.extent()
        if first is None or second is None:
            return None
        return first[0] + second[0], first[1] + second[1]

    def values(self, grid: Grid, memory: Any, key: Array | None) -> tuple[Array, Any]:
        (one, kept), (two, also) = _both(self, grid, memory, key)
        return _padded(one, two) + _padded(two, one), (kept, also)


class Product(AbstractPair):
    """One stimulus times another, as `*` makes it.

    >>> import rheobase as rb
    >>> from rheobase.units import Hz, ms, nA
    >>> burst = rb.stimulus.Sine(1 * nA, frequency=40 * Hz) * rb.stimulus.Step(1.0, stop=50 * ms)
    """

    first: AbstractStimulus
    second: AbstractStimulus

    @property
    def unit(self) -> Unit:
        return self.first.unit * self.second.unit

    @property
    def kind(self) -> Kind:
        return "events" if "events" in (self.first.kind, self.second.kind) else "held"

    def arriving(self) -> AbstractStimulus | None:
        """Events are scaled by what is held; of two that are held, the one that can arrive does."""
        if self.kind == "events":
            return self
        first, second = self.first.arriving(), self.second.arriving()
        # Of two series the one with a unit arrives, and the other is a factor.
        if first is not None and (second is None or self.first.unit.factors):
            return Product(first, self.second)
        return None if second is None else Product(self.first, second)

    def ready(self, dt: float) -> AbstractStimulus:
        return Product(self.first.ready(dt), self.second.ready(dt))

    def extent(self) -> tuple[Any, Any] | None:
        first, second = self.first.extent(), self.second.extent()
        if first is None or second is None:
            return None
        with np.errstate(invalid="ignore"):  # 0 times infinity is 0 here
            ends = [np.nan_to_num(a * b, nan=0.0, posinf=np.inf, neginf=-np.inf)
                    for a in first for b in second]  # fmt: skip
        return np.minimum.reduce(ends), np.maximum.reduce(ends)

    def values(self, grid: Grid, memory: Any, key: Array | None) -> tuple[Array, Any]:
        if memory[1] is None and self.second.random and not self.first.random:
            return _gated(self.first, self.second, grid, key, 1)
        if memory[0] is None and self.first.random and not self.second.random:
            return _gated(self.second, self.first, grid, key, 0)
        (one, kept), (two, also) = _both(self, grid, memory, key)
        return _padded(one, two) * _padded(two, one), (kept, also)


class PerStep(AbstractStimulus):
    """What a rate brings in each step: its value times dt, so that it does not depend on dt.

    Made where a delta input or a drive through a synapse is held, and written as a rate.

    >>> from rheobase.stimulus.base import Constant, PerStep
    >>> from rheobase.units import ms, mV
    >>> PerStep(Constant(0.2 * mV / ms)).unit
    mV
    """

    rate: AbstractStimulus

    @property
    def unit(self) -> Unit:
        return self.rate.unit * ms

    @property
    def shape(self) -> tuple[int, ...]:
        return self.rate.shape

    @property
    def random(self) -> bool:
        return self.rate.random

    @property
    def kind(self) -> Kind:
        return "events"

    def start(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return self.rate.start(shape, dtype)

    def check(self, dt: float) -> None:
        self.rate.check(dt)

    def ready(self, dt: float) -> AbstractStimulus:
        return PerStep(self.rate.ready(dt))

    def extent(self) -> tuple[Any, Any] | None:
        return self.rate.extent()

    def values(self, grid: Grid, memory: Any, key: Array | None) -> tuple[Array, Any]:
        values, kept = self.rate.values(grid, memory, key)
        return values * grid.dt, kept


def as_stimulus(value: Any, unit: Unit) -> AbstractStimulus:
    """A stimulus, or a constant one made of a quantity of that unit.

    >>> from rheobase.stimulus import as_stimulus
    >>> from rheobase.units import nA, pA
    >>> as_stimulus(500 * pA, nA).unit
    nA
    """
    if isinstance(value, AbstractStimulus):
        return value
    array = to_internal(value, unit, "stimulus", "rb.stimulus.Constant({})")
    return Constant(Quantity(array, unit.internal()))


def _both(pair: AbstractPair, grid: Grid, memory: Any, key: Array | None) -> Any:
    keys = (None, None) if key is None else jax.random.split(key)
    return (
        pair.first.values(grid, memory[0], keys[0]),
        pair.second.values(grid, memory[1], keys[1]),
    )


def _gated(
    gate: AbstractStimulus, drawn: AbstractStimulus, grid: Grid, key: Array | None, place: int
) -> tuple[Array, Any]:
    """A random stimulus without memory times a gate; nothing is drawn while the gate is shut."""
    own = None if key is None else jax.random.split(key)[place]
    opened, _ = gate.values(grid, None, None)

    def product() -> Array:
        values, _ = drawn.values(grid, None, own)
        return _padded(values, opened) * _padded(opened, values)

    shape = jax.eval_shape(product)
    nothing = lambda: jnp.zeros(shape.shape, shape.dtype)  # noqa: E731
    return jax.lax.cond(jnp.any(opened != 0), product, nothing), (None, None)


def _padded(value: Array, other: Array) -> Array:
    """(time, *s) with axes of length 1 after time, up to the rank of `other`."""
    extra = max(other.ndim - value.ndim, 0)
    return value.reshape(value.shape[:1] + (1,) * extra + value.shape[1:])


def require_same_dimension(one: Unit, two: Unit) -> None:
    """Refuse to add what is measured in other dimensions."""
    if not one.same_dimension(two):
        raise UnitError(f"a stimulus in {one} and one in {two} cannot be added: other dimensions.")
