"""Products of what is mostly zero: the same as the plain ones, whichever way is taken."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rheobase.kernels.sparse import product

ROWS, PRE, POST = 800, 64, 96


def operands(density, post=POST):
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, PRE)) * (random.random((ROWS, PRE)) < density)
    return jnp.asarray(x), jnp.asarray(random.normal(size=(PRE, post)))


@pytest.mark.parametrize("post", [3, POST])
@pytest.mark.parametrize("density", [0.03, 0.6])
def test_value_and_derivatives_are_those_of_the_plain_product(density, post, x64):
    x, w = operands(density, post)
    np.testing.assert_allclose(product(x, w), x @ w, rtol=1e-12, atol=1e-12)

    def loss(function, x, w):
        return jnp.sum(jnp.sin(function(x, w)) ** 2)

    along = jnp.cos(jnp.arange(x.size)).reshape(x.shape), jnp.ones_like(w)
    own, plain = (
        (*jax.grad(partial(loss, f), (0, 1))(x, w), jax.jvp(f, (x, w), along)[1])
        for f in (product, jnp.matmul)
    )
    for one, other in zip(own, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_second_derivatives(x64):
    x, w = operands(0.03)
    along = jnp.ones_like(w)

    def curved(function):
        slope = jax.grad(lambda w: jnp.sum(function(x, w) ** 3))
        return jax.jvp(slope, (w,), (along,))[1], jax.grad(lambda w: jnp.sum(slope(w) ** 2))(w)

    for one, other in zip(curved(product), curved(jnp.matmul), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_mapped_over_either(x64):
    x, w = operands(0.03)
    several = jnp.stack([w, 2 * w])
    np.testing.assert_allclose(
        jax.vmap(product, (None, 0))(x, several), jnp.stack([x @ w, 2 * (x @ w)]), rtol=1e-12
    )
    slope = jax.vmap(jax.grad(lambda w: product(x, w).sum()))(several)
    np.testing.assert_allclose(slope[0], x.T @ jnp.ones((ROWS, POST)), rtol=1e-9, atol=1e-12)


def test_types_are_promoted_as_in_the_plain_product():
    x, w = operands(0.03)
    x, w = x.astype("float32"), w.astype("bfloat16")
    with jax.numpy_dtype_promotion("standard"):
        found = product(x, w)
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, x @ w, rtol=1e-5, atol=1e-6)
