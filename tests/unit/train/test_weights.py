"""Adaptors of the weights of a layer: grids, half precision, weight norm."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ParameterError

W = jnp.asarray(np.random.default_rng(0).normal(size=(6, 5)), "float32")


def linear():
    return eqx.tree_at(lambda x: x.weight, rb.Linear(6, 5, key=jax.random.key(0)), W)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_grid_of_n_bits_and_the_gradient_past_it(bits):
    layer = rb.Quantised(linear(), bits)
    made = np.asarray(layer.plain().weight)
    step = np.abs(W).max() / (2 ** (bits - 1) - 1)
    np.testing.assert_allclose(made / step, np.round(made / step), atol=1e-4)
    assert np.abs(made - W).max() <= step / 2 * 1.0001
    x = jnp.ones((2, 3, 6))
    slope = eqx.filter_grad(lambda m: m.advance(x, None, 1.0, None)[0].sum())(layer)
    np.testing.assert_allclose(slope.layer.weight, 6.0)


def test_half_precision_is_that_of_bfloat16():
    made = rb.HalfPrecision(linear()).plain().weight
    np.testing.assert_array_equal(made, W.astype(jnp.bfloat16).astype(jnp.float32))
    assert (made != W).any()


@pytest.mark.parametrize("layer", [linear, lambda: rb.Conv2d(2, 5, 3, key=jax.random.key(1))])
def test_weight_norm_parts_length_and_direction(layer):
    normed = rb.WeightNorm(layer())
    np.testing.assert_allclose(normed.plain().weight, layer().weight, rtol=1e-5)
    longer = eqx.tree_at(lambda x: x.length, normed, 2 * normed.length)
    np.testing.assert_allclose(longer.plain().weight, 2 * layer().weight, rtol=1e-5)
    scaled = eqx.tree_at(lambda x: x.layer.weight, normed, 7 * normed.layer.weight)
    np.testing.assert_allclose(scaled.plain().weight, layer().weight, rtol=1e-5)


@pytest.mark.slow
def test_a_network_learns_on_four_bits():
    random = np.random.default_rng(0)
    x = random.uniform(size=(64, 8, 4)) + np.eye(4)[np.arange(64) % 2][:, None] * 4
    first = rb.Quantised(rb.WeightNorm(rb.Linear(4, 20)), 4)
    model = rb.Sequential(first, rb.LIF(), rb.HalfPrecision(rb.Linear(20, 2)), rb.LI())
    result = rb.fit(model, (x, np.arange(64) % 2), epochs=12, batch_size=16, progress=False)
    assert result.history.train_accuracy[-1] > 0.9
    assert len(np.unique(result.model.layers[0].plain().weight)) <= 15


def test_what_is_no_layer_with_weights_is_refused():
    with pytest.raises(ArgumentError, match=r"rb.Quantised\(rb.Linear"):
        rb.Quantised(rb.Flatten())
    with pytest.raises(ParameterError, match="`bits` is 2 to 16"):
        rb.Quantised(rb.Linear(2, 3), bits=1)


def recurrent(weight):
    layer = rb.Recurrent(rb.LIF(), 6, key=jax.random.key(0))
    return eqx.tree_at(lambda r: r.weight, layer, weight)


@pytest.mark.parametrize(
    "adaptor",
    [
        pytest.param(lambda r: rb.Quantised(r, 3), marks=pytest.mark.slow),
        pytest.param(rb.HalfPrecision, marks=pytest.mark.slow),
        lambda r: rb.Quantised(rb.WeightNorm(r), 4),
    ],
)
def test_recurrent_weights_are_made_as_others_are(adaptor):
    """The run is that of the weights on the grid; their gradient passes the grid."""
    weight = 2 * W @ W.T
    wrapped = adaptor(recurrent(weight))
    model = rb.Sequential(rb.Linear(4, 6), wrapped, rb.Linear(6, 2), rb.LI())
    plain = eqx.tree_at(lambda m: m.layers[1], model, wrapped.plain())
    x = jnp.asarray(np.random.default_rng(1).uniform(0, 4, (30, 3, 4)), "float32")
    assert bool((wrapped.plain().weight != weight).any())
    assert model.activity(x)[0].spikes.any() and len(model.populations) == 2
    np.testing.assert_array_equal(model(x), plain(x))

    def slopes(model):
        return eqx.filter_grad(lambda m: jnp.sum(m(x) ** 2))(model).layers

    one, two = slopes(model), slopes(plain)
    np.testing.assert_allclose(one[0].weight, two[0].weight, rtol=1e-5)
    _, back = eqx.filter_vjp(lambda layer: layer.plain().weight, wrapped)
    expected = jax.tree.leaves(back(two[1].weight)[0].layer)
    found = [leaf for leaf in jax.tree.leaves(one[1].layer) if leaf.ndim == 2]
    np.testing.assert_allclose(found[0], next(e for e in expected if e.ndim == 2), rtol=1e-5)


@pytest.mark.slow
def test_a_recurrent_network_learns_on_three_bits(tmp_path):
    random = np.random.default_rng(0)
    x = random.uniform(size=(64, 12, 4)) + np.eye(4)[np.arange(64) % 2][:, None] * 4
    layer = rb.Quantised(rb.Recurrent(rb.LIF(), 20, density=0.8), 3)
    model = rb.Sequential(rb.Linear(4, 20), layer, rb.Linear(20, 2), rb.LI())
    wanted = rb.Sequential(rb.Linear(4, 20), rb.Recurrent(rb.LIF(), 20, density=0.8))
    np.testing.assert_array_equal(model.layers[1].layer.weight, wanted.layers[1].weight)
    result = rb.fit(
        model, (x, np.arange(64) % 2), epochs=10, batch_size=16, progress=False,
        regulariser=rb.losses.spike_bounds(upper=30),
    )  # fmt: skip
    trained = result.model.layers[1]
    assert result.history.train_accuracy[-1] > 0.9
    assert len(np.unique(trained.plain().weight)) <= 7
    assert bool((trained.layer.weight != model.layers[1].layer.weight).any())
    inputs = jnp.asarray(np.moveaxis(x, 1, 0), "float32")
    rb.io.write_nir(result.model, tmp_path / "model.nir")
    again = rb.io.read_nir(tmp_path / "model.nir")
    np.testing.assert_array_equal(again(inputs), result.model(inputs))
