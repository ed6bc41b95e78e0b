"""Populations that fire at given times: lists of spikes, from which connections can leave."""

from dataclasses import dataclass
from typing import Any, final

import equinox as eqx
import jax
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.arguments import require_positions
from rheobase.errors import ArgumentError, ParameterError, ShapeError, StepperError
from rheobase.given import whole
from rheobase.morphology.content import SameContent
from rheobase.systems.source import AbstractSource, Listed, StepSource
from rheobase.units import Quantity, ms, to_internal, um
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
