"""Spike counts in windows of time: how they vary, and how they vary together."""

from typing import Any, NamedTuple

import numpy as np

from rheobase.analysis.trains import trains_of
from rheobase.units import Quantity, ms


class _Counts(NamedTuple):
    """Counts c of each neuron in each of K windows, as far as they are needed."""

    place: np.ndarray
    """The window of each spike."""
    neuron: np.ndarray
    windows: int
    mean: np.ndarray
    """Over the windows, (n,)."""
    variance: np.ndarray
    """Over the windows, with the divisor K, (n,)."""


def fano(
    spikes: Any,
    bin: Quantity = 100 * ms,
    *,
    n: int | None = None,
    duration: Quantity | None = None,
) -> np.ndarray:
    r"""Fano factor of each neuron, shape (n,): variance of its counts in windows over their mean.

    1 of a Poisson process, near 0 of a clock; NaN of a silent neuron and with a single window. The
    variance has the divisor K - 1 of K windows.

    >>> import numpy as np
    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> events = np.array([5.0, 6.0, 15.0, 25.0, 26.0]), np.zeros(5, int)
    >>> rb.analysis.fano(events, 10 * ms, n=1, duration=30 * ms).round(3).tolist()
    [0.2]
    """
    counts = _counted(spikes, bin, n, duration)
    sure = (counts.mean > 0) & (counts.windows > 1)
    unbiased = counts.variance * counts.windows / max(counts.windows - 1, 1)
    return np.where(sure, unbiased / np.where(sure, counts.mean, 1), np.nan)


def correlation(
    spikes: Any,
    bin: Quantity = 5 * ms,
    *,
    n: int | None = None,
    duration: Quantity | None = None,
) -> float:
    r"""Mean over all pairs of neurons of the correlation coefficient of their spike counts.

    With z_i the counts of neuron i less their mean, over their standard deviation, and m neurons
    whose counts vary, it is (<(sum_i z_i)^2> - m)/(m (m - 1)), so that no pair has to be looked at.
    NaN with fewer than two such neurons.

    >>> import numpy as np
    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> together = np.array([1.0, 1.0, 12.0, 12.0]), np.array([0, 1, 0, 1])
    >>> round(rb.analysis.correlation(together, 5 * ms, n=2, duration=20 * ms), 6)
    1.0
    """
    counts = _counted(spikes, bin, n, duration)
    varies = counts.variance > 0
    m = int(varies.sum())
    if m < 2:
        return float("nan")
    scale = np.where(varies, 1 / np.sqrt(np.where(varies, counts.variance, 1)), 0)
    total = np.bincount(counts.place, scale[counts.neuron], minlength=counts.windows)
    return float((total.var() - m) / (m * (m - 1)))


def synchrony(
    spikes: Any,
    bin: Quantity = 5 * ms,
    *,
    n: int | None = None,
    duration: Quantity | None = None,
) -> float:
    r"""How much the counts of all neurons vary together: chi^2 = Var(<c_i>)/<Var(c_i)>.

    <> is the mean over the neurons, Var the variance over windows of width `bin`. chi is 1 where
    all fire together, and falls as 1/sqrt(n) where each fires for itself; NaN where nothing varies.
    Source: Golomb & Rinzel 1994, Physica D 72:259, for counts instead of voltages.

    >>> import numpy as np
    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> together = np.array([1.0, 1.0, 12.0, 12.0]), np.array([0, 1, 0, 1])
    >>> round(rb.analysis.synchrony(together, 5 * ms, n=2, duration=20 * ms), 6)
    1.0
    """
    counts = _counted(spikes, bin, n, duration)
    mean = np.bincount(counts.place, minlength=counts.windows) / len(counts.mean)
    single = counts.variance.mean()
    return float(np.sqrt(mean.var() / single)) if single > 0 else float("nan")


def _counted(spikes: Any, bin: Quantity, n: Any, duration: Any) -> _Counts:
    trains = trains_of(spikes, n, duration)
    place, neuron, windows, _ = trains.bins(bin)
    cells, times = np.unique(neuron * windows + place, return_counts=True)
    mean = np.bincount(neuron, minlength=trains.n) / windows
    square = np.bincount(cells // windows, times**2, minlength=trains.n) / windows
    return _Counts(place, neuron, windows, mean, np.maximum(square - mean**2, 0))
