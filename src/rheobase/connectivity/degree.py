"""Each neuron has the same number of synapses, incoming or outgoing."""

import equinox as eqx
import numpy as np
import scipy.sparse

from rheobase.connectivity.base import AbstractConnectivity, Sides, require_count
from rheobase.connectivity.storage import Rows, from_counts
from rheobase.errors import ShapeError


class FixedInDegree(AbstractConnectivity):
    """Every postsynaptic neuron receives k synapses from neurons drawn at random.

    Without replacement, so that no pair is connected twice; `multapses=True` draws with
    replacement. `autapses=False` leaves out the neuron itself.
    Errors: `ShapeError` for more synapses than there are neurons to draw from.

    >>> import rheobase as rb
    >>> rule = rb.FixedInDegree(100, autapses=False)
    """

    k: int = eqx.field(static=True)
    autapses: bool = eqx.field(static=True, default=True)
    multapses: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        require_count("k", self.k)

    def expected(self, sides: Sides) -> float:
        return float(self.k) * sides.n_post

    def build(self, sides: Sides, random: np.random.Generator) -> Rows:
        sources = _drawn(self, sides.n_post, sides.n_pre, sides.same, random)
        return _transposed(sources, sides.n_pre, sides.n_post)


class FixedOutDegree(AbstractConnectivity):
    """Every presynaptic neuron makes k synapses on neurons drawn at random.

    Without replacement, so that no pair is connected twice; `multapses=True` draws with
    replacement. `autapses=False` leaves out the neuron itself.
    Errors: `ShapeError` for more synapses than there are neurons to draw from.

    >>> import rheobase as rb
    >>> rule = rb.FixedOutDegree(100)
    """

    k: int = eqx.field(static=True)
    autapses: bool = eqx.field(static=True, default=True)
    multapses: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        require_count("k", self.k)

    def expected(self, sides: Sides) -> float:
        return float(self.k) * sides.n_pre

    def build(self, sides: Sides, random: np.random.Generator) -> Rows:
        targets = _drawn(self, sides.n_pre, sides.n_post, sides.same, random)
        targets.sort(axis=1)
        return from_counts(np.full(sides.n_pre, self.k), targets.ravel(), sides.n_post)


def _transposed(sources: np.ndarray, n_pre: int, n_post: int) -> Rows:
    """Rows by source from the sources (n_post, k) of each target, by a counting sort."""
    start = np.arange(n_post + 1, dtype=np.int64) * sources.shape[1]
    ones = np.ones(sources.size, np.int8)
    by_target = scipy.sparse.csr_array((ones, sources.ravel(), start), shape=(n_post, n_pre))
    by_source = by_target.tocsc()
    return from_counts(np.diff(by_source.indptr), by_source.indices.astype(np.int32), n_post)


def _drawn(rule, rows: int, size: int, same: bool, random: np.random.Generator) -> np.ndarray:
    """(rows, k) partners out of `size`, int32."""
    skip = same and not rule.autapses
    pool = size - skip
    if rule.k > pool and not (rule.multapses and pool > 0):
        raise ShapeError(
            f"{type(rule).__name__}({rule.k}) wants {rule.k} different partners, but there are "
            f"{pool}. Lower k, or draw with replacement: multapses=True."
        )
    if rule.multapses:
        partners = random.integers(0, pool, (rows, rule.k), dtype=np.int32)
    else:
        partners = np.empty((rows, rule.k), np.int32)
        for row in range(rows):
            partners[row] = random.choice(pool, rule.k, replace=False, shuffle=False)
    if skip:
        partners += partners >= np.arange(rows, dtype=np.int32)[:, None]
    return partners
