"""What a spike train looks like, in words that a test can use."""

import numpy as np


def between(times, start, stop):
    """How many spikes fall between two times (ms)."""
    return int(np.sum((times > start) & (times <= stop)))


def bursts(times, gap):
    """The spikes, cut where the interval exceeds `gap` (ms)."""
    return np.split(times, 1 + np.flatnonzero(np.diff(times) > gap))


def steady(intervals, tolerance=0.05):
    """Whether intervals are all the same."""
    return np.ptp(intervals) <= tolerance * np.mean(intervals)


def growing(intervals):
    """Whether each interval is longer than the one before."""
    return bool(np.all(np.diff(intervals) > 0))
