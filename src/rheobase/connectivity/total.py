"""One fixed number of synapses between two populations."""

import equinox as eqx
import numpy as np

from rheobase.connectivity.base import AbstractConnectivity, Sides, require_count
from rheobase.connectivity.probability import FixedProbability
from rheobase.connectivity.storage import CHUNK, Rows, from_counts, room_for
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
        if not self.multapses:
            return self._distinct(sides, cells, random)
        counts = random.multinomial(self.number, np.full(sides.n_pre, 1 / sides.n_pre))
        target, ends = room_for(self.number), np.cumsum(counts)
        for first in range(0, self.number, CHUNK):
            some = target[first : first + CHUNK]
            some[:] = random.integers(0, width, len(some), dtype=np.int32)
        for i, row in enumerate(np.split(target, ends[:-1])):
            row.sort()
            if skip:
                row += row >= i
        return from_counts(counts, target, sides.n_post)

    def _distinct(self, sides: Sides, cells: int, random: np.random.Generator) -> Rows:
        """Independent pairs, somewhat too many, less some of them: every choice is as likely."""
        share = self.number / max(cells, 1)
        spread = float(np.sqrt(share * (1 - share) / max(cells, 1)))
        rule = FixedProbability(min(1.0, share + 6 * spread + 20 / max(cells, 1)), self.autapses)
        while (rows := rule.build(sides, random)).synapses < self.number:
            pass
        gone = random.choice(rows.synapses, rows.synapses - self.number, replace=False)
        gone.sort()
        lost = np.searchsorted(rows.start, gone, side="right") - 1
        counts = np.diff(rows.start) - np.bincount(lost, minlength=sides.n_pre)
        # What is between them moves up, in place.
        for k, (a, b) in enumerate(zip(gone, np.append(gone, rows.synapses)[1:], strict=True)):
            rows.target[a - k : b - k - 1] = rows.target[a + 1 : b]
        return from_counts(counts, rows.target[: self.number], sides.n_post)
