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


def cut(neuron, stepper, inputs, dt, *, weight=None, carry=None, **_):
    """`population.run` without the gradient through recurrent spikes."""

    def body(carry, now):
        state, spikes = carry
        now = now if weight is None else now + jax.lax.stop_gradient(spikes) @ weight
        done = step(neuron, stepper, state, *received(neuron, now), dt, None, False)
        spikes = jnp.zeros_like(now) if done.spike is None else done.spike
        return (done.state, spikes), (done.spike, done.reached.v)

    begin = carry.state, jnp.zeros_like(inputs[0])
    last, (spikes, v) = jax.lax.scan(body, begin, inputs)
    return population.Course(spikes, spikes, None, {"v": v}, population.Carry(last[0], None))


@pytest.mark.parametrize("neuron", [rb.LIF, lambda: rb.SurrogateReset(rb.CubaLIF())])
def test_eprop_is_backpropagation_with_recurrent_spikes_and_resets_cut(neuron, x64):
    from rheobase.gradients.online import detached
    from rheobase.train.layers import advance, begin

    hidden = rb.Recurrent(neuron(), 6)
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
    assert len(both) == 5, shapes
    assert_equal(*zip(*both, strict=True))
    assert np.abs(both[0][1]).max() > 0


def memory(method, steps):
    model = rb.Sequential(rb.Linear(8, 64), rb.Recurrent(rb.LIF(), 64), rb.Linear(64, 2), rb.LI())
    batch = np.zeros((4, steps, 8), np.float32), np.zeros(4, int)
    given = prepare(model, batch, None, None)
    program = taken.lower(method, model, given, None).compile()
    return program.compiled.memory_analysis().temp_size_in_bytes / 1e6


@pytest.mark.parametrize("method", [rb.gradients.EProp(), rb.gradients.RTRL(decay=0.9)])
def test_memory_is_flat_but_for_the_output(method):
    short, long = (memory(method, steps) for steps in (500, 5000))
    series = 4 * 4500 * 4 * 2 / 1e6  # MB of float32 for the output of the steps that are more
    assert long - short < 8 * series
    assert long < 0.1 * memory(rb.gradients.Surrogate(), 5000)


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
        model, (x, (x[:, 0] > x[:, 1]).astype(int)), epochs=12, batch_size=16, progress=False,
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
    with pytest.raises(UnknownName, match="symmetric"):
        rb.gradients.EProp("symetric")
    with pytest.raises(ArgumentError, match="decay"):
        rb.gradients.RTRL(1.0)
