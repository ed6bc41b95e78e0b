"""One fixed number of synapses between two populations."""

import equinox as eqx
import numpy as np

from rheobase.connectivity.base import AbstractConnectivity, Sides, require_count
from rheobase.connectivity.storage import Rows, from_counts
from rheobase.errors import ShapeError


class FixedTotal(AbstractConnectivity):
    """`number` synapses in all, each between two neurons drawn at random.

    No pair is connected twice; with `multapses=True` every synapse is drawn independently of the
    others, so that it may be. `autapses=False` leaves out a neuron's synapse on itself.
    Errors: `ShapeError` for more synapses than there are pairs.

    >>> import rheobase as rb
    >>> rule = rb.FixedTotal(10_000, multapses=True)
    """

    number: int = eqx.field(static=True)
    autapses: bool = eqx.field(static=True, default=True)
    multapses: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        require_count("number", self.number)

    def expected(self, sides: Sides) -> float:
        return float(self.number)

    def build(self, sides: Sides, random: np.random.Generator) -> Rows:
        skip = sides.same and not self.autapses
        width = sides.n_post - skip
        cells = sides.n_pre * width
        if self.number > cells and not (self.multapses and cells):
            raise ShapeError(
                f"FixedTotal({self.number}) wants more synapses than the {cells} pairs that there "
                f"are. Lower the number, or draw pairs again: multapses=True."
            )
        if self.multapses:
            counts = random.multinomial(self.number, np.full(sides.n_pre, 1 / sides.n_pre))
            target = random.integers(0, width, self.number, dtype=np.int32)
            for row in np.split(target, np.cumsum(counts)[:-1]):
                row.sort()
        else:
            source, target = np.divmod(_distinct(cells, self.number, random), width)
            counts, target = np.bincount(source, minlength=sides.n_pre), target.astype(np.int32)
        if skip:
            target += target >= np.repeat(np.arange(sides.n_pre, dtype=np.int32), counts)
        return from_counts(counts, target, sides.n_post)


def _distinct(cells: int, number: int, random: np.random.Generator) -> np.ndarray:
    """`number` different integers below `cells`, ascending, every such set as likely."""
    if 2 * number > cells:
        left_out = np.zeros(cells, bool)
        left_out[_distinct(cells, cells - number, random)] = True
        return np.flatnonzero(~left_out)
    # Drawing until there are enough, and never more at a time than are missing.
    places = np.unique(random.integers(0, cells, number))
    while (missing := number - len(places)) > 0:
        places = np.union1d(places, random.integers(0, cells, missing))
    return places
