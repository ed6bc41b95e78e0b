"""Levenberg-Marquardt from many starts at once, which begins anew where it is stuck.

A step solves (J'J + prior + lambda diag(J'J)) s = -(J'r + prior (y - y0)). One that lowers the cost
is taken and lambda divided by 4, otherwise lambda grows by 4. A start that finds no way down any
more goes on from near the best of all: costs of spike trains jump where a spike appears, and what
lies behind such a jump is found by leaping over it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rheobase.fitting.residuals import Residuals

_STUCK = 30.0
"""lambda beyond which a start is stuck."""
_LEAP = 1.0
"""Largest change of a free parameter in one step."""

Evaluate = Callable[[np.ndarray], list[Residuals]]


class Found(NamedTuple):
    """Where the starts ended, the best of each, ascending by cost."""

    y: np.ndarray
    """(starts, P)."""
    cost: np.ndarray
    """(starts,)."""
    matrix: np.ndarray
    """J'J and prior at the best, (P, P)."""


class Search:
    """A search that is advanced step by step, so that who runs it can show and stop it."""

    def __init__(
        self,
        evaluate: Evaluate,
        start: np.ndarray,
        centre: np.ndarray,
        prior: np.ndarray,
        tidy: Callable[[np.ndarray], np.ndarray],
        seed: int = 0,
        leaps: bool = True,
    ):
        self.evaluate, self.centre, self.prior, self.tidy = evaluate, centre, prior, tidy
        self.trial = start.copy()
        self.y = start.copy()
        n, size = start.shape
        self.cost = np.full(n, np.inf)
        self.damping = np.full(n, 0.3)
        self.matrix = np.tile(np.diag(prior), (n, 1, 1))
        self.slope = np.zeros((n, size))
        self.best: list[tuple[float, np.ndarray, np.ndarray]] = []
        """Cost, parameters and matrix of the best that was seen, kept when its start leaps."""
        self.random = np.random.default_rng(seed)
        self.leaps = leaps

    def step(self) -> float:
        """Evaluate the trials, choose the next ones; the best cost so far."""
        for k, r in enumerate(self.evaluate(self.trial)):
            away = self.trial[k] - self.centre
            cost = r.cost + 0.5 * float(np.sum(self.prior * away**2))
            matrix, slope = r.normal()
            sound = np.isfinite(cost) and np.isfinite(matrix).all() and np.isfinite(slope).all()
            if sound and cost < self.cost[k]:
                small = self.cost[k] - cost < 1e-3 * cost
                self.y[k], self.cost[k] = self.trial[k], cost
                self.matrix[k] = matrix + np.diag(self.prior)
                self.slope[k] = slope + self.prior * away
                self.damping[k] = self.damping[k] * (4 if small else 0.25)
                self._remember(cost, self.y[k], self.matrix[k])
            else:
                self.damping[k] *= 4
            if self.leaps and self.damping[k] > _STUCK and self.best:
                self._leap(k)
            else:
                self.trial[k] = self.tidy(self.y[k] + self._move(k))
        return self.best[0][0] if self.best else float("inf")

    def found(self) -> Found:
        """The best so far."""
        rows = self.best or [
            (float(c), y, m) for c, y, m in zip(self.cost, self.y, self.matrix, strict=True)
        ]
        return Found(
            np.array([y for _, y, _ in rows]), np.array([c for c, _, _ in rows]), rows[0][2]
        )

    def _remember(self, cost: float, y: np.ndarray, matrix: np.ndarray) -> None:
        self.best.append((cost, y.copy(), matrix.copy()))
        self.best = sorted(self.best, key=lambda row: row[0])[: len(self.y)]

    def _move(self, k: int) -> np.ndarray:
        diagonal = np.diag(self.matrix[k]) + 1e-6
        damped = self.matrix[k] + self.damping[k] * np.diag(diagonal)
        move = -np.linalg.solve(damped, self.slope[k])
        return move * min(1.0, _LEAP / max(float(np.abs(move).max()), 1e-12))

    def _leap(self, k: int) -> None:
        """Go on from near one of the best, further away the flatter the cost is there."""
        _, y, matrix = self.best[self.random.integers(min(len(self.best), 4))]
        values, vectors = np.linalg.eigh(matrix)
        width = self.random.choice([0.3, 1.0, 3.0])
        size = np.minimum(width / np.sqrt(np.maximum(values, 1e-9)), 0.5)
        self.trial[k] = self.tidy(y + vectors @ (size * self.random.normal(size=len(y))))
        self.y[k], self.cost[k], self.damping[k] = self.trial[k], np.inf, 0.1
