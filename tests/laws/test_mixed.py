"""A mixture of gradient methods: each population has the gradient of the one it was given."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import population
from rheobase.errors import ArgumentError
from rheobase.gradients import RTRL, EProp, Exact, Mixed, Surrogate
from rheobase.train.layers import advance, begin
from rheobase.units import ms
from tests.laws.test_online import assert_equal, cut, gradient, square

X = np.random.default_rng(0).uniform(0.5, 2.5, size=(2, 50, 4))


def model(first=None, second=None):
    return rb.Sequential(
        rb.Linear(4, 6), first or rb.Recurrent(rb.LIF(), 6), rb.Linear(6, 5),
        second or rb.Recurrent(rb.LIF(), 5), rb.Linear(5, 2), rb.LI(),
    )  # fmt: skip


def slow(case):
    return pytest.param(case, marks=pytest.mark.slow)


def by_layer(model, method, **more):
    batch = X, np.zeros(len(X), int)
    found = rb.gradients.value_and_grad(model, batch, loss=square, method=method, **more)[1]
    return [jax.tree.leaves(layer) for layer in found.layers]


METHODS = [slow(Surrogate(truncate=20)), slow(Exact()), EProp(), slow(RTRL())]


@pytest.mark.parametrize("method", METHODS)
def test_a_mixture_of_one_method_is_that_method(method, x64):
    net = model()
    expected = gradient(net, method)
    mixture = Mixed(Surrogate(checkpoint=True), {1: method, 3: method})
    for one, two in zip(gradient(net, mixture), expected, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("method", [EProp(), slow(RTRL())])
@pytest.mark.parametrize("delays", [None, slow(rb.Delays(max=6 * ms))])
def test_the_last_population_has_the_gradient_of_its_method(method, delays, x64):
    """On the way back it is what the traces of the method give forwards in time."""
    second = rb.Recurrent(rb.SurrogateReset(rb.LIF()), 5, delays=delays)
    net = model(second=second)
    mixed = by_layer(net, Mixed(Surrogate(), {3: method}))
    alone, others = by_layer(net, method), by_layer(net, Surrogate())
    for layer in (2, 3, 4, 5):
        assert_equal(mixed[layer], alone[layer])
    recurrent = max(range(len(mixed[3])), key=lambda i: np.size(mixed[3][i]))
    assert np.abs(mixed[3][recurrent] - others[3][recurrent]).max() > 0


@pytest.mark.slow
def test_below_surrogates_e_prop_has_their_signal(x64):
    """The first population without its own way back, the others by surrogates in full."""
    net = model()
    x = jnp.asarray(np.moveaxis(X, 1, 0))

    def loss(net):
        runs = [population.run, cut, *[population.run] * 4]
        return square(advance(net, begin(net, x), x, None, runs=runs).output, None).mean()

    expected = eqx.filter_grad(loss)(net)
    mixed = by_layer(net, Mixed(Surrogate(), {1: EProp()}))
    for layer in (0, 2, 3, 4):
        both = zip(mixed[layer], jax.tree.leaves(expected.layers[layer]), strict=True)
        assert_equal(*zip(*both, strict=True))
    assert_equal([mixed[1][-1]], [expected.layers[1].weight])
    # Above it nothing is other than by surrogates alone.
    plain = by_layer(net, Surrogate())
    for layer in (2, 3, 4, 5):
        assert_equal(mixed[layer], plain[layer])


@pytest.mark.slow
def test_surrogates_of_one_population_keep_less_or_are_cut(x64):
    net = model(second=rb.LIF())
    plain = by_layer(net, Surrogate())
    lean = by_layer(net, Mixed(Surrogate(), {1: Surrogate(True)}))
    for one, two in zip(lean, plain, strict=True):
        assert_equal(one, two)
    short = by_layer(net, Mixed(Surrogate(), {1: Surrogate(truncate=5)}))
    assert_equal(short[3], plain[3])
    assert np.abs(short[0][0] - plain[0][0]).max() > 0


@pytest.mark.slow
def test_spike_times_in_one_population_alone(x64):
    """With no other population that fires behind it, its gradient is that of its own run."""
    net = rb.Sequential(
        rb.Linear(4, 4),
        rb.LI(),
        rb.Linear(4, 6),
        rb.Recurrent(rb.LIF(), 6),
        rb.Linear(6, 2),
        rb.LI(),
    )
    batch = X, np.zeros(len(X), int)
    found = rb.gradients.check(net, batch, method=Mixed(EProp(), {3: Exact()}), loss=square)
    assert found.error < 1e-5
    # Behind surrogates too: the readout sees spikes in two parts.
    below = model(first=rb.LIF(), second=rb.LIF())
    value, slope = rb.gradients.value_and_grad(
        below, batch, loss=square, method=Mixed(Surrogate(), {3: Exact()})
    )
    h, along = 1e-6, np.random.default_rng(3).normal(size=(5, 2))

    def moved(by):
        weight = below.layers[4].weight + by * along
        there = eqx.tree_at(lambda m: m.layers[4].weight, below, weight)
        mixture = Mixed(Surrogate(), {3: Exact()})
        return rb.gradients.value_and_grad(there, batch, loss=square, method=mixture)[0]

    difference = (moved(h) - moved(-h)) / (2 * h)
    np.testing.assert_allclose(jnp.sum(slope.layers[4].weight * along), difference, rtol=1e-6)
    assert value > 0


@pytest.mark.slow
def test_a_mixture_trains_what_a_method_cannot_follow_by_itself():
    """e-prop behind a convolution, with a regulariser, in `fit`."""
    random = np.random.default_rng(0)
    data = random.uniform(0, 3, (64, 12, 1, 6, 6)), np.arange(64) % 2
    data[0][:, :, 0, 0] += 3 * data[1][:, None, None]
    net = rb.Sequential(
        rb.Conv2d(1, 4, 3), rb.LIF(), rb.Flatten(), rb.Linear(64, 20), rb.Recurrent(rb.LIF(), 20),
        rb.Linear(20, 2), rb.LI(),
    )  # fmt: skip
    result = rb.fit(
        net, data, epochs=12, batch_size=16, progress=False,
        gradient=Mixed(Surrogate(), {4: EProp()}),
        regulariser=rb.losses.spike_bounds(lower=0.1),
    )  # fmt: skip
    assert result.history.train_accuracy[-1] > 0.9


def test_what_cannot_be_mixed_is_refused():
    net = model()
    with pytest.raises(ArgumentError, match=r"layer 2, and the populations.*\[1, 3\]"):
        gradient(net, Mixed(Surrogate(), {2: EProp()}))
    with pytest.raises(ArgumentError, match="draws a way of its own"):
        Mixed(Surrogate(), {1: EProp("random")})
    with pytest.raises(ArgumentError, match="forwards in time only"):
        Mixed(RTRL(decay=0.9))
    with pytest.raises(ArgumentError, match="takes the methods Surrogate"):
        Mixed(Mixed())
    with pytest.raises(ArgumentError, match="from numbers of layers to methods"):
        Mixed(Surrogate(), [EProp()])
    found = rb.gradients.compare(
        net, (X, np.zeros(2, int)), [Surrogate(), Mixed(Surrogate(), {1: EProp()})], repeats=1
    )
    assert "Mixed(Surrogate(), {1: EProp()})" in str(found)
