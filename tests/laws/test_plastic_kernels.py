"""Changes of weights by compiled kernels, by their twins in JAX and by indexing are the same."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from rheobase.kernels import library
from rheobase.kernels.delivery import Targets, deliver
from rheobase.kernels.plasticity import (
    Columns,
    Course,
    Eligibility,
    Ends,
    change,
    columns,
    mark,
    reap,
)

ROUTES = ("native", "twin", "plain")
# Neurons before and behind, synapses of those that have any.
SIZES = {
    "unconnected": (3, 2, []),
    "single": (1, 1, [1]),
    "hub": (40, 5, [12, 3, 1]),
    "network": (150, 70, [7, 9] * 50),
}
RATES = {"none": 0.0, "some": 0.1, "all": 1.0}


@pytest.fixture(autouse=True)
def compiled():
    if not library.available():
        pytest.skip("no compiled kernels")


class Case(NamedTuple):
    """Synapses, and what happens to them in a step."""

    to: Targets
    by_post: Columns
    weight: Array
    spikes: Ends
    traces: Ends
    course: Course
    eligibility: Eligibility
    now: Array
    rate: Array
    reward: Array


def case(size, rate, mu, reward, seed=0):
    n_pre, n_post, some = SIZES[size]
    random = np.random.default_rng(seed)
    counts = random.permutation(np.pad(some, (0, n_pre - len(some)))).astype(int)
    synapses = sum(some)

    def floats(values):
        return jnp.asarray(values, jnp.result_type(float))

    def ints(values):
        return jnp.asarray(values, jnp.int32)

    def ends(of):
        return Ends(floats(of(n_pre)), floats(of(n_post)))

    start = ints(np.concatenate([[0], np.cumsum(counts)]))
    to = Targets(start, ints(random.integers(0, n_post, synapses)), n_post, max(some, default=1))
    return Case(
        to,
        columns(to),
        floats(random.uniform(0.1, 0.9, synapses)),
        ends(lambda n: (random.random(n) < rate) * random.normal(size=n)),
        ends(lambda n: random.normal(size=n)),
        Course(*map(floats, (0.0, 1.0, 1.1, -1 / 1.3)), mu),
        Eligibility(floats(random.normal(size=synapses)), ints(random.integers(0, 50, synapses))),
        ints(50),
        floats(0.03),
        floats(reward),
    )


def plain(case: Case):
    """By indexing, which JAX differentiates itself."""
    to, weight, e = case.to, case.weight, case.eligibility
    count = to.target.shape[0]
    source = jnp.repeat(jnp.arange(to.start.shape[0] - 1), jnp.diff(to.start),
                        total_repeat_length=count)  # fmt: skip
    by_pre = case.spikes.pre[source], case.traces.post[to.target]
    by_post = case.spikes.post[to.target], case.traces.pre[source]

    def factor(w):
        return ((w - case.course.anchor) * case.course.scale) ** case.course.mu

    for own, other in (by_pre, by_post):
        weight = jnp.clip(weight + own * other * factor(weight), 0, 1)
    value, touched = e
    for own, other in (by_pre, by_post):
        left = value * jnp.exp(-case.rate * (case.now - touched).astype(value.dtype))
        value = jnp.where(own != 0, left + own * other * factor(weight), value)
        touched = jnp.where(own != 0, case.now, touched)
    if float(case.reward) == 0:
        return weight, value, touched
    value = value * jnp.exp(-case.rate * (case.now - touched).astype(value.dtype))
    return jnp.clip(weight + case.reward * value, 0, 1), value, jnp.full_like(touched, case.now)


def through_kernels(case: Case):
    to, by_post, course = case.to, case.by_post, case.course
    by_pre = Ends(case.spikes.pre, case.traces.post)
    by_spikes_behind = Ends(case.traces.pre, case.spikes.post)
    weight = change(to, None, case.weight, by_pre, course, case.reward)
    weight = change(to, by_post, weight, by_spikes_behind, course, case.reward)
    last = course, case.now, case.rate
    e = mark(to, None, case.eligibility, weight, by_pre, *last)
    e = mark(to, by_post, e, weight, by_spikes_behind, *last)
    weight, e = reap(to, weight, e, case.reward, *last, case.reward)
    return weight, *e


def changed(route, case):
    if route == "plain":
        return plain(case)
    native = route == "native"
    to = dataclasses.replace(case.to, native=native)
    behind = dataclasses.replace(case.by_post.to, native=native)
    by_post = dataclasses.replace(case.by_post, to=behind)
    return through_kernels(case._replace(to=to, by_post=by_post))


def total(route, case, weight, spikes, traces):
    """A number whose derivatives depend on every weight and eligibility."""
    case = case._replace(weight=weight, spikes=spikes, traces=traces)
    weight, value, touched = changed(route, case)
    return jnp.sin(3 * weight).sum() + jnp.cos(value).sum(), (weight, value, touched)


def compare(function, rtol):
    first, *others = (jax.tree.leaves(function(route)) for route in ROUTES)
    for other in others:
        for a, b in zip(first, other, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=0, atol=rtol * np.abs(b).max(initial=1))


def rounding(precision):
    return {"float32": 3e-5, "float64": 1e-12}[precision]


@pytest.mark.parametrize(
    ("size", "rate", "mu", "reward"),
    [
        ("unconnected", "all", 0.0, 0.3),
        pytest.param("single", "all", 1.0, 0.3, marks=pytest.mark.slow),
        ("hub", "some", 0.4, 0.0),
        ("hub", "all", 0.0, 0.3),
        pytest.param("network", "none", 0.0, 0.3, marks=pytest.mark.slow),
        pytest.param("network", "some", 0.0, 0.0, marks=pytest.mark.slow),
        ("network", "some", 0.4, 0.3),
        pytest.param("network", "all", 1.0, 0.3, marks=pytest.mark.slow),
    ],
)
def test_values(size, rate, mu, reward, precision):
    one = case(size, RATES[rate], mu, reward)
    compare(lambda route: changed(route, one), rounding(precision))


@pytest.mark.parametrize(
    ("mu", "reward"), [pytest.param(0.0, 0.3, marks=pytest.mark.slow), (1.0, 0.0), (0.4, 0.3)]
)
def test_gradients(mu, reward, x64):
    """With respect to weights, spikes and traces. What a silent neuron would have made eligible is
    left out, so that all fire here."""
    one = case("hub", 1.0, mu, reward)

    def gradient(route):
        values = one.weight, one.spikes, one.traces
        return jax.grad(functools.partial(total, route, one), (0, 1, 2), has_aux=True)(*values)

    compare(gradient, 1e-11)


def test_a_silent_neuron_has_a_derivative(x64):
    """Here of weights inside the bounds, where plain indexing has it too."""
    one = case("hub", 0.0, 1.0, 0.0)

    def gradient(route):
        def loss(spikes):
            to = dataclasses.replace(one.to, native=route == "native")
            ends = Ends(spikes, one.traces.post)
            if route == "plain":
                weight, *_ = plain(one._replace(spikes=one.spikes._replace(pre=spikes)))
            else:
                weight = change(to, None, one.weight, ends, one.course, one.reward)
            return jnp.sin(3 * weight).sum()

        return jax.grad(loss)(one.spikes.pre)

    compare(gradient, 1e-11)
    assert np.any(gradient("native") != 0)


@pytest.mark.slow
def test_batches(precision):
    """Only the weights batched, only the spikes, and both."""
    one = case("network", 0.1, 1.0, 0.3)
    weights = jnp.stack([one.weight, 0.5 * one.weight, 0.1 + 0 * one.weight])
    spikes = jax.tree.map(lambda x: jnp.stack([x, 0 * x]), one.spikes)

    def run(route):
        def of(weight, spikes):
            return changed_traced(route, one._replace(weight=weight, spikes=spikes))

        both = jax.vmap(jax.vmap(of, (0, None)), (None, 0))
        single = jax.vmap(of, (None, 0)), jax.vmap(of, (0, None))

        @jax.jit
        def every():
            alone = single[0](one.weight, spikes), single[1](weights, one.spikes)
            return both(weights, spikes), *alone

        return every()

    def changed_traced(route, case):
        return changed(route, case._replace(reward=one.reward))

    compare(run, rounding(precision))


def test_a_loop_does_not_copy_the_weights():
    """Memory traffic of a step is that of the spikes: the weights are changed where they are."""
    n, per = 500, 400
    to = Targets(
        jnp.arange(0, n * per + 1, per, dtype=jnp.int32),
        jnp.asarray(np.random.default_rng(0).integers(0, n, n * per), jnp.int32),
        n,
        per,
    )
    by_post, silent = columns(to), jnp.zeros(n)
    bounds = Course(*map(jnp.asarray, (0.0, 1.0, 1.0, -1.0)), 0.0)

    @jax.jit
    def run(weight, to, by_post):
        def step(weight, spikes):
            arrived = deliver(to, spikes, weight)
            weight = change(to, None, weight, Ends(spikes, spikes), bounds, arrived)
            weight = change(to, by_post, weight, Ends(spikes, spikes), bounds, arrived)
            return weight, arrived

        return jax.lax.scan(step, weight, jnp.broadcast_to(silent, (100, n)))

    text = run.lower(jnp.ones(n * per), to, by_post).compile().as_text()
    copies = [x for x in text.splitlines() if f"= f32[{n * per}]" in x and " copy(" in x]
    assert len(copies) <= 1  # of what the caller keeps
