"""Intervals between the spikes of a neuron."""

from typing import Any

import numpy as np

from rheobase.analysis.trains import trains_of
from rheobase.units import Quantity


def isi(spikes: Any, *, n: int | None = None, duration: Quantity | None = None) -> list[np.ndarray]:
    r"""Intervals between successive spikes (ms), one array a neuron.

    >>> import numpy as np
    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> events = np.array([1.0, 2.0, 4.0, 9.0]), np.array([0, 1, 0, 0])
    >>> [x.tolist() for x in rb.analysis.isi(events, n=2, duration=10 * ms)]
    [[3.0, 5.0], []]
    """
    return [np.diff(times) for times in trains_of(spikes, n, duration).each()]


def cv(spikes: Any, *, n: int | None = None, duration: Quantity | None = None) -> np.ndarray:
    r"""Coefficient of variation of the intervals of each neuron, shape (n,).

    CV = std(interval)/mean(interval): 0 of a clock, 1 of a Poisson process. NaN with fewer than two
    intervals; of few it comes out too low.

    >>> import numpy as np
    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> events = np.array([1.0, 2.0, 3.0]), np.array([0, 0, 0])
    >>> rb.analysis.cv(events, n=2, duration=10 * ms).tolist()
    [0.0, nan]
    """
    intervals = isi(spikes, n=n, duration=duration)
    count = len(intervals)
    neuron = np.repeat(np.arange(count), [len(x) for x in intervals])
    intervals = np.concatenate(intervals)
    number = np.bincount(neuron, minlength=count)
    total = np.bincount(neuron, intervals, minlength=count)
    mean = total / np.maximum(number, 1)
    square = np.bincount(neuron, (intervals - mean[neuron]) ** 2, minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(number > 1, np.sqrt(square * number) / total, np.nan)
