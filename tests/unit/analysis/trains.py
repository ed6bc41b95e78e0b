"""Spike trains of which the statistics are known."""

import numpy as np

from rheobase.units import s


def poisson(n=50, rate=20.0, seconds=40.0, seed=0):
    """n Poisson trains of `rate` Hz as events, with what else the functions want."""
    random = np.random.default_rng(seed)
    counts = random.poisson(rate * seconds, n)
    neuron = np.repeat(np.arange(n), counts)
    times = random.uniform(0, 1000 * seconds, counts.sum())
    order = np.argsort(times)
    return (times[order], neuron[order]), {"n": n, "duration": seconds * s}


def regular(n=10, interval=20.0, seconds=4.0, together=False):
    """n clocks, each with its own phase or all in one."""
    phase = np.full(n, 7.0) if together else (np.arange(n) + 0.35) * interval / n
    count = int(1000 * seconds / interval)
    times = (np.arange(count)[:, None] * interval + phase).ravel()
    neuron = np.tile(np.arange(n), count)
    order = np.argsort(times, kind="stable")
    return (times[order], neuron[order]), {"n": n, "duration": seconds * s}
