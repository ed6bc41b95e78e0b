"""Each pair is connected independently with one probability."""

import equinox as eqx
import numpy as np

from rheobase.connectivity.base import AbstractConnectivity, Sides, require_probability
from rheobase.connectivity.storage import CHUNK, Filling, Rows, from_counts


class FixedProbability(AbstractConnectivity):
    """Every pair is connected with probability p, independently; no pair twice.

    Drawn exactly, by the geometric gaps between successive synapses, at a cost in proportion to
    the synapses and not to the pairs. `autapses=False` leaves out a neuron's synapse on itself.

    >>> import jax
    >>> import rheobase as rb
    >>> rule = rb.FixedProbability(0.02)
    """

    p: float = eqx.field(static=True)
    autapses: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        require_probability("p", self.p)

    def expected(self, sides: Sides) -> float:
        skip = sides.same and not self.autapses
        return self.p * sides.n_pre * (sides.n_post - skip)

    def build(self, sides: Sides, random: np.random.Generator) -> Rows:
        skip = sides.same and not self.autapses
        width = sides.n_post - skip
        if self.p == 0 or width < 1:
            return from_counts(np.zeros(sides.n_pre, np.int64), np.empty(0, np.int32), sides.n_post)
        rows_at_once = max(1, int(CHUNK / max(self.p * width, 1)))
        targets, counts = Filling(self.p * sides.n_pre * width), []
        for first in range(0, sides.n_pre, rows_at_once):
            rows = min(rows_at_once, sides.n_pre - first)
            row, column = np.divmod(_places(rows * width, self.p, random), width)
            if skip:
                column += column >= row + first
            counts.append(np.bincount(row, minlength=rows))
            targets.add(column)
        return targets.rows(counts, sides.n_post)


def _places(cells: int, p: float, random: np.random.Generator) -> np.ndarray:
    """Positions of the successes in `cells` Bernoulli trials, ascending."""
    if p == 1:
        return np.arange(cells)
    found, last = [], -1
    while last < cells:
        guess = int((cells - last) * p + 4 * np.sqrt((cells - last) * p) + 16)
        gaps = random.geometric(p, guess)
        places = last + np.cumsum(gaps)
        found.append(places)
        last = int(places[-1])
    places = np.concatenate(found) if len(found) > 1 else found[0]
    return places[: np.searchsorted(places, cells)]
