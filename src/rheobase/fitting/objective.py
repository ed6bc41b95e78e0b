"""What free runs of a population of models cost: one number each, without derivatives.

The spikes of model and data in a stretch of constant current are matched in their order. With M and
N of them, matched ones late by t ms, and the mean square e² of the voltage away from spikes,

    cost = 3/N_all (sum of h(t/scale) + 4 |M - N| + 4 (M - N)² + 10 [one is silent]) + e²/2 mV²

where h is that of Huber, and the first spike of a pulse counts threefold, as latencies are judged.
"""

from typing import Any, NamedTuple

import numpy as np

from rheobase.fitting.residuals import FIRST, IDLE, LATE, OUTLIER
from rheobase.fitting.target import AFTER, BEFORE, BLOCK, Target

_FIRST_COUNTS = 3.0
_ONE, _SQUARE, _SILENT = 4.0, 4.0, 10.0
"""A spike too many or too few, the square of how many there are, a stretch in which one is mute."""
_UNDRIVEN = 0.3
"""Weight of counts at the holding current."""
_TIMING = 3.0
_VARIANCE = 2.0
"""mV²."""
_WORST = 30.0
"""Beyond this a spike is no later than late."""


class Objective(NamedTuple):
    """The data in the form in which populations are compared with it."""

    goal: Target
    spikes: np.ndarray
    """ms, (sweeps, stretches, most spikes), NaN where there are no more."""
    counts: np.ndarray
    """(sweeps, stretches)."""
    scale: np.ndarray
    """ms, as `spikes`."""
    driven: np.ndarray
    """(sweeps, stretches)."""

    @classmethod
    def of(cls, goal: Target) -> "Objective":
        """The objective of a target."""
        n, stretches = len(goal.spikes), max(len(e) for e in goal.edges) - 1
        most = max([1, *(len(s) for s in goal.spikes)])
        spikes = np.full((n, stretches, most), np.nan)
        driven = np.zeros((n, stretches), bool)
        for k, data in enumerate(goal.spikes):
            edges = goal.edges[k]
            driven[k, : len(edges) - 1] = goal.driven[k]
            for j, (begin, end) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
                inside = data[(data >= begin) & (data < end)]
                spikes[k, j, : len(inside)] = inside
        after = spikes - spikes[..., :1]
        pulse = np.where(after == 0, FIRST, LATE + 0.05 * after)
        scale = np.where(driven[..., None], pulse, IDLE + 0.1 * after)
        return cls(goal, spikes, np.isfinite(spikes).sum(axis=-1), scale, driven)

    def __call__(self, course: Any) -> np.ndarray:
        """The cost of each course, arrays (P, blocks, sweeps); (P,)."""
        fired = np.asarray(course.fired) > 0
        times, counts = self._sorted(fired, np.asarray(course.when, float))
        with np.errstate(invalid="ignore"):
            size = np.minimum(np.abs(times - self.spikes) / self.scale, 1e6)
        cost = np.where(size < OUTLIER, 0.5 * size**2, OUTLIER * (size - OUTLIER / 2))
        weight = np.ones(self.spikes.shape)
        weight[..., 0] = np.where(self.driven, _FIRST_COUNTS, 1.0)
        timing = np.nansum(np.minimum(cost, _WORST) * weight, axis=(1, 2, 3))
        miss = counts - self.counts
        square = np.sum(np.where(self.driven, 1.0, _UNDRIVEN) * miss**2, axis=(1, 2))
        mute = np.sum((counts == 0) != (self.counts == 0), axis=(1, 2))
        errors = _ONE * np.abs(miss).sum(axis=(1, 2)) + _SQUARE * square + _SILENT * mute
        total = max(int(self.counts.sum()), 1)
        return _TIMING * (timing + errors) / total + self._variance(course, fired) / _VARIANCE

    def _variance(self, course: Any, fired: np.ndarray) -> np.ndarray:
        """Mean square of the voltage away from spikes of both, mV²."""
        near = np.zeros(fired.shape, bool)
        for shift in range(-int(BEFORE / BLOCK), int(AFTER / BLOCK) + 1):
            a, b = max(shift, 0), fired.shape[1] + min(shift, 0)
            near[:, a:b] |= fired[:, a - shift : b - shift]
        mask = self.goal.quiet[None] & ~near
        error = np.where(mask, np.asarray(course.v, float) - self.goal.v, 0.0)
        return np.sum(error**2, axis=(1, 2)) / np.maximum(mask.sum(axis=(1, 2)), 1)

    def _sorted(self, fired: np.ndarray, when: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Times of the models' spikes in the form of `spikes`, and how many there are."""
        shape = (len(fired), *self.spikes.shape)
        times, counts = np.full(shape, np.nan), np.zeros(shape[:3], int)
        for k, edges in enumerate(self.goal.edges):
            who, block = np.nonzero(fired[:, :, k])
            at = block * BLOCK + when[who, block, k]
            stretch = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, len(edges) - 2)
            group = who * shape[2] + stretch
            # Of one model they are in order, so that the place within a group is that of the spike.
            first = np.r_[True, group[1:] != group[:-1]] if len(group) else np.zeros(0, bool)
            place = np.arange(len(group))
            place = place - np.maximum.accumulate(np.where(first, place, 0))
            counts[:, k] = np.bincount(group, minlength=shape[0] * shape[2]).reshape(shape[0], -1)
            kept = place < shape[3]
            times[who[kept], k, stretch[kept], place[kept]] = at[kept]
        return times, counts
