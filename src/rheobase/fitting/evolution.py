"""Covariance matrix adaptation: a search that asks for values of a cost and for no derivative.

A population is drawn from a normal distribution; its mean moves to the better half of it, and its
covariance learns the directions in which the cost fell. Only the order of the costs matters, so
that a cost may jump, as that of a spike train does where a spike appears.

Source: Hansen 2016, The CMA evolution strategy: a tutorial, arXiv:1604.00772, with its defaults.
"""

from typing import NamedTuple

import numpy as np

_SMALLEST = 2e-3
"""Of the widths it began with: narrower than this, a distribution has arrived."""


class _Rates(NamedTuple):
    """What follows from the number of parameters and of candidates (table 1 of the tutorial)."""

    weights: np.ndarray
    effective: float
    cumulation: float
    step_cumulation: float
    rank_one: float
    rank_mu: float
    damping: float
    length: float
    """Expected length of a standard normal vector."""


class Evolution:
    """A distribution over parameter vectors; `ask` for candidates, `tell` what they cost.

    - `mean`: where it begins; `width`: standard deviation of each parameter at the beginning.
    - `size`: candidates in a generation; `seed`: of the draws.

    >>> import numpy as np
    >>> from rheobase.fitting.evolution import Evolution
    >>> search = Evolution(np.zeros(2), np.ones(2), size=8)
    >>> for _ in range(60):
    ...     drawn = search.ask()
    ...     search.tell(drawn, np.sum((drawn - [1, 2]) ** 2, axis=1))
    >>> search.mean.round(2).tolist()
    [1.0, 2.0]
    """

    def __init__(self, mean: np.ndarray, width: np.ndarray, size: int, seed: int = 0):
        n = len(mean)
        self.mean, self.width, self.size = np.array(mean, float), np.array(width, float), size
        self.random = np.random.default_rng(seed)
        self.rates = _rates(n, size)
        self.sigma, self.generation = 1.0, 0
        self.covariance = np.eye(n)
        self.path, self.step_path = np.zeros(n), np.zeros(n)
        self._decompose()

    @property
    def arrived(self) -> bool:
        """Whether the distribution is so narrow that nothing more will be found."""
        return self.sigma * float(self.axes.max()) < _SMALLEST

    def ask(self) -> np.ndarray:
        """Candidates, (size, P)."""
        drawn = self.random.normal(size=(self.size, len(self.mean)))
        return self.mean + self.sigma * self.width * ((drawn * self.axes) @ self.basis.T)

    def tell(self, candidates: np.ndarray, cost: np.ndarray) -> None:
        """Learn from what the candidates cost; what is not finite counts as the worst."""
        r, n = self.rates, len(self.mean)
        order = np.argsort(np.where(np.isfinite(cost), cost, np.inf), kind="stable")
        best = candidates[order[: len(r.weights)]]
        steps = (best - self.mean) / (self.sigma * self.width)
        step = r.weights @ steps
        self.mean = self.mean + self.sigma * self.width * step
        self.generation += 1
        white = self.basis @ ((self.basis.T @ step) / self.axes)
        c = r.step_cumulation
        self.step_path = (1 - c) * self.step_path + np.sqrt(c * (2 - c) * r.effective) * white
        length = float(np.linalg.norm(self.step_path)) / r.length
        settled = length / np.sqrt(1 - (1 - c) ** (2 * self.generation)) < 1.4 + 2 / (n + 1)
        c = r.cumulation
        self.path = (1 - c) * self.path + settled * np.sqrt(c * (2 - c) * r.effective) * step
        self.covariance = (
            (1 - r.rank_one - r.rank_mu) * self.covariance
            + r.rank_one * np.outer(self.path, self.path)
            + r.rank_mu * (steps.T * r.weights) @ steps
        )
        self.sigma *= float(np.exp(min(r.step_cumulation / r.damping * (length - 1), 1.0)))
        self._decompose()

    def _decompose(self) -> None:
        values, self.basis = np.linalg.eigh(self.covariance)
        self.axes = np.sqrt(np.maximum(values, 1e-12))


def _rates(n: int, size: int) -> _Rates:
    half = size // 2
    weights = np.log(half + 0.5) - np.log(np.arange(1, half + 1))
    weights /= weights.sum()
    m = 1 / float(np.sum(weights**2))
    step = (m + 2) / (n + m + 5)
    one = 2 / ((n + 1.3) ** 2 + m)
    return _Rates(
        weights,
        m,
        cumulation=(4 + m / n) / (n + 4 + 2 * m / n),
        step_cumulation=step,
        rank_one=one,
        rank_mu=min(1 - one, 2 * (m - 2 + 1 / m) / ((n + 2) ** 2 + m)),
        damping=1 + 2 * max(0.0, float(np.sqrt((m - 1) / (n + 1))) - 1) + step,
        length=float(np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))),
    )
