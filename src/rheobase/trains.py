"""Spike trains in the one form in which they are analysed and drawn, and what can give them."""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

from rheobase.errors import ShapeError
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
        step = positive_time(width, "bin")
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


class AbstractRecorded(eqx.Module):
    """What was recorded of populations that fire."""

    @abstractmethod
    def parts(self) -> dict[str, Trains]:
        """The spikes of each population by its name, which is empty where there is but one."""


def positive_time(value: Any, name: str) -> float:
    """A time in ms, refused unless it is positive."""
    checked = to_internal(value, ms, name, f"rb.analysis.rates(..., {name}={{}})")
    # From the quantity itself where possible: float64, whatever the default type of arrays.
    number = float(value.value_in(ms)) if isinstance(value, Quantity) else float(checked)
    if not 0 < number < np.inf:
        raise DomainError(f"`{name}` is a positive time, got {value}. Write {name}=10*ms.")
    return number
