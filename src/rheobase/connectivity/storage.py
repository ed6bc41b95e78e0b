"""Sparse connections as they are stored: rows by presynaptic neuron, targets sorted."""

from typing import Any, NamedTuple

import numpy as np

from rheobase.errors import ShapeError

LARGEST = np.iinfo(np.int32).max
CHUNK = 1 << 19
"""Synapses made at a time: bounds what building needs beside its result."""
_LINE = 64
"""Bytes of a cache line, at which arrays begin that JAX takes as they are on a CPU."""


def room_for(size: int, dtype: Any = np.int32) -> np.ndarray:
    """An array to be filled, which JAX need not copy; what is not written takes no memory."""
    each = np.dtype(dtype).itemsize
    raw = np.empty(size * each + _LINE, np.uint8)
    first = -raw.ctypes.data % _LINE
    return raw[first : first + size * each].view(dtype)


class Filling:
    """Targets that come one part after the other, of which about so many are expected."""

    def __init__(self, expected: float):
        self.target = room_for(int(expected + 8 * np.sqrt(expected) + 64))
        self.done = 0

    def add(self, some: np.ndarray) -> None:
        """Put more of them behind those that are there."""
        end = self.done + len(some)
        if end > len(self.target):
            more = room_for(end + end // 4)
            more[: self.done] = self.target[: self.done]
            self.target = more
        self.target[self.done : end] = some
        self.done = end

    def rows(self, counts: list[np.ndarray], n_post: int) -> "Rows":
        """All of them, by the numbers of synapses of the presynaptic neurons."""
        return from_counts(np.concatenate(counts), self.target[: self.done], n_post)


class Rows(NamedTuple):
    """Who connects to whom, compressed by rows (CSR).

    The synapses of presynaptic neuron i are those from start[i] to start[i + 1]; the k-th ends on
    neuron target[k]. Checked once, at construction, so that nothing has to check them in the loop.
    """

    start: np.ndarray
    """(n_pre + 1,), int32."""
    target: np.ndarray
    """(synapses,), int32, ascending within a row."""
    n_post: int
    order: np.ndarray | None = None
    """Where each synapse stood in the list that it came from, (synapses,); None without a list."""

    @property
    def n_pre(self) -> int:
        """Number of presynaptic neurons."""
        return len(self.start) - 1

    @property
    def source(self) -> np.ndarray:
        """The presynaptic neuron of each synapse, (synapses,), int32."""
        return np.repeat(np.arange(self.n_pre, dtype=np.int32), np.diff(self.start))

    @property
    def synapses(self) -> int:
        """Number of synapses."""
        return len(self.target)


def from_counts(
    counts: np.ndarray, target: np.ndarray, n_post: int, order: np.ndarray | None = None
) -> Rows:
    """Rows from the number of synapses of each presynaptic neuron and their targets in order."""
    start = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=start[1:])
    if start[-1] > LARGEST:
        raise ShapeError(
            f"one connection of {start[-1]:,} synapses is more than the {LARGEST:,} that it can "
            f"hold. Split a population in two."
        )
    start = start.astype(np.int32)
    return Rows(start, target, n_post, order)


def from_pairs(pre: np.ndarray, post: np.ndarray, n_pre: int, n_post: int) -> Rows:
    """Rows from pairs in any order."""
    pre, post = np.asarray(pre), np.asarray(post)
    for name, index, size in (("pre", pre, n_pre), ("post", post, n_post)):
        if index.size and not np.issubdtype(index.dtype, np.integer):
            raise ShapeError(f"`{name}` holds numbers of neurons (integers), got {index.dtype}.")
        outside = (index < 0) | (index >= size)
        if outside.any():
            k = int(np.argmax(outside))
            raise ShapeError(
                f"`{name}` names neuron {index[k]} at position {k}, but the population has {size}: "
                f"choose from 0 to {size - 1}."
            )
    if pre.shape != post.shape or pre.ndim != 1:
        raise ShapeError(f"`pre` {pre.shape} and `post` {post.shape} must be lists of one length.")
    target = room_for(len(post))
    if _ascending(pre, post):
        target[:] = post
        return from_counts(np.diff(np.searchsorted(pre, np.arange(n_pre + 1))), target, n_post)
    order = np.lexsort((post, pre))
    target[:] = post[order]
    return from_counts(np.bincount(pre, minlength=n_pre), target, n_post, order)


def _ascending(pre: np.ndarray, post: np.ndarray) -> bool:
    """Whether pairs are in the order in which they are stored."""
    before, after = slice(None, -1), slice(1, None)
    same = (pre[after] == pre[before]) & (post[after] >= post[before])
    return bool(np.all(same | (pre[after] > pre[before])))
