"""Equations on a tree of nodes: compiled kernels, their twins in JAX, and derivatives.

The matrix of a cable is D + L: a diagonal, and the Laplacian of the couplings of each node to its
parent. It is symmetric, so that the derivative of a solution is another solution of the same
equations, in forward and in reverse mode.
"""

import functools
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from rheobase.errors import ShapeError
from rheobase.kernels import library
from rheobase.loop import kept


@final
class Tree:
    """A tree, or several, of nodes that stand parents first.

    Equal trees are one to `jit`. `native`: whether to use the compiled kernels where there are any.

    Errors: `ShapeError` where a parent does not stand before its node.
    """

    def __init__(self, parent: Any, native: bool = True):
        self.parent = np.asarray(parent, np.int32)
        self.native = native
        wrong = self.parent >= np.arange(self.size)
        if wrong.any() or (self.parent < -1).any():
            raise ShapeError(
                f"`parent` of node {int(np.argmax(wrong))} must stand before it, or be -1 for a "
                "root. Sort the nodes parents first."
            )
        self._hash = hash((self.parent.tobytes(), native))

    @property
    def size(self) -> int:
        """Number of nodes."""
        return self.parent.shape[0]

    @functools.cached_property
    def edges(self) -> bool:
        """Whether any node has a parent."""
        return bool((self.parent >= 0).any())

    @functools.cached_property
    def height(self) -> np.ndarray:
        """Steps from each node to its farthest leaf."""
        height = [0] * self.size
        for i, parent in reversed(list(enumerate(self.parent.tolist()))):
            if parent >= 0:
                height[parent] = max(height[parent], height[i] + 1)
        return np.asarray(height, np.int32)

    @functools.cached_property
    def order(self) -> np.ndarray:
        """Children before their parents, nodes that wait for nothing from one another together."""
        return np.argsort(self.height, kind="stable").astype(np.int32)

    @functools.cached_property
    def levels(self) -> np.ndarray:
        """(levels, widest): the nodes of each height, filled up with one node beyond the last."""
        counts = np.bincount(self.height)
        rows = np.full((counts.size, counts.max()), self.size, np.int32)
        column = np.arange(self.size) - np.repeat(np.cumsum(counts) - counts, counts)
        rows[self.height[self.order], column] = self.order
        return rows

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Tree)
            and self.native == other.native
            and np.array_equal(self.parent, other.parent)
        )

    def __hash__(self) -> int:
        return self._hash


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def advance(
    tree: Tree, v: Array, slope: Array, current: Array, held: Array, coupling: Array
) -> Array:
    """By how much the voltages of a cable change: (held + slope + L) x = -current - L v.

    - `v` (nodes,): voltages at the start.
    - `slope`, `current` (nodes,): of the current out of each node at `v`.
    - `held` (nodes,): capacitance over the time step, 0 at a node without membrane.
    - `coupling` (nodes,): conductance to the parent, of which the Laplacian L is made.

    In change of voltage, so that at rest nothing moves to the bit. The work is linear in the nodes.
    """
    operands = (v, slope, current, held, coupling)
    if not tree.edges:
        return -current / (held + slope)
    if not (tree.native and library.serves(v.dtype)):
        return _twin(tree, *operands)
    return library.call("tree_advance", v, *operands, *_indices(tree))


@functools.partial(advance.defjvp, symbolic_zeros=True)
def _(tree, primals, tangents):
    v, slope, _, held, coupling = primals
    x = kept(advance(tree, *primals))
    dv, dslope, dcurrent, dheld, dcoupling = tangents
    diagonal, change = held + slope, jnp.zeros_like(x)
    moves = tree.edges and not _is_zero(dv)
    if moves:
        # L dv leads to dv - (D + L)^-1 D dv, for which there is no need to go along the tree.
        change = change - diagonal * dv
    if not _is_zero(dcurrent):
        change = change + dcurrent
    if not _is_zero(dslope):
        change = change + dslope * x
    if not _is_zero(dheld):
        change = change + dheld * x
    if not _is_zero(dcoupling):
        change = change + divergence(tree, dcoupling * difference(tree, v + x))
    moved = solve(tree, diagonal, coupling, -change)
    return x, moved - dv if moves else moved


def _is_zero(tangent: Any) -> bool:
    return isinstance(tangent, jax.custom_derivatives.SymbolicZero)


def solve(tree: Tree, diagonal: Array, coupling: Array, right: Array) -> Array:
    """x of (diagonal + L) x = right, each (nodes,)."""
    nothing = jnp.zeros_like(right)

    def matrix(x: Array) -> Array:
        return diagonal * x + laplacian(tree, coupling, x)

    def solution(_: Any, right: Array) -> Array:
        return advance(tree, nothing, nothing, -right, diagonal, coupling)

    return lax.custom_linear_solve(matrix, right, solution, symmetric=True)


def laplacian(tree: Tree, coupling: Array, x: Array) -> Array:
    """L x: what flows out of each node at potentials x, (nodes,)."""
    return divergence(tree, coupling * difference(tree, x))


def difference(tree: Tree, x: Array) -> Array:
    """x of each node less that of its parent, 0 at a root, (nodes,)."""
    return _linear(_difference, _divergence, tree, x)


def divergence(tree: Tree, x: Array) -> Array:
    """The transpose of `difference`: what flows out of each node when x flows to its parent."""
    return _linear(_divergence, _difference, tree, x)


def _linear(function: Any, transposed: Any, tree: Tree, x: Array) -> Array:
    """A linear function whose transpose is given, which JAX takes for the solution of equations."""
    return lax.custom_linear_solve(
        lambda x: x, x, lambda _, x: function(tree, x), lambda _, x: transposed(tree, x)
    )


def _difference(tree: Tree, x: Array) -> Array:
    if tree.native and library.serves(x.dtype):
        return library.call("tree_difference", x, x, _indices(tree)[0])
    parent = np.maximum(tree.parent, 0)
    return jnp.where(tree.parent < 0, 0, x - x[parent])


def _divergence(tree: Tree, x: Array) -> Array:
    if tree.native and library.serves(x.dtype):
        return library.call("tree_divergence", x, x, _indices(tree)[0])
    own = jnp.where(tree.parent < 0, 0, x)
    return own.at[np.maximum(tree.parent, 0)].add(-own)


def _indices(tree: Tree) -> tuple[Array, Array]:
    return jnp.asarray(tree.parent), jnp.asarray(tree.order)


def _twin(
    tree: Tree, v: Array, slope: Array, current: Array, held: Array, coupling: Array
) -> Array:
    """The kernel of tree.h, all nodes of a height at once.

    There is one node more than the tree has: the parent of roots, and what fills up the levels.
    """
    parent = np.append(np.where(tree.parent < 0, tree.size, tree.parent), tree.size)
    rooted = np.append(tree.parent < 0, True)
    inner = jnp.where(rooted, 0, jnp.append(coupling, jnp.zeros(1, v.dtype)))
    above = jnp.where(rooted, 0, _beyond(v) - _beyond(v)[parent])
    start = jnp.append(held + slope, jnp.ones(1, v.dtype)), _beyond(-current)

    def eliminate(carry, i):
        own, right = carry
        share = inner[i] / (own[i] + inner[i])
        up = jnp.asarray(parent)[i]
        passed = share * (right[i] + own[i] * above[i])
        return (own.at[up].add(share * own[i]), right.at[up].add(passed)), None

    def substitute(x, i):
        share = inner[i] / (own[i] + inner[i])
        up = jnp.asarray(parent)[i]
        value = right[i] / (own[i] + inner[i]) + share * (x[up] - above[i])
        return x.at[i].set(jnp.where(i < tree.size, value, 0)), None

    (own, right), _ = lax.scan(eliminate, start, jnp.asarray(tree.levels))
    x, _ = lax.scan(substitute, jnp.zeros_like(right), jnp.asarray(tree.levels[::-1]))
    return x[: tree.size]


def _beyond(x: Array) -> Array:
    return jnp.append(x, jnp.zeros(1, x.dtype))
