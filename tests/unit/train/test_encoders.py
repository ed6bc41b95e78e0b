import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, KeyRequired, ShapeError
from rheobase.units import DomainError, Hz, UnitError, ms

X = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)


def test_direct_is_constant():
    series = rb.encoders.Direct(10 * ms, dt=0.5 * ms)(X)
    assert series.shape == (20, 3, 4)
    np.testing.assert_array_equal(series, np.broadcast_to(X, (20, 3, 4)))


def test_poisson_has_the_rate_of_its_number():
    encoder = rb.encoders.Poisson(20_000 * ms, rate=250 * Hz)
    spikes = np.asarray(encoder(X, key=jax.random.key(0)))
    assert set(np.unique(spikes)) == {0, 1}
    chance = 1 - np.exp(-0.25 * X)
    error = np.sqrt(chance / len(spikes))
    assert np.all(np.abs(spikes.mean(0) - chance) <= 4 * error)
    assert spikes[:, 0, 0].sum() == 0
    np.testing.assert_array_equal(spikes, encoder(X, key=jax.random.key(0)))
    assert not np.array_equal(spikes, encoder(X, key=jax.random.key(1)))
    assert abs(np.corrcoef(spikes[:, 1, 3], spikes[:, 2, 3])[0, 1]) < 4 / np.sqrt(len(spikes))


def test_latency_gives_one_spike_the_earlier_the_larger_the_number():
    spikes = np.asarray(rb.encoders.Latency(50 * ms)(X))
    np.testing.assert_array_equal(spikes.sum(0), X >= 0.01)
    when = spikes.argmax(0)
    np.testing.assert_allclose(when[X >= 0.01], (1 - X[X >= 0.01]) * 49, atol=0.51)
    assert when[2, 3] == 0


def test_latency_leaves_out_what_is_below_its_threshold():
    spikes = rb.encoders.Latency(50 * ms, threshold=0.5)(X)
    np.testing.assert_array_equal(np.sum(spikes, 0), X >= 0.5)


def test_delta_follows_a_series_to_within_its_threshold():
    walk = np.cumsum(np.random.default_rng(0).normal(0, 0.3, (400, 2, 3)), axis=0)
    events = np.asarray(rb.encoders.Delta(0.1)(walk), float)
    assert np.all(events == np.round(events)) and np.all(events[0] == 0)
    error = walk - walk[0] - 0.1 * np.cumsum(events, axis=0)
    assert np.abs(error).max() < 0.1 + 1e-4


def test_delta_is_silent_about_what_stays():
    assert not np.any(rb.encoders.Delta(0.1)(np.full((20, 2, 2), 0.7)))


def test_one_sample_needs_no_batch():
    np.testing.assert_array_equal(
        rb.encoders.Latency(9 * ms)(X[1]), rb.encoders.Latency(9 * ms)(X)[:, 1]
    )


def test_whole_numbers_are_taken():
    assert rb.encoders.Direct(3 * ms)(np.array([[0, 1]])).dtype == np.float32


@pytest.mark.parametrize("encoder", [rb.encoders.Direct(5 * ms), rb.encoders.Latency(5 * ms)])
def test_numbers_outside_of_zero_to_one(encoder):
    with pytest.raises(DomainError, match=r"got 0 to 255. Write .*x / 255 for images"):
        encoder(np.array([[0.0, 255.0]]))
    with pytest.raises(DomainError, match="got nan"):
        encoder(np.array([[0.0, np.nan]]))
    with pytest.raises(ShapeError, match=r"x.reshape\(len\(x\), -1\)"):
        encoder(np.zeros((3, 8, 8)))


def test_what_is_wrong_is_said():
    with pytest.raises(KeyRequired, match=r"key=jax.random.key\(0\)"):
        rb.encoders.Poisson(5 * ms)(X)
    with pytest.raises(UnitError, match=r"Write Poisson\(..., rate=100\*Hz\)"):
        rb.encoders.Poisson(5 * ms, rate=100)
    with pytest.raises(DomainError, match=r"`rate` must be greater than 0"):
        rb.encoders.Poisson(5 * ms, rate=-3 * Hz)
    with pytest.raises(ShapeError, match="shorter than a step"):
        rb.encoders.Direct(0.1 * ms)
    with pytest.raises(ShapeError, match=r"rb.encoders.Latency\(20\*ms\)"):
        rb.encoders.Delta()(np.zeros(5))
    with pytest.raises(ArgumentError, match="one number"):
        rb.encoders.Direct([1, 2] * ms)
