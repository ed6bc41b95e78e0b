"""Pairs are connected with a probability that falls with their distance."""

from abc import abstractmethod

import equinox as eqx
import numpy as np
from jax import Array

from rheobase.connectivity.base import AbstractConnectivity, Sides, require_probability
from rheobase.connectivity.storage import CHUNK, Filling, Rows
from rheobase.errors import ArgumentError
from rheobase.units import positive, quantity, um


class AbstractDistance(AbstractConnectivity):
    """Every pair is connected independently, with a probability by its distance, no pair twice.

    Both populations need positions: `rb.Population(neuron, n, positions=...)` of shape
    (n, dimensions) in um. The time is in proportion to the pairs. `autapses=False` leaves out a
    neuron's synapse on itself.

    Errors: `ArgumentError` for a population without positions, or in another space.
    """

    p: eqx.AbstractVar[float]
    autapses: eqx.AbstractVar[bool]

    def __check_init__(self):
        require_probability("p", self.p)

    @abstractmethod
    def fall(self, distance: np.ndarray) -> np.ndarray:
        """Return the factor of p at a distance (um)."""

    def expected(self, sides: Sides) -> float:
        pre, post = _positions(sides)
        some = pre[:: max(1, len(pre) // 64)]
        missing = self.p * sides.n_pre if sides.same and not self.autapses else 0.0
        return float(np.mean(self._probability(some, post))) * len(pre) * len(post) - missing

    def _probability(self, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        square = sum((x[:, None] - y[None, :]) ** 2 for x, y in zip(pre.T, post.T, strict=True))
        return self.p * self.fall(np.sqrt(square))

    def build(self, sides: Sides, random: np.random.Generator) -> Rows:
        pre, post = _positions(sides)
        rows_at_once = max(1, CHUNK // sides.n_post)
        targets, counts = Filling(1.02 * self.expected(sides)), []
        for first in range(0, sides.n_pre, rows_at_once):
            probability = self._probability(pre[first : first + rows_at_once], post)
            joined = random.random(probability.shape, np.float32) < probability
            if sides.same and not self.autapses:
                own = np.arange(len(joined))
                joined[own, first + own] = False
            counts.append(joined.sum(axis=1))
            targets.add(np.nonzero(joined)[1])
        return targets.rows(counts, sides.n_post)


class GaussianProbability(AbstractDistance):
    r"""Probability p exp(-d^2/(2 sigma^2)) at distance d.

    >>> import rheobase as rb
    >>> from rheobase.units import um
    >>> rule = rb.GaussianProbability(0.3, sigma=100 * um)
    """

    p: float = eqx.field(static=True)
    sigma: Array = quantity(um, positive, "width")
    autapses: bool = eqx.field(static=True, default=True)

    def fall(self, distance: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * (distance / np.asarray(self.sigma)) ** 2)


class ExponentialProbability(AbstractDistance):
    r"""Probability p exp(-d/length) at distance d.

    >>> import rheobase as rb
    >>> from rheobase.units import um
    >>> rule = rb.ExponentialProbability(0.3, length=100 * um)
    """

    p: float = eqx.field(static=True)
    length: Array = quantity(um, positive, "distance of one e-fold")
    autapses: bool = eqx.field(static=True, default=True)

    def fall(self, distance: np.ndarray) -> np.ndarray:
        return np.exp(-distance / np.asarray(self.length))


def _positions(sides: Sides) -> tuple[np.ndarray, np.ndarray]:
    """Both (n, dimensions), um."""
    found = []
    for name, n, given in (
        ("presynaptic", sides.n_pre, sides.pre_positions),
        ("postsynaptic", sides.n_post, sides.post_positions),
    ):
        if given is None or np.ndim(given) != 2 or len(given) != n:
            shape = "none" if given is None else f"an array of shape {np.shape(given)}"
            raise ArgumentError(
                f"distances need positions of the {name} population, (n, dimensions), and it has "
                f"{shape}. Write rb.Population(neuron, {n}, positions=xy*um)."
            )
        found.append(np.asarray(given, float))
    if found[0].shape[1] != found[1].shape[1]:
        raise ArgumentError(
            f"the two populations have positions in {found[0].shape[1]} and {found[1].shape[1]} "
            f"dimensions. Give both as many columns."
        )
    return found[0], found[1]
