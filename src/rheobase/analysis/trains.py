"""Spike trains, from a recording or from events."""

from typing import Any

import numpy as np

from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.trains import AbstractRecorded, Trains, positive_time
from rheobase.units import Quantity, ms


def trains_of(spikes: Any, n: int | None = None, duration: Quantity | None = None) -> Trains:
    """The spikes of a recording, or events with their number of neurons and observed time."""
    if isinstance(spikes, Trains):
        return spikes
    if isinstance(spikes, AbstractRecorded):
        if n is not None or duration is not None:
            raise ArgumentError("a recording knows its `n` and `duration`: leave them out.")
        parts = spikes.parts()
        if len(parts) > 1:
            raise ArgumentError(
                f"this is for one population, got a recording of {len(parts)}. Write run"
                f"[{next(iter(parts))!r}]."
            )
        return next(iter(parts.values()))
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
    return Trains(times, neuron.astype(int), int(n), 0.0, positive_time(duration, "duration"))
