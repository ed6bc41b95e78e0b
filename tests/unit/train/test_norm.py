"""Batch norm through time: statistics of the batch in training, of the data in use."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError
from rheobase.train import calibrated

SCALE = 1.5
"""nA: the rheobase of a LIF."""


def layer(n, active=True):
    gain, shift = jnp.linspace(0.5, 2, n), jnp.linspace(-1, 1, n)
    made = rb.BatchNorm(n).drawn(jax.random.key(0), SCALE, 1.0).in_training(active)
    return eqx.tree_at(lambda x: (x.gain, x.shift), made, (gain, shift))


@pytest.mark.parametrize("shape", [(40, 6, 5), (10, 6, 5, 4, 3)])
def test_in_training_each_channel_has_the_size_that_the_threshold_asks(shape):
    x = np.random.default_rng(0).normal(3, 7, shape) * np.arange(1, 6).reshape(
        -1, *(1,) * (len(shape) - 3)
    )
    norm = layer(5)
    y = norm.advance(jnp.asarray(x, "float32"), None, 1.0, None)[0]
    axes = (0, 1, *range(3, len(shape)))
    np.testing.assert_allclose(y.mean(axes), SCALE * norm.shift, atol=1e-5)
    np.testing.assert_allclose(y.std(axes), SCALE * norm.gain, rtol=1e-4)


def test_in_training_neither_size_nor_offset_of_the_input_counts(x64):
    """So its gradient has no part along the input: the way through the statistics is in it."""
    x = jnp.asarray(np.random.default_rng(0).normal(2, 40, (20, 4, 5)))
    norm, weight = layer(5), jnp.asarray(np.random.default_rng(1).normal(size=x.shape))

    def total(x):
        return jnp.sum(weight * norm.advance(x, None, 1.0, None)[0])

    np.testing.assert_allclose(total(3 * x + 7), total(x), rtol=1e-6)
    slope, h = jax.grad(total)(x), 1e-4
    along = jnp.asarray(np.random.default_rng(2).normal(size=x.shape))
    difference = (total(x + h * along) - total(x - h * along)) / (2 * h)
    np.testing.assert_allclose(jnp.sum(slope * along), difference, rtol=1e-6)
    np.testing.assert_allclose(slope.sum((0, 1)), 0, atol=1e-12)


def test_before_it_has_seen_data_it_gives_back_what_it_gets():
    plain = rb.Sequential(rb.Linear(4, 6), rb.LIF())
    normed = rb.Sequential(rb.Linear(4, 6), rb.BatchNorm(6), rb.LIF())
    normed = eqx.tree_at(lambda m: m.layers[0], normed, plain.layers[0])
    x = jnp.asarray(np.random.default_rng(0).uniform(0, 4, (30, 2, 4)), "float32")
    before = normed.layers[1].advance(x[..., :4].repeat(2, 2)[..., :6], None, 1.0, None)[0]
    np.testing.assert_allclose(before, x.repeat(2, 2)[..., :6], rtol=1e-5)
    assert normed.layers[1].scale == pytest.approx(1.5)
    assert (normed(x) == plain(x)).mean() > 0.99


def deep():
    return rb.Sequential(
        rb.Linear(4, 20, bias=False), rb.BatchNorm(20), rb.LIF(),
        rb.Linear(20, 20, bias=False), rb.BatchNorm(20), rb.LIF(),
        rb.Linear(20, 2), rb.LI(),
    )  # fmt: skip


def shallow():
    return rb.Sequential(
        rb.Linear(4, 20), rb.BatchNorm(20), rb.LIF(), rb.Linear(20, 2), rb.LI(),
    )  # fmt: skip


def test_on_the_data_it_was_calibrated_by_it_is_what_it_says():
    """Layer after layer: the second is measured behind the first as that is used."""
    x = np.random.default_rng(0).uniform(0, 9, (48, 25, 4))
    model = eqx.tree_at(lambda m: m.layers[1].shift, deep(), jnp.full(20, 1.5))
    model = calibrated(model, (x, np.zeros(48, int)), batch_size=16)
    for position in (1, 4):
        part = eqx.tree_at(lambda m: m.layers, model, model.layers[: position + 1])
        y = part(jnp.moveaxis(jnp.asarray(x, "float32"), 1, 0))
        scale, variance = model.layers[position].scale, model.layers[position].variance
        shift = scale * model.layers[position].shift
        np.testing.assert_allclose(y.mean((0, 1)), shift, atol=2e-5 * scale)
        expected = scale * np.sqrt(variance / (variance + 1e-5 * scale**2))
        np.testing.assert_allclose(y.std((0, 1)), expected, rtol=1e-3)
        assert expected.min() > 0.5 * scale
    assert calibrated(rb.Sequential(rb.Linear(4, 2), rb.LI()), (x, np.zeros(48, int)))


@pytest.fixture
def faint():
    """Two classes in an input too weak to make any neuron fire."""
    x = np.random.default_rng(0).uniform(0, 0.01, (96, 20, 4))
    x[:, :, 0] += 0.02 * (np.arange(96) % 2)[:, None]
    return x, np.arange(96) % 2


def fit(model, data, **more):
    return rb.fit(model, data, **({"epochs": 8, "batch_size": 32, "progress": False} | more))


def test_it_wakes_a_silent_network_and_evaluation_holds_no_surprise(faint):
    x = jnp.moveaxis(jnp.asarray(faint[0], "float32"), 1, 0)
    assert not shallow().activity(x)[0].spikes.any()
    result = fit(shallow(), faint, validation=faint, epochs=20)
    model, history = result.model, result.history
    assert model.activity(x)[0].spikes.mean() > 0.01
    assert history.validation_accuracy[-1] > 0.95
    found = rb.train.evaluate(model, faint, batch_size=32)
    assert found.accuracy == history.validation_accuracy[-1]
    # One sample alone is judged as it is among others.
    np.testing.assert_allclose(model(x[:, :1]), model(x)[:, :1], atol=1e-5)
    training = eqx.tree_at(lambda m: m.layers[1].active, model, True)
    np.testing.assert_allclose(training(x).max(0), model(x).max(0), atol=0.1)


@pytest.mark.slow
def test_a_run_that_goes_on_and_a_file_have_the_same_bits(faint, tmp_path):
    more = {"validation": faint, "patience": 3}
    whole = fit(shallow(), faint, epochs=4, **more)
    fit(shallow(), faint, epochs=2, checkpoint=tmp_path / "run", **more)
    rest = fit(shallow(), faint, epochs=4, checkpoint=tmp_path / "run", **more)
    assert whole.history == rest.history
    rb.save(tmp_path / "model", whole.model)
    again = rb.load(tmp_path / "model")
    for other in (rest.model, again):
        pairs = zip(jax.tree.leaves(whole.model), jax.tree.leaves(other), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
    assert bool((whole.model.layers[1].mean != 0).all())


def test_what_it_cannot_do_is_refused(faint):
    with pytest.raises(ShapeError, match=r"takes 9 channels.*Write BatchNorm\(6\)"):
        rb.Sequential(rb.Linear(4, 6), rb.BatchNorm(9))
    with pytest.raises(ArgumentError, match=r"BatchNorm \(layer 1\).*Surrogate\(\)"):
        fit(deep(), faint, gradient=rb.gradients.Surrogate(checkpoint=True))
    with pytest.raises(ArgumentError, match="layer 1 is a BatchNorm"):
        fit(deep(), faint, gradient=rb.gradients.EProp())
    with pytest.raises(ArgumentError, match="no scale yet"):
        rb.BatchNorm(3).advance(jnp.ones((2, 2, 3)), None, 1.0, None)

    class Own(eqx.Module):
        inside: rb.Sequential

        def __call__(self, x, key):
            return self.inside(x, key)

    with pytest.raises(ArgumentError, match=r"this Own holds one"):
        fit(Own(deep()), faint)
