import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError
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


def count(v, dt):
    return len(rb.analysis.detect_spikes(v, dt * ms).times)


@pytest.mark.parametrize("dt", [0.02, 0.04, 0.05, 0.1])
@pytest.mark.parametrize("size", [20, 35, -20, -35])
@pytest.mark.parametrize("length", [2.0, 80.0])
def test_the_jump_of_an_electrode_is_no_spike(dt, size, length):
    """At the beginning of a step, and at its end where it goes down."""
    t = np.arange(0, 200, dt)
    noise = np.random.default_rng(0).normal(size=t.shape) * 0.05
    sharp = np.where((t >= 50) & (t < 50 + length), float(size), 0.0)
    filtered = np.convolve(sharp, [0.6, 0.3, 0.1] if dt < 0.1 else [0.85, 0.15])[: len(t)]
    for edge in (sharp, filtered):
        assert count(-65 + edge + noise, dt) == 0
        for at in (54.0, 120.0):
            v = spiky([at, 150], dt)
            assert count(v + edge + noise, dt) == 2


def test_jumps_in_the_middle_of_much_else():
    v = spiky([20, 24, 28, 90, 95.1], 0.05)
    v[2000:] += 20
    v[1250:1750] -= 30
    assert count(v, 0.05) == 5
    found = rb.analysis.detect_spikes(v, 0.05 * ms)
    assert (found.peaks > 25).all() and (found.onsets < -50).all()


@pytest.mark.parametrize("dt", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("height, width", [(25, 0.5), (40, 0.4), (60, 2.0), (110, 1.8), (100, 0.3)])
def test_small_broad_and_sharp_spikes_are_spikes(dt, height, width):
    t = np.arange(0, 100, dt)
    v = -65 + height * np.exp(-(((t - 40) / width) ** 2)) + np.where(t > 60, 20.0, 0.0)
    assert count(v, dt) == 1


def test_a_spike_of_one_sample_is_a_spike():
    v = np.full(1000, -60.0)
    v[[200, 400, 405]] = 30.0
    assert count(v, 0.1) == 3


def test_models_are_counted_as_they_fire():
    for neuron, current, dt in ((rb.AdEx(), 3 * nA, 0.1), (rb.ExpIF(), 1.2 * nA, 0.05)):
        run = rb.simulate(neuron, current=current, duration=100 * ms, dt=dt * ms, record="v")
        assert count(run.v, dt) == run.spikes.sum() > 10


def test_what_is_no_interval_is_refused():
    t, v = np.arange(0, 200, 0.1), spiky([50], 0.1)
    detect = rb.analysis.detect_spikes
    for times in (t, t * ms):
        with pytest.raises(ArgumentError, match="takes the voltage first, and no times"):
            detect(times, v)  # pyright: ignore[reportArgumentType]
        with pytest.raises(ArgumentError, match="got 2000 values.*detect_spikes\\(v, 0.1\\*ms"):
            detect(v, times)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="a time with its unit, got 0.1"):
        detect(v, 0.1)
    with pytest.raises(ArgumentError, match="positive time"):
        detect(v, 0 * ms)


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
