"""Stimuli that are functions of time: steps, ramps, waves, pulses, recorded series."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.errors import ShapeError
from rheobase.stimulus.base import (
    AbstractSteadyStimulus,
    Grid,
    measured,
    over_time,
    require_same_dimension,
    spread,
)
from rheobase.time import FAR, Clock, whole_steps
from rheobase.units import (
    Hz,
    Quantity,
    Unit,
    anything,
    dimensionless,
    ms,
    non_negative,
    positive,
    quantity,
    to_internal,
)

_NEVER = 1e30
"""When a step that is not ended stops, ms."""


class Step(AbstractSteadyStimulus):
    """`amplitude` from `start` until `stop`, zero elsewhere.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> pulse = rb.stimulus.Step(0.8 * nA, start=50 * ms, stop=450 * ms)
    """

    amplitude: Quantity = measured("value while on; one number, or one for each neuron")
    start_time: Array = quantity(ms, non_negative, "onset")
    stop_time: Array = quantity(ms, non_negative, "end")

    def __init__(self, amplitude: Quantity, start: Quantity = 0 * ms, stop: Quantity = _NEVER * ms):
        self.amplitude = amplitude
        self.start_time = start  # pyright: ignore[reportAttributeAccessIssue]
        self.stop_time = stop  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def unit(self) -> Unit:
        return self.amplitude.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return self.amplitude.shape

    def end(self, dt: float) -> float | None:
        stop = _latest(self.stop_time)
        return None if stop is None or stop >= _NEVER else stop

    def extent(self) -> tuple[Any, Any] | None:
        return spread(self.amplitude.value, 0.0)

    def at(self, grid: Grid) -> Array:
        during = (grid.since(self.start_time) >= 0) & (grid.since(self.stop_time) < 0)
        return _in_time(self.amplitude.value, during)


class Ramp(AbstractSteadyStimulus):
    """From `first` at `start` in a straight line to `last` at `stop`; zero before, `last` after.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> ramp = rb.stimulus.Ramp(0 * nA, 1 * nA, start=0 * ms, stop=500 * ms)
    """

    first: Quantity = measured("value at the start")
    last: Quantity = measured("value at the end")
    start_time: Array = quantity(ms, non_negative, "start")
    stop_time: Array = quantity(ms, positive, "end")

    def __init__(self, first: Quantity, last: Quantity, *, start: Quantity, stop: Quantity):
        self.first, self.last = first, last
        self.start_time = start  # pyright: ignore[reportAttributeAccessIssue]
        self.stop_time = stop  # pyright: ignore[reportAttributeAccessIssue]

    def __check_init__(self):
        require_same_dimension(self.first.unit, self.last.unit)

    @property
    def unit(self) -> Unit:
        return self.first.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.first.shape, self.last.shape)

    def end(self, dt: float) -> float | None:
        return _latest(self.stop_time)

    def extent(self) -> tuple[Any, Any] | None:
        return spread(self.first.value, self.last.value, 0.0)

    def at(self, grid: Grid) -> Array:
        length = self.stop_time - self.start_time
        part = jnp.clip((grid.middle - self.start_time) / length, 0, 1)
        value = over_time(1 - part, self.first.value) + over_time(part, self.last.value)
        begun = grid.since(self.start_time) >= 0
        return jnp.where(begun.reshape(begun.shape + (1,) * (value.ndim - 1)), value, 0)


class Sine(AbstractSteadyStimulus):
    """amplitude sin(2 pi frequency t + phase).

    >>> import rheobase as rb
    >>> from rheobase.units import Hz, nA
    >>> wave = 1 * nA + rb.stimulus.Sine(0.2 * nA, frequency=8 * Hz)
    """

    amplitude: Quantity = measured("peak value")
    frequency: Array = quantity(Hz, positive, "frequency")
    phase: Array = quantity(dimensionless, anything, "phase at t = 0, radians", default=0.0)

    @property
    def unit(self) -> Unit:
        return self.amplitude.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return self.amplitude.shape

    def extent(self) -> tuple[Any, Any] | None:
        return spread(self.amplitude.value, -self.amplitude.value)

    def at(self, grid: Grid) -> Array:
        # Whole turns are dropped before the sine, which float32 needs after many seconds.
        turns = jnp.mod(grid.middle * self.frequency, 1)
        return over_time(jnp.sin(2 * jnp.pi * turns + self.phase), self.amplitude.value)


class Pulses(AbstractSteadyStimulus):
    """`amplitude` at given times: for one step each (a delta input), or for `width`.

    times (ms) may come in any order; pulses that overlap add up.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, mV, nA
    >>> kicks = rb.stimulus.Pulses([5, 12.5] * ms, 3 * mV)
    >>> blocks = rb.stimulus.Pulses([40, 60, 280] * ms, 0.65 * nA, width=4 * ms)
    """

    times: Array = quantity(ms, non_negative, "onset of each pulse")
    amplitude: Quantity = measured("value while on")
    width: Array = quantity(ms, non_negative, "length of each pulse; 0 for one step")

    def __init__(self, times: Any, amplitude: Quantity, width: Quantity = 0 * ms):
        if isinstance(times, list | tuple):
            times = Quantity([t.value_in(ms) for t in times], ms)
        self.times = times
        self.amplitude = amplitude
        self.width = width  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def unit(self) -> Unit:
        return self.amplitude.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return self.amplitude.shape

    def end(self, dt: float) -> float | None:
        onset, width = _latest(self.times), _latest(self.width)
        return None if onset is None or width is None else onset + max(width, dt)

    def extent(self) -> tuple[Any, Any] | None:
        known = spread(self.amplitude.value, 0.0)
        return None if known is None else tuple(x * max(np.size(self.times), 1) for x in known)

    def at(self, grid: Grid) -> Array:
        length = jnp.maximum(whole_steps(self.width, grid.dt), 1)
        since = grid.since(jnp.atleast_1d(self.times))
        number = jnp.sum((since >= 0) & (since < length), axis=1).astype(grid.dtype)
        return over_time(number, self.amplitude.value)


class FromArray(AbstractSteadyStimulus):
    """Values from an array of shape (time, ...), one for each `dt`; zero after its end.

    Without `dt` there is one value for each step of the simulation. With `dt` each value is held
    for that long; it must be a whole number of simulation steps.

    >>> import numpy as np
    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> staircase = rb.stimulus.FromArray(np.arange(5) * nA, dt=20 * ms)
    """

    samples: Quantity = measured("values, time first")
    sample_time: Array | None  # pyright: ignore[reportGeneralTypeIssues]

    def __init__(self, values: Quantity, dt: Quantity | None = None):
        self.samples = values
        self.sample_time = (
            None if dt is None else to_internal(dt, ms, "dt", "FromArray(..., dt={})")
        )

    def __check_init__(self):
        if self.samples.ndim == 0:
            raise ShapeError(
                "FromArray takes an array whose first axis is time, got one number. "
                "Write rb.stimulus.Constant(...)."
            )
        if not math.prod(self.samples.shape):
            raise ShapeError(
                f"FromArray takes at least one value, got an array of shape {self.samples.shape}."
            )

    @property
    def unit(self) -> Unit:
        return self.samples.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return self.samples.shape[1:]

    def check(self, dt: float) -> None:
        if self.sample_time is None or isinstance(self.sample_time, Tracer):
            return
        each = float(self.sample_time) / dt
        if each < 0.999 or abs(each - round(each)) > 1e-3:
            raise ShapeError(
                f"FromArray has a value every {float(self.sample_time):g} ms, which is no whole "
                f"number of steps of dt = {dt:g} ms. Choose dt so that it divides it."
            )

    def end(self, dt: float) -> float | None:
        each = dt if self.sample_time is None else _latest(self.sample_time)
        return None if each is None else each * self.samples.shape[0]

    def extent(self) -> tuple[Any, Any] | None:
        if isinstance(self.samples.value, Tracer):
            return None
        every = np.asarray(self.samples.value)
        return every.min(axis=0, initial=0.0), every.max(axis=0, initial=0.0)

    def at(self, grid: Grid) -> Array:
        index = grid.steps
        if self.sample_time is not None:
            each = jnp.maximum(whole_steps(self.sample_time, grid.dt), 1)
            index = _nth(Clock.of(grid.clock), each)
        return jnp.take(self.samples.value, index, axis=0, mode="fill", fill_value=0)


def _nth(clock: Clock, each: Array) -> Array:
    """Which value holds at each of some steps, of which the first is the earliest; int32."""
    first = Clock(*(x[0] for x in clock))
    done, left = first.divided(each, FAR)
    more = (clock.since(first) + jax.lax.bitcast_convert_type(left, jnp.int32)) // each
    return Clock(*(x[None] for x in done)).after(more).since(Clock.of(0))


def _latest(times: Array) -> float | None:
    """The last of some times (ms), where they are known before the run and there are any."""
    if isinstance(times, Tracer) or not np.size(times):
        return None
    return float(np.max(np.asarray(times)))


def _in_time(value: Array, during: Array) -> Array:
    """(time, *value.shape): the value where `during`, else zero."""
    during = during.reshape(during.shape + (1,) * value.ndim)
    return jnp.where(during, value, 0)
