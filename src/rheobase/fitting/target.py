"""What a fit aims at: voltages, spike times and pulses of sweeps, in the form of its residuals."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rheobase.analysis.voltage import DetectedSpikes

BLOCK = 1.0
"""ms between the samples of the voltage that are compared."""
BEFORE, AFTER = 3.0, 10.0
"""ms around a spike in which the voltage is the spike's and is not compared."""


class Target(NamedTuple):
    """Sweeps as arrays, n of them, all of the same length."""

    numbers: tuple[int, ...]
    current: np.ndarray
    """nA, (steps, n)."""
    v: np.ndarray
    """mV, (blocks, n): at the end of each block, the electrode's share taken off."""
    spikes: tuple[np.ndarray, ...]
    """ms, of each sweep."""
    edges: tuple[np.ndarray, ...]
    """ms: the beginning, each change of the current, and the end of each sweep."""
    driven: tuple[np.ndarray, ...]
    """Between each two edges, whether the current differs from the holding current."""
    dt: float
    every: int
    """Steps in a block."""

    @property
    def quiet(self) -> np.ndarray:
        """Blocks far from every spike of the data, (blocks, n)."""
        return ~near(self.spikes, self.v.shape[0])

    def forced(self) -> np.ndarray:
        """The steps in which the data fire, (steps, n)."""
        found = np.zeros(self.current.shape, bool)
        for k, times in enumerate(self.spikes):
            places = np.ceil(times / self.dt - 1e-6).astype(int) - 1
            found[places[(places >= 0) & (places < len(found))], k] = True
        return found


def near(spikes: Sequence[np.ndarray], blocks: int) -> np.ndarray:
    """Whether the end of a block lies within the window of a spike, (blocks, n)."""
    ends = (np.arange(blocks) + 1) * BLOCK
    found = np.zeros((blocks, len(spikes)), bool)
    for k, times in enumerate(spikes):
        for t in np.asarray(times, float):
            found[:, k] |= (ends > t - BEFORE) & (ends < t + AFTER)
    return found


def target(
    sweeps: Sequence[Any], spikes: Sequence[DetectedSpikes], bridge: float, dt: float
) -> Target:
    """The sweeps (of one length) at a time step `dt` (ms) as a target."""
    coarse = [s.every(dt) for s in sweeps]
    every = round(BLOCK / dt)
    length = min(len(s.v) for s in coarse) // every * every
    current = np.stack([s.i[:length] for s in coarse], axis=1)
    v = []
    for s in sweeps:
        ratio = round(BLOCK / s.dt)
        ends = (np.arange(length // every) + 1) * ratio - 1
        v.append(s.v[ends] - bridge * s.i[ends])
    edges, driven = [], []
    for s in coarse:
        changes = (np.flatnonzero(np.abs(np.diff(s.i[:length])) > 1e-9) + 1) * dt
        if len(changes) > 20:  # a ramp or a noisy current: no pulses to tell apart
            changes = changes[:0]
        edges.append(np.concatenate([[0.0], changes, [length * dt]]))
        middles = (edges[-1][:-1] + edges[-1][1:]) / 2 / dt
        driven.append(s.i[middles.astype(int)] != s.holding)
    return Target(
        tuple(s.number for s in sweeps),
        current,
        np.stack(v, axis=1),
        tuple(s.times for s in spikes),
        tuple(edges),
        tuple(driven),
        dt,
        every,
    )
