"""Gradients forwards in time are those of backpropagation, with what they leave out cut."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import population
from rheobase.errors import ArgumentError, UnknownName
from rheobase.gradients.base import prepare, taken
from rheobase.population import received
from rheobase.step import step
from rheobase.systems.feedback import echoes
from rheobase.units import ms, nA

X = np.random.default_rng(0).uniform(0.5, 2.5, size=(2, 50, 4))


def square(output, target):
    return (output**2).mean(axis=(0, 2))


def gradient(model, method, **more):
    batch = X, np.zeros(len(X), int)
    found = rb.gradients.value_and_grad(model, batch, loss=square, method=method, **more)
    return jax.tree.leaves(found)


def assert_equal(one, two):
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * max(np.abs(b).max(), 1e-30))


NEURONS = {
    "ALIF, through the reset": lambda: rb.SurrogateReset(rb.ALIF()),
    "CubaLIF": rb.CubaLIF,
    "AdEx, refractory and noisy": lambda: rb.Noise(
        rb.Refractory(rb.AdEx(), 2 * ms), 0.1 * nA, 5 * ms
    ),
}


@pytest.mark.parametrize(
    "name", [n if n == "CubaLIF" else pytest.param(n, marks=pytest.mark.slow) for n in NEURONS]
)
def test_one_population_is_backpropagation(name, x64):
    """D-RTRL, for every parameter of every layer, resets and noise included."""
    model = rb.Sequential(rb.Linear(4, 6), NEURONS[name](), rb.Linear(6, 2), rb.LI())
    more = {"key": jax.random.key(5)}
    assert_equal(
        gradient(model, rb.gradients.RTRL(), **more),
        gradient(model, rb.gradients.Surrogate(), **more),
    )


@pytest.mark.parametrize("steps", [30, pytest.param(150, marks=pytest.mark.slow)])
@pytest.mark.parametrize("code", ["max", "membrane"])
def test_step_by_step_is_backpropagation(code, steps, x64):
    """Where the loss is one of means or maxima; for a silent sample all steps are the maximum."""
    layers = rb.Linear(4, 6, bias=False), rb.LIF(), rb.Linear(6, 3), rb.LI(tau=15 * ms)
    model = rb.Sequential(*layers)
    x = np.random.default_rng(1).uniform(0.5, 2.5, (3, steps, 4)) * [[[2.0]], [[1.0]], [[0.0]]]
    more = {"loss": rb.losses.cross_entropy(code)}
    found, expected = (
        jax.tree.leaves(
            rb.gradients.value_and_grad(model, (x, np.array([0, 2, 1])), method=method, **more)
        )
        for method in (rb.gradients.RTRL(), rb.gradients.Surrogate())
    )
    # A shift of all voltages changes no probability, so that of v_rest is nothing but rounding.
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-13)
    assert sum(np.abs(one).max() > 1e-6 for one in found) > 8


def cut(neuron, inputs, setting, weight, carry):
    """`population.run` without the gradient through recurrent spikes."""

    def body(carry, now):
        state, echo, later, *_ = carry
        now = now if weight is None else now + echo
        given = received(neuron, now)
        done = step(neuron, setting.stepper, state, *given, setting.dt, None, False)
        if weight is not None:
            echo, later = echoes(jax.lax.stop_gradient(done.spike), weight.dense(), later)
        return population.Carry(done.state, echo, later), (done.spike, done.reached.v)

    last, (spikes, v) = jax.lax.scan(body, carry, inputs)
    return population.Course(spikes, spikes, None, {"v": v}, last)


@pytest.mark.parametrize("per", ["synapse", pytest.param("axon", marks=pytest.mark.slow)])
def test_delays_of_the_first_connection_are_backpropagation(per, x64):
    """D-RTRL sees the delayed input, for weights and delays alike."""
    layer = rb.Linear(4, 6, delays=rb.Delays(max=5 * ms, per=per, width=1.5), density=0.7)
    model = rb.Sequential(layer, rb.LIF(), rb.Linear(6, 2), rb.LI())
    found = gradient(model, rb.gradients.RTRL())
    assert_equal(found, gradient(model, rb.gradients.Surrogate()))
    assert np.abs(found[3]).max() > 0


@pytest.mark.slow
def test_rank_one_with_delays_is_whole_for_one_step_of_memory(x64):
    """With decay 0 a product of the last input; a delay of one step moves it by one step."""
    plain, late = (
        rb.Sequential(rb.Linear(4, 6, delays=delays), rb.LIF(), rb.Linear(6, 2), rb.LI())
        for delays in (None, rb.Delays(max=3 * ms))
    )
    time = jnp.full((4, 6), 2.0)
    weights = lambda m: (m.layers[0].weight, m.layers[2].weight)  # noqa: E731
    late = eqx.tree_at(weights, late, weights(plain))
    late = eqx.tree_at(lambda m: m.layers[0].delays.time, late, time)
    shifted = np.concatenate([np.zeros_like(X[:, :2]), X[:, :-2]], axis=1)

    def found(model, x):
        batch = x, np.zeros(len(x), int)
        method = rb.gradients.RTRL(decay=0.8)
        return rb.gradients.value_and_grad(model, batch, loss=square, method=method)[1]

    one, two = found(late, X), found(plain, shifted)
    assert_equal([one.layers[0].weight], [two.layers[0].weight])
    assert one.layers[0].delays.time.shape == (4, 6)


@pytest.mark.parametrize(
    "neuron",
    [rb.LIF, pytest.param(lambda: rb.SurrogateReset(rb.CubaLIF()), marks=pytest.mark.slow)],
)
@pytest.mark.parametrize(
    "delays", [None, pytest.param(rb.Delays(max=6 * ms), marks=pytest.mark.slow)]
)
def test_eprop_is_backpropagation_with_recurrent_spikes_and_resets_cut(neuron, delays, x64):
    from rheobase.gradients.online import detached
    from rheobase.train.layers import advance, begin

    hidden = rb.Recurrent(neuron(), 6, delays=delays)
    model = rb.Sequential(rb.Linear(4, 6), hidden, rb.Linear(6, 2), rb.LI())
    x = jnp.asarray(np.moveaxis(X, 1, 0))

    def loss(model):
        bare = eqx.tree_at(lambda m: m.layers[1].neuron, model, detached(hidden.neuron))
        output = advance(bare, begin(bare, x), x, None, runs=[cut] * 4).output
        return square(output, None).mean()

    expected = jax.tree.leaves(eqx.filter_grad(loss)(model))
    # The parameters of the neuron are closed over above; weights are what e-prop is about.
    found = gradient(model, rb.gradients.EProp())[1:]
    shapes = [e.shape for e in expected]
    both = [(f, e) for f, e in zip(found, expected, strict=True) if e.ndim]
    assert len(both) == 5 + (delays is not None), shapes
    assert_equal(*zip(*both, strict=True))
    assert np.abs(both[0][1]).max() > 0


def memory(method, steps, loss=None):
    model = rb.Sequential(rb.Linear(8, 64), rb.Recurrent(rb.LIF(), 64), rb.Linear(64, 2), rb.LI())
    batch = np.zeros((4, steps, 8), np.float32), np.zeros(4, int)
    given = prepare(model, batch, loss, None)
    program = taken.lower(method, model, given, None).compile()
    return program.compiled.memory_analysis().temp_size_in_bytes / 1e6


@pytest.mark.slow
@pytest.mark.parametrize("method", [rb.gradients.EProp(), rb.gradients.RTRL(decay=0.9)])
def test_memory_is_flat(method):
    """Where the loss tells it step by step; else but for the output."""
    short, long = (memory(method, steps) for steps in (500, 5000))
    assert long < 1.05 * short < 0.1 * memory(rb.gradients.Surrogate(), 5000)
    short, long = (memory(method, steps, square) for steps in (500, 5000))
    series = 4 * 4500 * 4 * 2 / 1e6  # MB of float32 for the output of the steps that are more
    assert long - short < 8 * series


@pytest.mark.slow
def test_random_feedback_points_along_the_gradient():
    model = rb.Sequential(rb.Linear(4, 40), rb.LIF(), rb.Linear(40, 1), rb.LI())
    exact = gradient(model, rb.gradients.EProp())
    random = gradient(model, rb.gradients.EProp("random", jax.random.key(2)))
    assert np.abs(exact[1] - random[1]).max() > 0
    np.testing.assert_allclose(exact[-5], random[-5], rtol=1e-5)  # weights of the readout


@pytest.mark.slow
def test_training_forwards_learns():
    x = np.random.default_rng(0).uniform(size=(64, 4))
    model = rb.Sequential(rb.Linear(4, 30), rb.Recurrent(rb.LIF(), 30), rb.Linear(30, 2), rb.LI())
    result = rb.fit(
        model, (x, (x[:, 0] > x[:, 1]).astype(int)), epochs=24, batch_size=16, progress=False,
        encoder=rb.encoders.Direct(15 * ms), gradient=rb.gradients.EProp(),
    )  # fmt: skip
    assert result.history.train_loss[-1] < 0.8 * result.history.train_loss[0]


def test_what_cannot_be_followed_is_refused():
    readout = rb.Sequential(rb.Linear(4, 2), rb.LI())
    with pytest.raises(ArgumentError, match="models that fire"):
        rb.fit(readout, (X, np.zeros(2, int)), batch_size=2, gradient=rb.gradients.EProp())
    model = rb.Sequential(rb.Linear(4, 3), rb.LIF())
    with pytest.raises(ArgumentError, match="regulariser"):
        gradient(model, rb.gradients.RTRL(), regulariser=rb.losses.spike_bounds(1))
    late = rb.Linear(3, 2, delays=rb.Delays(max=3 * ms))
    model = rb.Sequential(rb.Linear(4, 3), rb.LIF(), late, rb.LI())
    with pytest.raises(ArgumentError, match="delays after a population"):
        gradient(model, rb.gradients.EProp())
    found = rb.gradients.compare(
        model, (X, np.zeros(2, int)), [rb.gradients.EProp(), rb.gradients.Surrogate()], repeats=1
    )
    assert found.rows[0].refusal is not None and found.reference == "Surrogate()"
    assert "EProp(): EProp takes delays in" in str(found)
    with pytest.raises(UnknownName, match="symmetric"):
        rb.gradients.EProp("symetric")
    with pytest.raises(ArgumentError, match="decay"):
        rb.gradients.RTRL(1.0)
