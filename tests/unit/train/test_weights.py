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
