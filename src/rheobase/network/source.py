"""Populations that fire at given times: lists of spikes, from which connections can leave."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.arguments import require_positions
from rheobase.errors import ArgumentError, ParameterError, ShapeError, StepperError
from rheobase.given import whole
from rheobase.morphology.content import SameContent
from rheobase.time import Clock
from rheobase.units import Quantity, Unit, ms, nA, to_internal, um
from rheobase.units.fields import to_numbers

_FAR = 2.0**62
"""Steps beyond any run."""


@final
@dataclass(frozen=True, eq=False)
class Trains(SameContent):
    """Spikes in the order of time, on the host: their times keep all their digits."""

    times: np.ndarray
    """ms, (spikes,), float64."""
    neurons: np.ndarray
    """(spikes,), int32."""

    def __repr__(self) -> str:
        return f"Trains({len(self.times)} spikes)"


class Listed(NamedTuple):
    """Spikes by the step in which they are, for one length of a step."""

    high: Array
    """Of the number of the step, the upper 32 bits, uint32, (spikes,), ascending."""
    low: Array
    """The lower 32 bits."""
    neuron: Array
    """int32, (spikes,)."""


class SourceState(NamedTuple):
    """A source carries nothing from step to step: the clock says what comes next."""

    nothing: Array
    """Zero, (n,)."""


class Fired(NamedTuple):
    """What came of a step."""

    spike: Array
    traces: dict[str, Array]
    state: SourceState


class AbstractSource(eqx.Module):
    """A population that fires at given times, in the place of neurons with synapses on them."""

    n: eqx.AbstractVar[int]

    receives: ClassVar[Unit] = nA
    random: ClassVar[bool] = False
    synapses: ClassVar[tuple] = ()
    """Nothing acts on it."""

    @abstractmethod
    def check(self, dt: float) -> None:
        """Refuse a time step (ms) in which a neuron would fire twice."""

    @abstractmethod
    def at(self, dt: float) -> "AbstractStepSource":
        """Its spikes by step, for steps of dt (ms)."""

    def start(self, n: int, dtype: Any, v: Any = None) -> SourceState:
        """Its state."""
        return SourceState(np.zeros(n, dtype))  # pyright: ignore[reportArgumentType]

    def arrive(self, state: SourceState, arrived: tuple) -> SourceState:
        """Its state after nothing has arrived."""
        return state


class AbstractStepSource(AbstractSource):
    """A source as the time loops take it."""

    @abstractmethod
    def rows(self, start: Clock, steps: int) -> Array:
        """What it is given in each step from `start` on, (steps, ...)."""

    @abstractmethod
    def fired(self, state: SourceState, row: Array) -> Fired:
        """The spikes of one step, (n,) of 0 and 1."""


class StepSource(AbstractStepSource):
    """A source as the loops know it: its spikes by the number of the step."""

    n: int = eqx.field(static=True)
    widest: int = eqx.field(static=True)
    """At least the most spikes of a step."""
    listed: Listed

    def check(self, dt: float) -> None:
        """It was checked when it was made."""

    def at(self, dt: float) -> "StepSource":
        return self

    def rows(self, start: Clock, steps: int) -> Array:
        """Which spikes are in each step from `start` on: from which to which, (steps, 2), int32."""
        since = Clock(self.listed.high, self.listed.low).since(start)
        ends = jnp.searchsorted(since, jnp.arange(steps + 1, dtype=jnp.int32)).astype(jnp.int32)
        return jnp.stack([ends[:-1], ends[1:]], axis=1)

    def fired(self, state: SourceState, row: Array) -> Fired:
        """The spikes of one step, (n,) of 0 and 1."""
        silent = jnp.zeros_like(state.nothing)
        if not self.listed.neuron.size:
            return Fired(silent, {}, state)
        places = row[0] + jnp.arange(self.widest, dtype=jnp.int32)
        who = jnp.take(self.listed.neuron, places, mode="clip")
        spike = silent.at[jnp.where(places < row[1], who, self.n)].set(1, mode="drop")
        return Fired(spike, {}, state)


class RasterSource(AbstractStepSource):
    """A source that fires where a raster is 1, (time, n): differentiable, and may be traced."""

    n: int = eqx.field(static=True)
    raster: Array
    first: Clock
    """The number of the step of its first row; before that and after its end nothing fires."""

    def check(self, dt: float) -> None:
        """Every raster has one value a step."""

    def at(self, dt: float) -> "RasterSource":
        return self

    def rows(self, start: Clock, steps: int) -> Array:
        """The spikes of each step from `start` on, (steps, n)."""
        place = start.ahead(steps).since(self.first)
        return jnp.take(self.raster, place, axis=0, mode="fill", fill_value=0)

    def fired(self, state: SourceState, row: Array) -> Fired:
        return Fired(row.astype(state.nothing.dtype), {}, state)


class SpikeSource(AbstractSource):
    """A population of `n` neurons that fire at given times, from which connections can leave.

    - `times` (spikes,): ms, in any order. A spike is at the end of the step whose end is nearest,
      of the first step at the earliest; as every spike it acts in the step after that.
    - `neurons` (spikes,): the number of the neuron that fires, from 0 to n - 1; or one for all.
    - `n`: how many neurons there are, silent ones included.
    - `positions` (n, dimensions): um, for connections that go by distance.

    It costs memory and time in proportion to its spikes. It stands among the populations of a
    `Network`, where its spikes are recorded like those of others; nothing can be connected to it.

    Errors: `ParameterError` for a time that is negative or no number, `ShapeError` for lists of
    different lengths and for neurons that there are not; of `simulate`, `StepperError` where two
    spikes of one neuron fall into one step.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> trains = rb.SpikeSource([5, 12.5, 12.5] * ms, [0, 1, 0], n=2)
    >>> excite = rb.Connection("in", "e", rb.Dense(), rb.Exponential(tau=5 * ms), weight=1 * nA)
    >>> net = rb.Network({"in": trains, "e": rb.Population(rb.LIF(), 3)}, [excite])
    >>> times, neurons = rb.simulate(net, duration=20 * ms, dt=0.1 * ms)["in"].events
    >>> times.round(1).tolist(), neurons.tolist()
    ([5.0, 12.5, 12.5], [0, 0, 1])
    """

    trains: Trains = eqx.field(static=True)
    n: int = eqx.field(static=True)
    positions: Array | None

    def __init__(self, times: Any, neurons: Any, n: int, positions: Any = None):
        example = "rb.SpikeSource([5, 12.5]*ms, [0, 1], n=2)"
        self.n = whole(n, "n", example)
        self.trains = _trains(times, neurons, self.n, example)
        self.positions = None
        if positions is not None:
            self.positions = to_internal(positions, um, "positions", "SpikeSource(positions={})")
        if self.positions is not None:
            require_positions(self.positions, self.n)

    def check(self, dt: float) -> None:
        _steps(self.trains, dt)

    def at(self, dt: float) -> "StepSource":
        step, neuron = _steps(self.trains, dt), self.trains.neurons
        order = np.lexsort((neuron, step))
        step, neuron = step[order], neuron[order]
        words = (x.astype(np.uint32) for x in (step >> 32, step & 0xFFFFFFFF))
        listed = Listed(*map(jax.device_put, (*words, neuron)))
        _, each = np.unique(step, return_counts=True)
        # A power of two, so that few programs serve all sources.
        return StepSource(self.n, 1 << int(np.max(each, initial=1) - 1).bit_length(), listed)


def _trains(times: Any, neurons: Any, n: int, example: str) -> Trains:
    if isinstance(times, list | tuple):
        each = [t.value_in(ms) if isinstance(t, Quantity) else None for t in times]
        times = times if None in each else Quantity(np.asarray(each, float), ms)
    value = times.value if isinstance(times, Quantity) else times
    if any(isinstance(x, Tracer) for x in (value, neurons)):
        raise ArgumentError(
            "the spikes of a SpikeSource decide what a run computes, so they must be known outside "
            "jit and vmap, got traced ones. Build the network outside."
        )
    when = np.atleast_1d(to_numbers(times, ms, "times", "rb.SpikeSource({}, [0, 1], n=2)"))
    who = np.asarray(neurons)
    who = np.broadcast_to(who, when.shape) if who.ndim == 0 else who
    if when.ndim != 1 or who.shape != when.shape:
        raise ShapeError(
            f"`times` {when.shape} and `neurons` {who.shape} must be lists of one length: each "
            f"spike has a time and a neuron. Write {example}."
        )
    if who.size and not np.issubdtype(who.dtype, np.integer):
        raise ShapeError(f"`neurons` holds numbers of neurons (integers), got {who.dtype}.")
    bad = ~(np.isfinite(when) & (when >= 0))
    if bad.any():
        k = int(np.argmax(bad))
        raise ParameterError(
            f"`times` must be 0 ms or later, got {when[k]:g} ms at index {k}. A run begins at 0 ms."
        )
    outside = (who < 0) | (who >= n)
    if outside.any():
        k = int(np.argmax(outside))
        raise ShapeError(
            f"`neurons` names neuron {who[k]} at index {k}, but there are {n}: choose from 0 to "
            f"{n - 1}."
        )
    order = np.lexsort((who, when))
    return Trains(when[order], who[order].astype(np.int32))


def _steps(trains: Trains, dt: float) -> np.ndarray:
    """The step of each spike, int64: the one whose end is nearest."""
    # The same shift as in `whole_steps`: a time in the middle of a step goes to its end.
    nearest = np.floor(np.minimum(trains.times / dt, _FAR) + (0.5 + 1e-4)).astype(np.int64)
    step = np.maximum(nearest - 1, 0)
    order = np.lexsort((trains.neurons, step))
    one, other = order[:-1], order[1:]
    twice = (step[one] == step[other]) & (trains.neurons[one] == trains.neurons[other])
    if twice.any():
        k = int(np.argmax(twice))
        first, second = trains.times[one[k]], trains.times[other[k]]
        raise StepperError(
            f"neuron {trains.neurons[one[k]]} of a SpikeSource fires at {first:g} and {second:g} "
            f"ms, which fall into one step of dt = {dt:g} ms, and a neuron fires once in a step. "
            f"Choose a smaller dt, or merge the two spikes."
        )
    return step
