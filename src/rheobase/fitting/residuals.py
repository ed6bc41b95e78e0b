"""How far a run is from the data, as residuals with their derivatives.

All are in units of what is a good fit, so that they can be added up: a voltage of `VOLTAGE` over
`CORRELATION` ms, a spike that is late by `LATE` ms, a margin that misses the threshold by `MARGIN`.
"""

from typing import NamedTuple

import numpy as np

from rheobase.fitting.target import BLOCK, Target, near

VOLTAGE = 1.5
"""mV."""
CORRELATION = 150.0
"""ms over which errors of a voltage go together, so that they count as one."""
LATE = 4.0
"""ms."""
FIRST = 2.0
"""The same for the first spike after the current has changed, ms."""
IDLE = 12.0
"""ms: that of spikes at the holding current, of which only chance knows the phase."""
MARGIN = 0.1
"""Of the way from reset to threshold."""
OUTLIER = 3.0
"""Beyond this many units a residual counts with its size only, not with its square (Huber)."""
AGREED = 0.1
"""Of that way, which a spike that is missing shall go beyond the threshold."""
_COUNTS = 2
"""How many spikes the first of a pulse counts for: everything after it depends on it."""
_FIXED = 10.0
"""What a spike too few or too many costs beside its distance."""


class Residuals(NamedTuple):
    """One residual each, and its derivatives by the P parameters."""

    value: np.ndarray
    """(m,)."""
    slope: np.ndarray
    """(m, P)."""

    @property
    def cost(self) -> float:
        """Half the sum of squares, of outliers the sizes."""
        size = np.abs(self.value)
        square = 0.5 * size**2
        return float(np.sum(np.where(size < OUTLIER, square, OUTLIER * (size - OUTLIER / 2))))

    def normal(self) -> tuple[np.ndarray, np.ndarray]:
        """Matrix and right-hand side of the normal equations, outliers weighed down."""
        weight = np.minimum(1, OUTLIER / np.maximum(np.abs(self.value), 1e-12))
        weighted = self.slope * weight[:, None]
        with np.errstate(invalid="ignore", over="ignore"):  # who asks looks at what is finite
            return weighted.T @ self.slope, weighted.T @ self.value


class Seen(NamedTuple):
    """A course of one start on the host, with its derivatives."""

    v: np.ndarray
    """(blocks, n)."""
    top: np.ndarray
    fired: np.ndarray
    when: np.ndarray
    dv: np.ndarray
    """(P, blocks, n)."""
    dtop: np.ndarray
    dwhen: np.ndarray

    def spikes(self, sweep: int) -> tuple[np.ndarray, np.ndarray]:
        """Times (ms) and blocks of the spikes of a sweep."""
        blocks = np.flatnonzero(self.fired[:, sweep] > 0)
        return blocks * BLOCK + self.when[blocks, sweep], blocks


def forced(seen: Seen, goal: Target) -> Residuals:
    """Of a run in which the data's spikes reset the neuron."""
    own = [seen.spikes(k) for k in range(len(goal.spikes))]
    rows = []
    # From the moment at which it would have fired itself its voltage says nothing.
    mask = goal.quiet.copy()
    for k, (times, blocks) in enumerate(own):
        data = goal.spikes[k]
        last = -np.inf
        for t in data:
            inside = (times > max(last + 1, t - 200)) & (times < t - 0.5)
            if inside.any():
                first = int(np.argmax(inside))
                rows.append(((times[first] - t) / LATE, seen.dwhen[:, blocks[first], k] / LATE))
                mask[blocks[first] : int(t / BLOCK) + 1, k] = False
            else:
                at = min(int(t / BLOCK), len(seen.top) - 1)
                value = (min(seen.top[at, k], AGREED) - AGREED) / MARGIN
                rows.append((value, seen.dtop[:, at, k] / MARGIN))
            last = t
        edges = np.concatenate([data, [np.inf]])
        for t, block in zip(times, blocks, strict=True):
            following = edges[np.searchsorted(edges, t)]
            # Where the data do not fire within 200 ms, the margin must come down again.
            if following - t > 200:
                end = len(mask) if np.isinf(following) else int(following / BLOCK)
                mask[block:end, k] = False
                rows.append(
                    ((seen.top[block, k] + MARGIN) / MARGIN, seen.dtop[:, block, k] / MARGIN)
                )
    return _together(seen, goal, mask, rows)


def free(seen: Seen, goal: Target) -> Residuals:
    """Of a run that fires by itself: spike times, missing and additional spikes, voltage."""
    rows: list = []
    modelled = []
    for k, data in enumerate(goal.spikes):
        times, blocks = seen.spikes(k)
        modelled.append(times)
        edges = goal.edges[k]
        for begin, end, driven in zip(edges[:-1], edges[1:], goal.driven[k], strict=True):
            mine = np.flatnonzero((times >= begin) & (times < end))
            theirs = data[(data >= begin) & (data < end)]
            both = min(len(mine), len(theirs))
            for m, t in zip(mine[:both], theirs[:both], strict=True):
                scale = _scale(float(t - theirs[0]), bool(driven))
                row = (times[m] - t) / scale, seen.dwhen[:, blocks[m], k] / scale
                rows += [row] * (_COUNTS if driven and t == theirs[0] else 1)
            for m in mine[both:]:
                scale = _scale(float(times[m] - begin) + 1, bool(driven))
                value = (times[m] - end - 1) / scale - _FIXED
                rows.append((value, seen.dwhen[:, blocks[m], k] / scale))
            missing = len(theirs) - both
            if missing > 0:
                after = begin if both == 0 else times[mine[both - 1]] + 2
                a, b = int(after / BLOCK) + 1, int(end / BLOCK)
                if a < b:
                    at = a + int(np.argmax(seen.top[a:b, k]))
                    value = (min(float(seen.top[at, k]), AGREED) - AGREED) / MARGIN - _FIXED
                    rows += [(value, seen.dtop[:, at, k] / MARGIN)] * missing
    mask = goal.quiet & ~near(modelled, len(seen.v))
    return _together(seen, goal, mask, rows)


def _scale(after: float, driven: bool) -> float:
    """ms by which a spike may be late that comes so long after the first of its stretch."""
    if not driven:
        return IDLE + 0.1 * after
    return FIRST if after == 0 else LATE + 0.05 * after


def _together(seen: Seen, goal: Target, mask: np.ndarray, rows: list) -> Residuals:
    scale = VOLTAGE * np.sqrt(CORRELATION / BLOCK)
    trace = (seen.v - goal.v)[mask] / scale
    # The Huber threshold is for single errors: that of a voltage by its own size.
    size = np.abs(trace) * scale / VOLTAGE
    soft = np.sqrt(np.minimum(1, OUTLIER / np.maximum(size, 1e-12)))
    slopes = seen.dv[:, mask].T / scale * soft[:, None]
    values = np.array([r[0] for r in rows], float)
    derivatives = np.array([r[1] for r in rows], float).reshape(len(rows), seen.dv.shape[0])
    return Residuals(np.concatenate([trace * soft, values]), np.concatenate([slopes, derivatives]))
