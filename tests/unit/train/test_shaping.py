import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ParameterError, ShapeError, UnknownName
from rheobase.units import ms

X = jnp.asarray(np.random.default_rng(0).normal(size=(4, 2, 3, 7, 8)), "float32")


@pytest.mark.parametrize(("padding", "edge"), [("valid", 0), ("same", 1), (2, 2)])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_is_its_sum(padding, edge, stride):
    layer = rb.Conv2d(3, 5, 3, padding=padding, stride=stride, key=jax.random.key(0))
    found, _ = layer.advance(X, None, 1.0, None)
    padded = np.pad(X, ((0, 0), (0, 0), (0, 0), (edge, edge), (edge, edge)))
    high, wide = ((s + 2 * edge - 3) // stride + 1 for s in X.shape[3:])
    expected = np.zeros((4, 2, 5, high, wide))
    for y in range(high):
        for x in range(wide):
            seen = padded[..., stride * y : stride * y + 3, stride * x : stride * x + 3]
            expected[..., y, x] = np.einsum("tbirc,oirc->tbo", seen, layer.weight)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert layer.shape(X.shape[2:], "x") == found.shape[2:]


def test_along_one_axis():
    layer = rb.Conv1d(3, 2, 4, key=jax.random.key(0))
    found, _ = layer.advance(X[..., 0, :], None, 1.0, None)
    windows = np.lib.stride_tricks.sliding_window_view(X[..., 0, :], 4, axis=-1)
    np.testing.assert_allclose(
        found, np.einsum("tbilk,oik->tbol", windows, layer.weight), atol=1e-5
    )


@pytest.mark.parametrize(("how", "put"), [("sum", np.sum), ("mean", np.mean), ("max", np.max)])
def test_pooling(how, put):
    found, _ = rb.Pool(3, how).advance(X, None, 1.0, None)
    parts = np.asarray(X)[..., :6, :6].reshape(4, 2, 3, 2, 3, 2, 3)
    np.testing.assert_allclose(found, put(parts, axis=(4, 6)), atol=1e-5)


def test_weights_are_sized_by_what_a_place_sees():
    first, lif = rb.Conv2d(4, 60, 5), rb.LIF()
    model = rb.Sequential(first, lif, rb.Conv2d(60, 3, 3), rb.LIF())
    deviation = model.layers[0].weight.std() * 100**0.5
    np.testing.assert_allclose(deviation, model.layers[0].scale, rtol=0.02)
    assert model.layers[2].weight.shape == (3, 60, 3, 3) and not model.layers[0].bias.any()


@pytest.mark.slow
def test_a_convolutional_network_learns():
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 96)
    pictures = random.uniform(0, 0.2, (96, 1, 8, 8))
    for picture, label in zip(pictures, labels, strict=True):
        place = random.integers(1, 7)
        picture[0, place if label else slice(None), slice(None) if label else place] += 1
    data = np.broadcast_to(8 * pictures[:, None], (96, 12, 1, 8, 8)), labels
    model = rb.Sequential(
        rb.Conv2d(1, 8, 3), rb.LIF(), rb.Pool(2), rb.Flatten(), rb.Linear(72, 2), rb.LI()
    )
    # The mean over time: by its maximum two silent outputs are equal, and teach little.
    result = rb.fit(
        model, data, epochs=25, batch_size=16, progress=False,
        loss=rb.losses.cross_entropy("membrane"),
    )  # fmt: skip
    assert result.history.train_accuracy[-1] > 0.95


@pytest.mark.slow
def test_dropout_acts_in_training_alone():
    plain = rb.Sequential(rb.Linear(4, 30), rb.Dropout(0.5), rb.LI())
    x = jnp.ones((6, 2, 4))
    np.testing.assert_array_equal(plain(x), plain(x, jax.random.key(0)))
    for steps in (False, True):
        layer = rb.Dropout(0.4, steps).in_training(True)
        y, _ = layer.advance(jnp.ones((50, 20, 30)), None, 1.0, jax.random.key(1))
        np.testing.assert_allclose(np.unique(y), [0, 1 / 0.6], rtol=1e-6)
        np.testing.assert_allclose(y.mean(), 1, rtol=0.1)
        assert bool((y == y[:1]).all()) != steps
    random = np.random.default_rng(0)
    data = random.uniform(size=(32, 6, 4)), random.integers(0, 30, 32)
    result = rb.fit(plain, data, epochs=1, batch_size=16, progress=False)
    assert not result.model.layers[1].active
    np.testing.assert_array_equal(result.model(x), result.model(x, jax.random.key(0)))


def test_a_skip_adds_what_entered():
    model = rb.Sequential(rb.Linear(4, 6), rb.LIF(), rb.Linear(6, 6), rb.Skip(1))
    x = 5 * jnp.ones((6, 2, 4))
    spikes = model.activity(x)[0].spikes
    np.testing.assert_allclose(model(x), model.layers[2](spikes) + spikes, rtol=1e-6)


def test_shapes_are_put_in_order():
    model = rb.Sequential(rb.Reshape(1, 2, 6), rb.Flatten())
    x = jnp.arange(24.0).reshape(1, 2, 12)
    np.testing.assert_array_equal(model(x), x)
    np.testing.assert_array_equal(
        rb.Sequential(rb.Reshape(1, 2, 6))(x)[0, 1, 0], x[0, 1].reshape(2, 6)
    )


@pytest.mark.slow
def test_a_sparse_layer_stays_sparse():
    model = rb.Sequential(
        rb.Linear(40, 50, density=0.1), rb.Recurrent(rb.LIF(), 50, density=0.2), rb.Linear(50, 2)
    )
    random = np.random.default_rng(0)
    data = random.uniform(size=(32, 6, 40)), random.integers(0, 2, 32)
    after = rb.fit(model, data, epochs=2, batch_size=16, progress=False).model
    for place, density in ((0, 0.1), (1, 0.2)):
        there = np.asarray(model.layers[place].weight != 0)
        assert abs(there.mean() - density) < 0.03
        moved = np.asarray(after.layers[place].weight != model.layers[place].weight)
        assert moved.any() and not moved[~there].any()
    sent = after.layers[0](jnp.eye(40, dtype="float32")) - after.layers[0].bias[None]
    assert not sent[~np.asarray(model.layers[0].mask)].any()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"Linear \(layer 2\).*rb.Flatten\(\) before it"):
        rb.Sequential(rb.Reshape(2, 5, 5), rb.Conv2d(2, 3, 3), rb.Linear(27, 2))
    with pytest.raises(ShapeError, match=r"takes \(2, height, width\), but the input gives 9"):
        rb.Sequential(rb.Conv2d(2, 3, 3))(jnp.ones((3, 1, 9)))
    with pytest.raises(ShapeError, match="kernel of 7, wider than"):
        rb.Sequential(rb.Reshape(2, 5, 5), rb.Conv2d(2, 3, 7))
    with pytest.raises(ShapeError, match="pools 2 neighbours"):
        rb.Sequential(rb.Linear(3, 4), rb.Pool())
    with pytest.raises(ShapeError, match="which gives 5"):
        rb.Sequential(rb.Linear(3, 5), rb.Reshape(2, 2))
    with pytest.raises(ShapeError, match="skips 3 layers, but 1 stand"):
        rb.Sequential(rb.Linear(3, 5), rb.Skip(3))
    with pytest.raises(ShapeError, match="must be the same"):
        rb.Sequential(rb.Linear(3, 3), rb.Linear(3, 5), rb.Skip(1))
    with pytest.raises(UnknownName, match="mean"):
        rb.Pool(2, "men")
    with pytest.raises(ParameterError, match="below 1"):
        rb.Dropout(1.0)
    with pytest.raises(ParameterError, match=r"density=0.1"):
        rb.Linear(3, 4, density=0.0)
    with pytest.raises(ArgumentError, match="padding"):
        rb.Conv2d(2, 3, 3, padding="full")
    with pytest.raises(ArgumentError, match="no weights yet"):
        rb.Conv2d(3, 3, 3).advance(X, None, 1.0, None)
    assert rb.Sequential(rb.Conv2d(3, 2, 3), dt=2 * ms)(X).shape == (4, 2, 2, 5, 6)
