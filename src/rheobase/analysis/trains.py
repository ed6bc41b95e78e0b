"""Spike trains in the one form in which they are analysed."""

from typing import Any, NamedTuple

import numpy as np

from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.record import Recording
from rheobase.units import DomainError, Quantity, ms, to_internal

_ROUNDING = 1e-6
"""In bins: a spike at the end of a step belongs to the bin that ends there."""


class Trains(NamedTuple):
    """The spikes of n neurons between two times."""

    times: np.ndarray
    """ms, (spikes,)."""
    neuron: np.ndarray
    """(spikes,)."""
    n: int
    begin: float
    """ms."""
    end: float
    """ms."""

    @property
    def duration(self) -> float:
        """Observed time in ms."""
        return self.end - self.begin

    def each(self) -> list[np.ndarray]:
        """The spike times (ms) of each neuron, ascending."""
        order = np.lexsort((self.times, self.neuron))
        ends = np.cumsum(np.bincount(self.neuron, minlength=self.n))
        return np.split(self.times[order], ends[:-1])

    def bins(self, width: Quantity) -> tuple[np.ndarray, np.ndarray, int, float]:
        """Bin and neuron of each spike in a whole bin, the number of bins, and their width (ms)."""
        step = _time(width, "bin")
        count = int(self.duration / step + _ROUNDING)
        if count < 1:
            raise ShapeError(
                f"`bin` = {width} is longer than the {self.duration:g} ms that were observed. "
                f"Choose a shorter one."
            )
        place = np.ceil((self.times - self.begin) / step - _ROUNDING).astype(int) - 1
        place = np.maximum(place, 0)
        inside = place < count
        return place[inside], self.neuron[inside], count, step


def trains_of(spikes: Any, n: int | None = None, duration: Quantity | None = None) -> Trains:
    """The spikes of a recording, or events with their number of neurons and observed time."""
    if isinstance(spikes, Recording):
        if n is not None or duration is not None:
            raise ArgumentError("a recording knows its `n` and `duration`: leave them out.")
        return _recorded(spikes)
    if not (isinstance(spikes, tuple | list) and len(spikes) == 2):
        raise ArgumentError(
            f"spikes are a Recording or a pair (time, neuron), got {brief(spikes)}. "
            f"Write rb.analysis.rates(run), or rates(run.events, n=100, duration=1*s)."
        )
    times, neuron = spikes
    times = np.asarray(times.value_in(ms) if isinstance(times, Quantity) else times, float)
    neuron = np.asarray(neuron)
    if times.ndim != 1 or times.shape != neuron.shape:
        raise ShapeError(
            f"events are as many times as neurons, got shapes {times.shape} and {neuron.shape}."
        )
    if n is None or duration is None:
        raise ArgumentError(
            "events do not say how many neurons were observed, and how long. "
            "Write rates(run.events, n=100, duration=1*s)."
        )
    if neuron.size and not 0 <= neuron.min() <= neuron.max() < n:
        raise ShapeError(
            f"the events name neurons {neuron.min()} to {neuron.max()}, but n = {n}: "
            f"they are numbered from 0 to {n - 1}."
        )
    return Trains(times, neuron.astype(int), int(n), 0.0, _time(duration, "duration"))


def _recorded(run: Recording) -> Trains:
    shape = np.shape(run.counts)
    if len(shape) > 1:
        raise ShapeError(
            f"this is for one population, got a batch of shape {shape}. Choose one of it: "
            f"rates((run.t[step], neuron), ...) of step, neuron = np.nonzero(run.spikes[:, 0])."
        )
    begin = int(run.start) * run.dt
    end = begin + run.steps * run.dt
    if shape:
        return Trains(*run.events, shape[0], begin, end)
    times = np.asarray(run.spike_times())
    return Trains(times, np.zeros(len(times), int), 1, begin, end)


def _time(value: Any, name: str) -> float:
    checked = to_internal(value, ms, name, f"rb.analysis.rates(..., {name}={{}})")
    # From the quantity itself where possible: float64, whatever the default type of arrays.
    number = float(value.value_in(ms)) if isinstance(value, Quantity) else float(checked)
    if not 0 < number < np.inf:
        raise DomainError(f"`{name}` is a positive time, got {value}. Write {name}=10*ms.")
    return number
