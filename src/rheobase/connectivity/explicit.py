"""Connections that are given, or follow from the numbers of the neurons alone."""

from typing import Any

import equinox as eqx
import numpy as np
from jax.core import Tracer

from rheobase.connectivity.base import AbstractConnectivity, Sides
from rheobase.connectivity.storage import Rows, from_counts, from_pairs, room_for
from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.units import Quantity


class Dense(AbstractConnectivity):
    """Every pair is connected; `autapses=False` leaves out a neuron's synapse on itself.

    >>> import rheobase as rb
    >>> rule = rb.Dense(autapses=False)
    """

    autapses: bool = eqx.field(static=True, default=True)

    def expected(self, sides: Sides) -> float:
        skip = sides.same and not self.autapses
        return float(sides.n_pre) * (sides.n_post - skip)

    def build(self, sides: Sides, random: np.random.Generator) -> Rows:
        skip = sides.same and not self.autapses
        width = sides.n_post - skip
        target = room_for(sides.n_pre * width)
        rows = target.reshape(sides.n_pre, width)
        rows[:] = np.arange(width)
        for i in range(sides.n_pre if skip else 0):
            rows[i, i:] += 1
        return from_counts(np.full(sides.n_pre, width), target, sides.n_post)


class OneToOne(AbstractConnectivity):
    """Neuron i is connected to neuron i. Errors: `ShapeError` for populations of unequal size.

    >>> import rheobase as rb
    >>> rule = rb.OneToOne()
    """

    def expected(self, sides: Sides) -> float:
        return float(sides.n_pre)

    def build(self, sides: Sides, random: np.random.Generator) -> Rows:
        if sides.n_pre != sides.n_post:
            raise ShapeError(
                f"OneToOne() needs populations of one size, got {sides.n_pre} and {sides.n_post}."
            )
        return from_counts(
            np.ones(sides.n_pre, np.int64), np.arange(sides.n_pre, dtype=np.int32), sides.n_post
        )


class Pairs(AbstractConnectivity):
    """An explicit list of pairs, in any order: neuron pre[k] is connected to neuron post[k].

    - `pre`, `post` (synapses,): numbers of the neurons of each synapse.

    A pair that is listed twice is two synapses. Weights and delays that are given as arrays are in
    the order of the list. Errors: `ShapeError` for a number outside the populations.

    >>> import rheobase as rb
    >>> rule = rb.Pairs([0, 0, 1], [1, 2, 2])
    """

    pre: np.ndarray
    post: np.ndarray

    def __init__(self, pre: Any, post: Any):
        self.pre, self.post = _numbers("pre", pre), _numbers("post", post)
        if self.pre.shape != self.post.shape:
            raise ShapeError(
                f"`pre` {self.pre.shape} and `post` {self.post.shape} must be lists of one length: "
                "neuron pre[k] is connected to neuron post[k]."
            )

    def expected(self, sides: Sides) -> float:
        return float(len(self.pre))

    def build(self, sides: Sides, random: np.random.Generator) -> Rows:
        return from_pairs(self.pre, self.post, sides.n_pre, sides.n_post)


def _numbers(name: str, given: Any) -> np.ndarray:
    """Numbers of neurons as a list."""
    if not isinstance(given, Tracer):
        found = np.atleast_1d(np.asarray(given))
        if not found.size:
            found = found.astype(np.int64)
        if found.ndim == 1 and np.issubdtype(found.dtype, np.integer):
            return found
    raise ShapeError(
        f"`{name}` is a list of numbers of neurons (integers), got {brief(given)}. Write "
        "rb.Pairs([0, 0, 1], [1, 2, 2])."
    )


class Matrix(AbstractConnectivity):
    """A synapse for each entry of a matrix; weights are not taken from it: `weight=m.data * mV`.

    - `matrix` (n_pre, n_post): the stored entries of a scipy.sparse matrix count, or those of a
      dense one that are not zero.

    Errors: `ShapeError` for another shape.

    >>> import numpy as np
    >>> import rheobase as rb
    >>> rule = rb.Matrix(np.eye(3))
    """

    pre: np.ndarray
    post: np.ndarray
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, matrix: Any):
        if callable(getattr(matrix, "tocoo", None)):
            entries = matrix.tocoo()
            self.pre, self.post, self.shape = entries.row, entries.col, tuple(matrix.shape)
            return
        if isinstance(matrix, Tracer | Quantity):
            raise ArgumentError(
                f"`matrix` says who is connected, got {brief(matrix)}. Write rb.Matrix(m != 0), "
                "and the weights as weight=m[m != 0]*mV."
            )
        entries = np.asarray(matrix)
        if entries.ndim != 2 or entries.dtype.kind not in "biuf":
            raise ShapeError(
                f"`matrix` has shape {entries.shape}, and a matrix (n_pre, n_post) of numbers is "
                "asked for: rows are presynaptic, columns postsynaptic."
            )
        (self.pre, self.post), self.shape = np.nonzero(entries), entries.shape

    def expected(self, sides: Sides) -> float:
        return float(len(self.pre))

    def build(self, sides: Sides, random: np.random.Generator) -> Rows:
        if self.shape != (sides.n_pre, sides.n_post):
            raise ShapeError(
                f"the matrix has shape {self.shape}, but it connects {sides.n_pre} neurons to "
                f"{sides.n_post}: rows are presynaptic, columns postsynaptic."
            )
        return from_pairs(self.pre, self.post, sides.n_pre, sides.n_post)
