import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ShapeError
from rheobase.units import ms, mV, nA


def spiky(times, dt=0.05, duration=200.0, width=0.5):
    t = np.arange(0, duration, dt)
    v = np.full_like(t, -65.0)
    for at in times:
        v += 95 * np.exp(-(((t - at) / width) ** 2))
    return v


def test_a_membrane_that_charges_is_no_spike():
    """After a large step it rises by 15 mV in 4 ms, fast at first, and has no peak."""
    t = np.arange(0, 100, 0.05)
    v = np.where(t < 20, -100.0, -98.5 + 60 * (1 - np.exp(-np.maximum(t - 20, 0) / 13)))
    v = v + 0.02 * np.random.default_rng(0).normal(size=v.shape)
    assert (np.diff(v) / 0.05).max() > 10
    assert len(rb.analysis.detect_spikes(v, 0.05 * ms).times) == 0


def test_spikes_are_found_where_they_are():
    found = rb.analysis.detect_spikes(spiky([20, 24, 90.02]) * mV, 0.05 * ms)
    np.testing.assert_allclose(found.times, np.array([20, 24, 90.02]) - 0.42, atol=0.05)
    np.testing.assert_allclose(found.peaks, 30, atol=0.5)
    assert (found.onsets < -55).all() and (found.begins < found.times).all()


def test_steps_of_the_bridge_and_noise_are_no_spikes():
    v = spiky([])
    v[1000:3000] += 12
    v += np.random.default_rng(0).normal(size=v.shape) * 0.3
    assert len(rb.analysis.detect_spikes(v, 0.05 * ms).times) == 0
    with pytest.raises(ShapeError, match="one trace"):
        rb.analysis.detect_spikes(v[None], 0.05 * ms)


def test_equal_trains_coincide_and_random_ones_do_not():
    random = np.random.default_rng(0)
    times = np.sort(random.uniform(0, 1e5, 1000))
    other = np.sort(random.uniform(0, 1e5, 1000))
    gamma = rb.analysis.coincidence
    assert gamma(times, times, 1e5 * ms) == pytest.approx(1)
    assert abs(gamma(times, other, 1e5 * ms)) < 0.05
    assert gamma(times, times + 3, 1e5 * ms) > gamma(times, times + 3, 1e5 * ms, 2 * ms)
    assert np.isnan(gamma([], [], 100 * ms)) and gamma([10.0], [], 100 * ms) == 0


def test_a_partner_counts_once():
    """Two spikes beside one are one coincidence: by hand, (1 - 2*4*1/1000*2)/1.5/(1 - 8/1000)."""
    gamma = rb.analysis.coincidence([100.0, 102.0], [101.0], 1000 * ms)
    assert gamma == pytest.approx((1 - 0.016) / 1.5 / (1 - 0.008))


def test_features_of_a_pulse():
    f = rb.analysis.firing([5.0, 110, 120, 150, 400], 100, 300)
    assert (f.spikes, f.rate, f.latency, f.first_interval) == (3, 15, 10, 10)
    assert f.mean_interval == 20 and f.adaptation == pytest.approx(0.5) and f.cv == 0.5
    nothing = rb.analysis.firing([], 100, 300)
    assert nothing.spikes == 0 and np.isnan(nothing.latency) and np.isnan(nothing.adaptation)


@pytest.mark.filterwarnings("ignore")
def test_efel_counts_what_we_count():
    pytest.importorskip("efel")
    run = rb.simulate(
        rb.HodgkinHuxley(),
        current=rb.stimulus.Step(0.15 * nA, start=20 * ms, stop=180 * ms),
        duration=200 * ms,
        dt=0.02 * ms,
        record="v",
    )
    found = rb.analysis.efel_features(run.v, 0.02 * ms, 20, 180, ["Spikecount", "peak_voltage"])
    ours = rb.analysis.detect_spikes(run.v, 0.02 * ms)
    assert found["Spikecount"][0] == len(ours.times) == run.spikes.sum()
    np.testing.assert_allclose(found["peak_voltage"], ours.peaks, atol=0.5)
