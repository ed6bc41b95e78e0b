"""Compiled kernels, their twins in JAX and plain indexing give the same values and gradients."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import Array

from rheobase.kernels import library
from rheobase.kernels.delivery import Targets, collect, deliver, deliver_delayed
from rheobase.kernels.plasticity import columns
from rheobase.kernels.product import spike_product

ROUTES = ("native", "twin", "plain")
SPIKES = {
    "none": lambda random, shape: np.zeros(shape),
    "all": lambda random, shape: np.ones(shape),
    "some": lambda random, shape: random.random(shape) < 0.1,
    "graded": lambda random, shape: random.normal(size=shape) * (random.random(shape) < 0.5),
}
# Neurons before and behind, synapses of those that have any, depth of the ring.
SIZES = {
    "unconnected": (3, 2, [], 2),
    "single": (1, 1, [1], 1),
    "hub": (40, 5, [12, 3, 1], 3),
    "network": (150, 70, [7, 9] * 50, 4),
}


@pytest.fixture(autouse=True)
def compiled():
    if not library.available():
        pytest.skip("no compiled kernels")


class Case(NamedTuple):
    """Operands of a delivery."""

    to: Targets
    spikes: Array
    weight: Array
    delay: Array
    slot: Array
    ring: Array


@st.composite
def cases(draw, batch=()):
    """Rows in any order, empty ones among them; `batch` goes before spikes and ring."""
    n_pre, n_post, some, depth = SIZES[draw(st.sampled_from(sorted(SIZES)))]
    shared, spikes = draw(st.booleans()), SPIKES[draw(st.sampled_from(sorted(SPIKES)))]
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    counts = random.permutation(np.pad(some, (0, n_pre - len(some))))
    synapses = sum(some)

    def floats(values):
        return jnp.asarray(values, jnp.result_type(float))

    def ints(values):
        return jnp.asarray(values, jnp.int32)

    start = ints(np.concatenate([[0], np.cumsum(counts)]))
    target = ints(random.integers(0, n_post, synapses))
    return Case(
        Targets(start, target, n_post, max(some, default=1)),
        floats(spikes(random, (*batch, n_pre))),
        floats(random.normal(size=1 if shared else synapses)),
        ints(random.integers(0, depth, synapses)),
        ints(random.integers(0, depth)),
        floats(random.normal(size=(*batch, depth, n_post))),
    )


def plain(case: Case) -> tuple[Array, Array]:
    """Both deliveries by indexing, which JAX differentiates itself."""
    synapses, n_pre = case.to.target.shape[0], case.spikes.shape[0]
    counts = jnp.diff(case.to.start)
    source = jnp.repeat(jnp.arange(n_pre), counts, total_repeat_length=synapses)
    values = case.spikes[source] * jnp.broadcast_to(case.weight, (synapses,))
    late = (case.slot + case.delay) % case.ring.shape[0]
    arrived = jnp.zeros(case.to.n_post, values.dtype).at[case.to.target].add(values)
    return arrived, case.ring.at[late, case.to.target].add(values)


def delivered(route: str, case: Case) -> tuple[Array, Array]:
    if route == "plain":
        return plain(case)
    to = dataclasses.replace(case.to, native=route == "native")
    return deliver(to, case.spikes, case.weight), deliver_delayed(to, *case[1:])


def compare(function, *operands, rtol: float) -> None:
    """The three routes of `function(route, *operands)`, values and gradients, give the same."""
    first, *others = (jax.tree.leaves(function(route, *operands)) for route in ROUTES)
    for other in others:
        for a, b in zip(first, other, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=0, atol=rtol * np.abs(b).max(initial=1))


def rounding(precision: str) -> float:
    return {"float32": 2e-5, "float64": 1e-12}[precision]


def total(route, case, spikes, weight, ring):
    """A number whose derivatives depend on every value that is delivered."""
    case = case._replace(spikes=spikes, weight=weight, ring=ring)
    arrived, ring = delivered(route, case)
    return jnp.sin(arrived).sum() + jnp.cos(ring).sum(), (arrived, ring)


@pytest.mark.parametrize("size", SIZES)
def test_collecting_is_delivering(size, x64):
    """By postsynaptic neuron or by presynaptic one: the same sums and derivatives."""
    n_pre, n_post, some, _ = SIZES[size]
    random = np.random.default_rng(0)
    start = np.concatenate([[0], np.cumsum(np.pad(some, (0, n_pre - len(some))))]).astype(np.int32)
    target = random.integers(0, n_post, sum(some)).astype(np.int32)
    to = Targets(jnp.asarray(start), jnp.asarray(target), n_post, max(some, default=1))
    rows = columns(to)
    values = jnp.asarray(random.normal(size=n_pre))

    def collected(values, weight):
        return jnp.sin(collect(to, rows.to, rows.synapse, values, weight)).sum()

    def expected(values, weight):
        return jnp.sin(deliver(to, values, weight)).sum()

    for weight in (random.normal(size=1), random.normal(size=sum(some))):
        found, wanted = (
            jax.value_and_grad(f, (0, 1))(values, jnp.asarray(weight))
            for f in (collected, expected)
        )
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), found, wanted)


@functools.partial(jax.jit, static_argnums=0)
def single(route, case):
    gradient = jax.value_and_grad(total, (2, 3, 4), has_aux=True)
    return gradient(route, case, case.spikes, case.weight, case.ring)


@functools.partial(jax.jit, static_argnums=0)
def batched(route, case):
    """Weights of three networks within a batch of spikes and rings; derivatives add up."""

    def loss(spikes, weights, ring):
        def one(spikes, ring, weight):
            return total(route, case, spikes, weight, ring)

        networks = jax.vmap(one, (None, None, 0))
        losses, values = jax.vmap(networks, (0, 0, None))(spikes, ring, weights)
        return losses.sum(), values

    weights = jnp.stack([case.weight, -case.weight, 2 * case.weight])
    return jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(case.spikes, weights, case.ring)


@settings(max_examples=4)
@given(data=st.data())
def test_values_and_gradients(data, precision):
    compare(single, data.draw(cases()), rtol=rounding(precision))


@pytest.mark.slow
@settings(max_examples=2)
@given(data=st.data())
def test_batches(data, precision):
    compare(batched, data.draw(cases(batch=(2,))), rtol=rounding(precision))


@pytest.mark.parametrize("weights", ["shared", pytest.param("individual", marks=pytest.mark.slow)])
def test_through_time(weights, precision):
    """A network in a scan whose spikes come from what was delivered, with its ring of delays."""
    random = np.random.default_rng(0)
    n, per, depth, steps = 40, 8, 4, 60
    start = jnp.arange(0, n * per + 1, per, dtype=jnp.int32)
    target = jnp.asarray(random.integers(0, n, n * per), jnp.int32)
    to = Targets(start, target, n, per)
    delay = jnp.asarray(random.integers(1, depth, n * per), jnp.int32)
    v = jnp.asarray(random.uniform(0, 1, n))
    weight = jnp.asarray(random.uniform(0, 0.1, n * per if weights == "individual" else 1))

    def run(weight, v, route):
        def step(carry, slot):
            v, ring = carry
            soft = jnp.tanh(v - 1)
            spikes = (v >= 1).astype(v.dtype) + soft - jax.lax.stop_gradient(soft)
            arrived, ring = delivered(route, Case(to, spikes, weight, delay, slot, ring))
            v = 0.95 * v * (1 - spikes) + 0.06 + arrived + ring[slot]
            return (v, ring.at[slot].set(0)), spikes

        slots = jnp.arange(steps, dtype=jnp.int32) % depth
        (v, _), spikes = jax.lax.scan(step, (v, jnp.zeros((depth, n), v.dtype)), slots)
        return (v**2).sum(), spikes

    @functools.partial(jax.jit, static_argnums=0)
    def function(route, weight, v):
        return jax.value_and_grad(run, (0, 1), has_aux=True)(weight, v, route)

    (_, spikes), _ = function("native", weight, v)
    assert 0.01 < spikes.mean() < 0.99
    compare(function, weight, v, rtol=100 * rounding(precision))


@pytest.mark.parametrize("some", sorted(SPIKES))
def test_a_product_of_spikes_is_the_product(some):
    random = np.random.default_rng(0)
    spikes = jnp.asarray(SPIKES[some](random, (3, 4, 37)), jnp.float32)
    weight = jnp.asarray(random.normal(size=(3, 37, 21)), jnp.float32)
    both = [
        jax.jit(jax.vmap(jax.value_and_grad(lambda s, w, f=f: (f(s, w) ** 2).sum(), (0, 1))))
        for f in (spike_product, jnp.matmul)
    ]
    for got, wanted in zip(*(jax.tree.leaves(f(spikes, weight)) for f in both), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)
    shared = jax.vmap(spike_product, (0, None))(spikes, weight[0])
    np.testing.assert_allclose(shared, spikes @ weight[0], rtol=1e-4, atol=1e-4)
    _, moved = jax.jvp(lambda s: spike_product(s, weight[0]), (spikes,), (spikes,))
    np.testing.assert_allclose(moved, spikes @ weight[0], rtol=1e-4, atol=1e-4)
