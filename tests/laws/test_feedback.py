"""A loop that feeds back what it sends: events are the dense product, in values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rheobase.kernels import library
from rheobase.systems import feedback
from rheobase.systems.feedback import Dense, Late, Way, echoes
from tests.laws.test_kernels import rounding

STEPS, DEPTH = 12, 4


def made(samples, n, members=()):
    """Weights of both parts, slots, input and what is under way; `members` in front of weights."""
    random = np.random.default_rng(samples)
    early, late = (jnp.asarray(random.normal(0, 0.5, (*members, n, n))) for _ in range(2))
    slot = jnp.asarray(random.integers(0, DEPTH - 1, (n, n)), jnp.int32)
    x = jnp.asarray(random.uniform(0, 0.6, (STEPS, samples, n)))
    way = Way(*(jnp.asarray(random.normal(0, 0.2, (k, samples, n))) for k in (1, DEPTH - 1)))
    return (early, late), slot, x, Way(way.arriving[0], way.later)


def body(v, u, x):
    """A leaky neuron with a soft spike, into which some other input goes."""
    v = 0.8 * v + u + x
    soft = jnp.tanh(v - 1)
    spike = (v >= 1).astype(v.dtype) + soft - jax.lax.stop_gradient(soft)
    return v * (1 - spike), spike, v


def total(connected, x, way, cuts=()):
    """A number that depends on all that a run gives, in stretches that begin anew at `cuts`."""
    v, worth, others = jnp.zeros_like(x[0]), 0.0, 0.01 * jnp.arange(len(x), dtype=x.dtype)
    part = jax.checkpoint(lambda *a: feedback.scan(body, *a))
    for begin, end in zip((0, *cuts), (*cuts, len(x)), strict=True):
        v, way, sent, y = part(connected, v, way, x[begin:end], others[begin:end])
        worth = worth + jnp.sin(y).sum() + (sent * y).sum()
    return worth + jnp.cos(way.arriving).sum() + jnp.sin(jnp.asarray(way.later)).sum()


def by_events(weights, slot, x, way, cuts=()):
    return total(Late(*weights, slot, DEPTH), x, way, cuts)


def plainly(weights, slot, x, way):
    """The same by the derivative of `jax.lax.scan`."""
    weight = Late(*weights, slot, DEPTH).dense()

    def step(carry, now):
        v, way = carry
        v, spike, y = body(v, now[0] + way.arriving, now[1])
        return (v, Way(*echoes(spike, weight, way.later))), (spike, y)

    others = 0.01 * jnp.arange(len(x), dtype=x.dtype)
    (_, way), (sent, y) = jax.lax.scan(step, (jnp.zeros_like(x[0]), way), (x, others))
    worth = jnp.sin(y).sum() + (sent * y).sum()
    return worth + jnp.cos(way.arriving).sum() + jnp.sin(jnp.asarray(way.later)).sum()


def agree(one, other, precision):
    for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True):
        scale = float(np.abs(b).max())
        np.testing.assert_allclose(a, b, rtol=0, atol=10 * rounding(precision) * scale)


def gradient(function):
    return jax.jit(jax.value_and_grad(function, (0, 2, 3)))


@pytest.fixture
def kernels():
    if not library.available():
        pytest.skip("the compiled kernels are not there")


def test_events_are_the_dense_product(kernels, precision):
    """For 27 samples: packs of them and a rest; in two parts, each run again on the way back."""
    arguments = made(27, 18)
    found = gradient(lambda *a: by_events(*a, cuts=(5,)))(*arguments)
    agree(found, gradient(plainly)(*arguments), precision)


@pytest.mark.slow
def test_weights_by_whole_slots(x64):
    arguments = made(2, 5)

    def dense(weights, slot, x, way):
        return total(Dense(Late(*weights, slot, DEPTH).dense()), x, way)

    agree(gradient(dense)(*arguments), gradient(plainly)(*arguments), "float64")


@pytest.mark.slow
def test_mapped_is_one_by_one(kernels, x64):
    weights, slot, x, way = made(9, 6, members=(2,))
    function = jax.value_and_grad(lambda w, x: by_events(w, slot, x, way), (0, 1))
    both = jax.jit(jax.vmap(function, (0, None)))(weights, x)
    single = jax.jit(function)
    for k in range(2):
        one = single(jax.tree.map(lambda w, k=k: w[k], weights), x)
        agree(jax.tree.map(lambda a, k=k: a[k], both), one, "float64")
