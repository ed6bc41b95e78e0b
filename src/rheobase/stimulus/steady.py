"""Stimuli that are functions of time: steps, ramps, waves, pulses, recorded series."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.errors import ParameterError, ShapeError, StepperError
from rheobase.stimulus.base import (
    AbstractSteadyStimulus,
    AbstractTimedStimulus,
    Grid,
    Kind,
    in_row,
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

    Errors: `ParameterError` for a step that stops before it starts, `StepperError` where none of
    it is left on the grid of time steps.

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

    def __check_init__(self):
        _require_order("Step", self.start_time, self.stop_time)

    @property
    def unit(self) -> Unit:
        return self.amplitude.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return _shape(self.amplitude, self.start_time, self.stop_time)

    def check(self, dt: float) -> None:
        _require_order("Step", self.start_time, self.stop_time)
        if _traced(self.start_time, self.stop_time):
            return
        starts, stops = (np.asarray(x) for x in (self.start_time, self.stop_time))
        gone = np.asarray(whole_steps(stops, dt) <= whole_steps(starts, dt)) & (stops < FAR * dt)
        if np.any(gone):
            start, stop = (x[gone][0] for x in np.broadcast_arrays(starts, stops))
            raise StepperError(
                f"Step from {start:g} to {stop:g} ms is shorter than half a step of dt = {dt:g} "
                f"ms, so that nothing of it would be left. Choose dt below {2 * (stop - start):g} "
                "ms, or a longer step."
            )

    def extent(self) -> tuple[Any, Any] | None:
        return spread(self.amplitude.value, 0.0)

    def at(self, grid: Grid) -> Array:
        during = (grid.since(self.start_time) >= 0) & (grid.since(self.stop_time) < 0)
        value = in_row(self.amplitude.value[None], self.shape)
        return jnp.where(in_row(during, self.shape), value, 0)


class Ramp(AbstractSteadyStimulus):
    """From `first` at `start` in a straight line to `last` at `stop`; zero before, `last` after.

    Errors: `ParameterError` for a ramp that stops before it starts.

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
        _require_order("Ramp", self.start_time, self.stop_time)

    @property
    def unit(self) -> Unit:
        return self.first.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return _shape(self.first, self.last, self.start_time, self.stop_time)

    def check(self, dt: float) -> None:
        _require_order("Ramp", self.start_time, self.stop_time)

    def extent(self) -> tuple[Any, Any] | None:
        return spread(self.first.value, self.last.value, 0.0)

    def at(self, grid: Grid) -> Array:
        length = self.stop_time - self.start_time
        part = jnp.clip(grid.elapsed(self.start_time) / length[None], 0, 1)
        part = in_row(jnp.broadcast_to(part, (len(part), *_shape(length))), self.shape)
        value = over_time(1 - part, self.first.value) + over_time(part, self.last.value)
        return jnp.where(in_row(grid.since(self.start_time), self.shape) >= 0, value, 0)


class Sine(AbstractSteadyStimulus):
    """amplitude sin(2 pi frequency t + phase), t to the digits of the frequency at any time.

    Errors: `StepperError` for a frequency of less than two steps a turn.

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
        return _shape(self.amplitude, self.frequency, self.phase)

    def check(self, dt: float) -> None:
        fastest = _latest(self.frequency)
        if fastest is not None and fastest * dt > 0.5 * (1 + 1e-6):
            turn = 1 / fastest
            raise StepperError(
                f"Sine turns once in {turn:g} ms, which steps of dt = {dt:g} ms cannot follow. "
                f"Choose dt below {turn / 2:g} ms, at best {turn / 20:g} ms or less."
            )

    def extent(self) -> tuple[Any, Any] | None:
        return spread(self.amplitude.value, -self.amplitude.value)

    def at(self, grid: Grid) -> Array:
        turns = in_row(grid.turns(self.frequency), self.shape)
        angle = 2 * jnp.pi * turns + in_row(self.phase[None], self.shape)
        return over_time(jnp.sin(angle), self.amplitude.value)


class Pulses(AbstractTimedStimulus):
    """`amplitude` at given times: once each (`width` 0), or held for `width`.

    times (ms) may come in any order; pulses that overlap add up. As a current a pulse without a
    width lasts one step. As a delta input or through a synapse each pulse arrives once, and has no
    width of more than a step.

    Errors: `StepperError` for a width that is shorter than half a step.

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

    def __check_init__(self):
        if self.width.shape not in ((), self.times.shape):
            raise ShapeError(
                f"`width` of Pulses has shape {self.width.shape}: give one length, or one for each "
                f"of the times, of shape {self.times.shape}."
            )

    @property
    def unit(self) -> Unit:
        return self.amplitude.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return self.amplitude.shape

    @property
    def kind(self) -> Kind:
        return "events" if _latest(self.width) == 0 else "held"

    def check(self, dt: float) -> None:
        if _traced(self.width):
            return
        wide = np.asarray(self.width)
        short = (wide > 0) & (whole_steps(wide, dt) < 1)
        if np.any(short):
            raise StepperError(
                f"Pulses of width {wide[short].min():g} ms are shorter than half a step of dt = "
                f"{dt:g} ms, of which they would last a whole one. Choose dt below "
                f"{2 * wide[short].min():g} ms, or leave out `width` for one step."
            )

    def check_beginnings(self, dt: float) -> None:
        width = _latest(self.width)
        if width is not None and width > 1.01 * dt:
            raise StepperError(
                f"Pulses of {width:g} ms last several steps of dt = {dt:g} ms, and what arrives at "
                "once has no length. Leave out `width`, or give the amplitude as a rate, in "
                f"{self.unit}/ms."
            )

    def extent(self) -> tuple[Any, Any] | None:
        known = spread(self.amplitude.value, 0.0)
        return None if known is None else tuple(x * max(np.size(self.times), 1) for x in known)

    def at(self, grid: Grid) -> Array:
        steps = jnp.maximum(whole_steps(self.width, grid.dt), 1)
        return self._counted(grid, jnp.broadcast_to(steps, self.times.shape))

    def beginnings(self, grid: Grid) -> Array:
        return self._counted(grid, jnp.ones(self.times.shape, jnp.int32))

    def _counted(self, grid: Grid, length: Array) -> Array:
        since = grid.since(jnp.atleast_1d(self.times))
        on = (since >= 0) & (since < jnp.atleast_1d(length)[None])
        number = jnp.sum(on, axis=1).astype(grid.dtype)
        return over_time(number, self.amplitude.value)


class FromArray(AbstractTimedStimulus):
    """Values from an array of shape (time, ...), one for each `dt`; zero after its end.

    Without `dt` there is one value for each step of the simulation. With `dt`, a whole number of
    simulation steps, a value of a current is held for that long. As a delta input or through a
    synapse each value arrives once, at its beginning: a raster of spikes brings as many spikes at
    any step of the simulation.

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

    def extent(self) -> tuple[Any, Any] | None:
        if isinstance(self.samples.value, Tracer):
            return None
        every = np.asarray(self.samples.value)
        return every.min(axis=0, initial=0.0), every.max(axis=0, initial=0.0)

    def at(self, grid: Grid) -> Array:
        return self._taken(self._place(grid)[0])

    def beginnings(self, grid: Grid) -> Array:
        index, since = self._place(grid)
        return self._taken(jnp.where(since == 0, index, len(self.samples.value)))

    def _taken(self, index: Array) -> Array:
        return jnp.take(self.samples.value, index, axis=0, mode="fill", fill_value=0)

    def _place(self, grid: Grid) -> tuple[Array, Array]:
        """Which value holds in each step, and for how many steps it has; int32."""
        if self.sample_time is None:
            return grid.steps, jnp.zeros_like(grid.steps)
        each = jnp.maximum(whole_steps(self.sample_time, grid.dt), 1)
        clock = Clock.of(grid.clock)
        # The first step is the earliest, and the only one that needs a division of 64 bits.
        first = Clock(*(x[0] for x in clock))
        done, left = first.divided(each, FAR)
        more = clock.since(first) + jax.lax.bitcast_convert_type(left, jnp.int32)
        index = Clock(*(x[None] for x in done)).after(more // each)
        return index.since(Clock.of(0)), more % each


def _traced(*values: Any) -> bool:
    return any(isinstance(x, Tracer) for x in values)


def _require_order(name: str, start: Array, stop: Array) -> None:
    """Refuse what stops before it has started, where that is known."""
    if _traced(start, stop):
        return
    starts, stops = np.broadcast_arrays(np.asarray(start), np.asarray(stop))
    bad = stops <= starts
    if np.any(bad):
        one, two = starts[bad][0], stops[bad][0]
        raise ParameterError(
            f"{name} from {one:g} ms must stop later than that, got stop = {two:g} ms. `stop` is a "
            f"time, not a length: write stop={one + max(two, 1):g}*ms."
        )


def _latest(times: Array) -> float | None:
    """The last of some times (ms), where they are known before the run and there are any."""
    if isinstance(times, Tracer) or not np.size(times):
        return None
    return float(np.max(np.asarray(times)))


def _shape(*values: Any) -> tuple[int, ...]:
    return np.broadcast_shapes(*(x.shape for x in values))
