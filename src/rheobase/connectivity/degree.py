"""Each neuron has the same number of synapses, incoming or outgoing."""

from collections.abc import Iterator

import equinox as eqx
import numpy as np
import scipy.sparse

from rheobase.connectivity.base import AbstractConnectivity, Sides, require_count
from rheobase.connectivity.storage import CHUNK, Rows, from_counts, room_for
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
        # The same draws twice: to know where each row begins, and to fill it.
        _require_partners(self, sides.n_pre, sides.same)
        begin = random.bit_generator.state
        counts = np.zeros(sides.n_pre, np.int64)
        for _, sources in _drawn(self, sides.n_post, sides.n_pre, sides.same, random):
            counts += np.bincount(sources.ravel(), minlength=sides.n_pre)
        random.bit_generator.state = begin
        target = room_for(sides.n_post * self.k)
        free = np.cumsum(counts) - counts
        for first, sources in _drawn(self, sides.n_post, sides.n_pre, sides.same, random):
            _fill(target, free, first, sources)
        return from_counts(counts, target, sides.n_post)


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
        _require_partners(self, sides.n_post, sides.same)
        target = room_for(sides.n_pre * self.k)
        rows = target.reshape(sides.n_pre, self.k)
        for first, some in _drawn(self, sides.n_pre, sides.n_post, sides.same, random):
            some.sort(axis=1)
            rows[first : first + len(some)] = some
        return from_counts(np.full(sides.n_pre, self.k), target, sides.n_post)


def _fill(target: np.ndarray, free: np.ndarray, first: int, sources: np.ndarray) -> None:
    """Append to the row of each source those of the targets, from `first`, that it reaches.

    A counting sort. `free` (n_pre,): where each row goes on.
    """
    count, k = sources.shape
    start = np.arange(count + 1, dtype=np.int32) * np.int32(k)
    ones = np.ones(sources.size, np.int8)
    some = scipy.sparse.csr_array((ones, sources.ravel(), start), shape=(count, len(free))).tocsc()
    each = np.diff(some.indptr)
    places = np.repeat(free - some.indptr[:-1], each) + np.arange(sources.size)
    target[places] = first + some.indices
    free += each


def _require_partners(rule, size: int, same: bool) -> None:
    """Refuse to draw more partners than there are."""
    skip = same and not rule.autapses
    pool = size - skip
    if rule.k > pool and not (rule.multapses and pool > 0):
        name = f"{type(rule).__name__}({rule.k})"
        if pool <= 0:
            raise ShapeError(
                f"{name} has nobody to draw from: without autapses a population of {size} offers "
                "no partner. Write autapses=True, or a larger population."
            )
        raise ShapeError(
            f"{name} wants {rule.k} different partners, but there are {pool}. Lower k, or draw "
            "with replacement: multapses=True."
        )


def _drawn(
    rule, rows: int, size: int, same: bool, random: np.random.Generator
) -> Iterator[tuple[int, np.ndarray]]:
    """Row by row k partners out of `size`, int32: the first row of some, and (some, k) of them."""
    skip = same and not rule.autapses
    pool = size - skip
    at_once = max(1, CHUNK // max(1, rule.k))
    for first in range(0, rows, at_once):
        some = np.arange(first, min(first + at_once, rows), dtype=np.int32)
        if rule.multapses:
            partners = random.integers(0, pool, (len(some), rule.k), dtype=np.int32)
        else:
            partners = np.empty((len(some), rule.k), np.int32)
            for row in partners:
                row[:] = random.choice(pool, rule.k, replace=False, shuffle=False)
        if skip:
            partners += partners >= some[:, None]
        yield first, partners
