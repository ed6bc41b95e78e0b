"""Equations on a tree: the compiled kernel, its twin in JAX and a dense solution agree."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rheobase.errors import ShapeError
from rheobase.kernels import library
from rheobase.kernels.tree import Tree, advance, difference, divergence
from tests.registry import slow_but

ROUTES = ("native", "twin", "dense")
SIZES = {"single": (1, 1), "line": (30, 1), "tree": (60, 1), "forest": (50, 6), "points": (8, 8)}


@pytest.fixture(autouse=True)
def compiled():
    if not library.available():
        pytest.skip("no compiled kernels")


def parents(random, shape):
    """A random tree; a line where the shape says so."""
    size, roots = SIZES[shape]
    if shape == "line":
        return np.arange(-1, size - 1)
    parent = np.array([random.integers(0, max(i, 1)) for i in range(size)])
    parent[:roots] = -1
    return parent


def problem(random, parent, batch=()):
    """Operands as a cable has them: branch points are without capacitance, some couplings huge."""
    size = len(parent)
    held = random.uniform(0.1, 1, (*batch, size))
    held[..., 1::4] = np.where(parent[1::4] < 0, held[..., 1::4], 0)
    return tuple(
        jnp.asarray(x, jnp.result_type(float))
        for x in (
            random.normal(size=(*batch, size)),
            random.uniform(0, 0.5, (*batch, size)),
            random.normal(size=(*batch, size)),
            held,
            10 ** random.uniform(-2, 3, (*batch, size)),
        )
    )


def dense(parent, v, slope, current, held, coupling):
    edges = np.zeros((len(parent), len(parent)))
    for i, p in enumerate(parent):
        if p >= 0:
            edges[i, i], edges[i, p] = 1, -1
    edges = jnp.asarray(edges, v.dtype)
    laplacian = edges.T @ (coupling[:, None] * edges)
    return jnp.linalg.solve(jnp.diag(held + slope) + laplacian, -current - laplacian @ v)


def by(route, parent):
    if route == "dense":
        return functools.partial(dense, parent)
    return functools.partial(advance, Tree(parent, native=route == "native"))


def agree(function, parent, rtol):
    """All routes of `function(solver)` give the same numbers."""
    programs = [jax.jit(functools.partial(function, by(route, parent))) for route in ROUTES]
    results = [jax.tree.leaves(program()) for program in programs]
    for a, *others in zip(*results, strict=True):
        for b in others:
            np.testing.assert_allclose(a, b, rtol=0, atol=rtol * np.abs(b).max(initial=1e-6))


trees = {"shape": st.sampled_from(sorted(SIZES)), "seed": st.integers(0, 2**32 - 1)}


@settings(max_examples=4)
@given(**trees)
def test_solutions_agree(shape, seed, precision):
    random = np.random.default_rng(seed)
    parent = parents(random, shape)
    operands = problem(random, parent)
    agree(lambda solve: solve(*operands), parent, {"float32": 2e-3, "float64": 1e-9}[precision])


@settings(max_examples=2)
@given(**trees)
def test_derivatives_agree_in_both_modes(shape, seed, x64):
    random = np.random.default_rng(seed)
    parent = parents(random, shape)
    operands = problem(random, parent)
    along = problem(random, parent)

    def loss(solve, *operands):
        return jnp.sum(jnp.sin(solve(*operands)))

    every = tuple(range(5))
    agree(lambda solve: jax.grad(functools.partial(loss, solve), every)(*operands), parent, 1e-7)
    agree(lambda solve: jax.jvp(solve, operands, along), parent, 1e-7)


@pytest.mark.slow
def test_second_derivatives_agree(x64):
    random = np.random.default_rng(3)
    parent = parents(random, "forest")[:9]
    v, slope, *others = problem(random, parent)

    def loss(solve, slope):
        return jnp.sum(jnp.sin(solve(v, slope, *others)))

    agree(lambda solve: jax.hessian(functools.partial(loss, solve))(slope), parent, 1e-7)


@pytest.mark.parametrize("size", slow_but((3,), (1, 3, 8, 19)))
def test_batches_agree(size, x64):
    """More and fewer than the kernel solves side by side, some operands shared."""
    random = np.random.default_rng(size)
    parent = parents(random, "tree")
    v, slope, current, _, _ = problem(random, parent, (size,))
    _, _, _, held, coupling = problem(random, parent)

    def total(solve, v, slope, current, held, coupling):
        return jax.vmap(solve, (0, 0, 0, None, None))(v, slope, current, held, coupling)

    operands = (v, slope, current, held, coupling)
    agree(lambda solve: total(solve, *operands), parent, 1e-9)
    grad = jax.grad(lambda solve, *x: jnp.sum(total(solve, *x) ** 2), (1, 4, 5))
    agree(lambda solve: grad(solve, *operands), parent, 1e-7)


def test_difference_and_divergence_are_transposed(precision):
    random = np.random.default_rng(0)
    parent = parents(random, "forest")
    x, y = (jnp.asarray(random.normal(size=len(parent)), precision) for _ in range(2))
    for native in (True, False):
        tree = Tree(parent, native)
        one, two = jnp.vdot(difference(tree, x), y), jnp.vdot(x, divergence(tree, y))
        np.testing.assert_allclose(one, two, rtol=1e-5)
        (transposed,) = jax.vjp(functools.partial(difference, tree), x)[1](y)
        np.testing.assert_array_equal(transposed, divergence(tree, y))


def test_nothing_moves_at_rest(precision):
    """Equal voltages and no current: not a bit changes, however strong the couplings."""
    parent = parents(np.random.default_rng(0), "tree")
    v, slope, _, held, coupling = problem(np.random.default_rng(1), parent)
    v = jnp.full_like(v, -65.123)
    for route in ROUTES[:2]:
        moved = by(route, parent)(v, slope, jnp.zeros_like(v), held, coupling)
        np.testing.assert_array_equal(moved, 0)


def test_a_parent_stands_before_its_node():
    with pytest.raises(ShapeError, match="node 1 must stand before it"):
        Tree([-1, 2, 0])
