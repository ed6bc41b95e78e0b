import numpy as np
import pytest

import rheobase as rb
from tests.unit.patterns.signatures import between, bursts, growing, steady


def tonic(run, times):
    assert times.size == between(times, 10, 100) > 3
    assert steady(np.diff(times)[2:])


def one_from(start, stop):
    def signature(run, times):
        assert times.size == between(times, start, stop) == 1

    return signature


def one_burst_from(start, stop):
    def signature(run, times):
        assert times.size == between(times, start, stop) > 4
        assert growing(np.diff(times)[-4:])

    return signature


def tonic_bursting(run, times):
    groups = bursts(times, 20)
    assert len(groups) > 3
    assert all(group.size >= 3 for group in groups)


def mixed_mode(run, times):
    groups = bursts(times, 20)
    assert groups[0].size == 3
    assert all(group.size == 1 for group in groups[1:])
    assert len(groups) > 3


def adaptation(run, times):
    intervals = np.diff(times)
    assert growing(intervals)
    assert intervals[-1] > 5 * intervals[0]


def class_1(run, times):
    intervals = np.diff(times)
    assert intervals[0] > 2.5 * intervals[-1]
    assert growing(intervals[::-1])


def class_2(run, times):
    intervals = np.diff(times)
    assert times[0] > 100
    assert intervals[0] <= 20
    assert intervals[0] < 2.5 * intervals[-1]


def subthreshold_oscillation(run, times):
    assert times.size == between(times, 20, 30) == 1
    v = np.asarray(run.v)[120:]
    turns = np.flatnonzero(np.diff(np.sign(np.diff(v))))
    heights = np.abs(np.diff(v[turns + 1]))
    assert heights.size >= 3
    assert np.all(heights[1:4] < heights[:3])


def threshold_variability(run, times):
    assert times.size == between(times, 80, 100) == 1


def bistability(run, times):
    assert between(times, 37.5, 207) > 3
    assert between(times, 207, 300) == 0
    assert between(times, 0, 37.5) == 0


def after_potential(run, times):
    assert times.size == 1
    after = np.asarray(run.v)[int(round(times[0] / 0.1)) :]
    assert after.max() > -56
    assert 5 < np.argmax(after) < 100
    assert after[-1] == pytest.approx(-70, abs=0.2)


def inhibition_spiking(run, times):
    assert between(times, 0, 50) == 0
    assert between(times, 50, 250) >= 3
    assert between(times, 270, 350) == 0


def inhibition_bursting(run, times):
    assert between(times, 0, 50) == 0
    groups = bursts(times, 20)
    assert len(groups) >= 2
    assert all(group.size > 4 for group in groups)
    assert between(times, 290, 350) == 0


SIGNATURES = {
    "tonic spiking": tonic,
    "phasic spiking": one_from(20, 60),
    "tonic bursting": tonic_bursting,
    "phasic bursting": one_burst_from(20, 90),
    "mixed mode": mixed_mode,
    "spike-frequency adaptation": adaptation,
    "class 1": class_1,
    "class 2": class_2,
    "spike latency": one_from(14, 40),
    "subthreshold oscillation": subthreshold_oscillation,
    "resonator": one_from(320, 360),
    "integrator": one_from(100 / 11 + 5, 30),
    "rebound spike": one_from(25, 100),
    "rebound burst": one_burst_from(25, 130),
    "threshold variability": threshold_variability,
    "bistability": bistability,
    "depolarising after-potential": after_potential,
    "accommodation": one_from(300, 320),
    "inhibition-induced spiking": inhibition_spiking,
    "inhibition-induced bursting": inhibition_bursting,
}


def test_every_pattern_has_a_signature():
    assert tuple(SIGNATURES) == rb.Izhikevich.patterns()


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature(name):
    run = rb.patterns.protocol(rb.Izhikevich, name).run()
    SIGNATURES[name](run, run.spike_times())


# The drawing code of the author's script: a, b, c, d, v(0), dt, duration, I(t).
SCRIPT = {
    "tonic spiking": (0.02, 0.2, -65, 6, -70, 0.25, 100, lambda t: 14 * (t > 10)),
    "phasic spiking": (0.02, 0.25, -65, 6, -64, 0.25, 200, lambda t: 0.5 * (t > 20)),
    "tonic bursting": (0.02, 0.2, -50, 2, -70, 0.25, 220, lambda t: 15 * (t > 22)),
    "phasic bursting": (0.02, 0.25, -55, 0.05, -64, 0.2, 200, lambda t: 0.6 * (t > 20)),
    "mixed mode": (0.02, 0.2, -55, 4, -70, 0.25, 160, lambda t: 10 * (t > 16)),
    "spike-frequency adaptation": (0.01, 0.2, -65, 8, -70, 0.25, 85, lambda t: 30 * (t > 8.5)),
    "class 1": (0.02, -0.1, -55, 6, -60, 0.25, 300, lambda t: 0.075 * max(t - 30, 0)),
    "class 2": (0.2, 0.26, -65, 0, -64, 0.25, 300, lambda t: -0.5 + 0.015 * max(t - 30, 0)),
    "spike latency": (0.02, 0.2, -65, 6, -70, 0.2, 100, lambda t: 7.04 * (10 < t < 13)),
    "subthreshold oscillation": (
        0.05, 0.26, -60, 0, -62, 0.25, 200, lambda t: 2 * (20 < t < 25),
    ),
    "resonator": (
        0.1, 0.26, -60, -1, -62, 0.25, 400,
        lambda t: 0.65 * any(on < t < on + 4 for on in (40, 60, 280, 320)),
    ),
    "integrator": (
        0.02, -0.1, -55, 6, -60, 0.25, 100,
        lambda t: 9 * any(on < t < on + 2 for on in (100 / 11, 100 / 11 + 5, 70, 80)),
    ),
    "rebound spike": (0.03, 0.25, -60, 4, -64, 0.2, 200, lambda t: -15 * (20 < t < 25)),
    "rebound burst": (0.03, 0.25, -52, 0, -64, 0.2, 200, lambda t: -15 * (20 < t < 25)),
    "threshold variability": (
        0.03, 0.25, -60, 4, -64, 0.25, 100,
        lambda t: 1 * (10 < t < 15 or 80 < t < 85) - 6 * (70 < t < 75),
    ),
    "bistability": (
        0.1, 0.26, -60, 0, -61, 0.25, 300,
        lambda t: 0.24 + 1 * (37.5 < t < 42.5 or 216 < t < 221),
    ),
    "depolarising after-potential": (
        1, 0.2, -60, -21, -70, 0.1, 50, lambda t: 20 * (abs(t - 10) < 1),
    ),
    "accommodation": (
        0.02, 1, -55, 4, -65, 0.5, 400,
        lambda t: t / 25 if t < 200 else (t - 300) / 12.5 * 4 * (300 <= t < 312.5),
    ),
    "inhibition-induced spiking": (
        -0.02, -1, -60, 8, -63.8, 0.5, 350, lambda t: 75 if 50 <= t <= 250 else 80,
    ),
    "inhibition-induced bursting": (
        -0.026, -1, -45, -2, -63.8, 0.5, 350, lambda t: 75 if 50 <= t <= 250 else 80,
    ),
}  # fmt: skip

# Where the order of updates shifts the end of a burst or a slow sweep.
SHIFTED = {
    "tonic bursting": 1,
    "phasic bursting": 1,
    "class 2": 2,
    "rebound burst": 4,
    "inhibition-induced spiking": 1,
    "inhibition-induced bursting": 4,
}


def as_in_the_script(name):
    """The number of spikes with the update of the script: v first, then u with the new v."""
    a, b, c, d, v, dt, duration, current = SCRIPT[name]
    u = -16 if name == "accommodation" else b * v
    linear, constant = (4.1, 108) if name in ("class 1", "integrator") else (5, 140)
    spikes = 0
    for k in range(int(round(duration / dt)) + 1):
        v += dt * (0.04 * v**2 + linear * v + constant - u + current(k * dt))
        u += dt * a * (b * (v + 65) if name == "accommodation" else b * v - u)
        if v > 30:
            spikes, v, u = spikes + 1, c, u + d
    return spikes


@pytest.mark.parametrize("name", SCRIPT)
def test_number_of_spikes_of_the_authors_script(name):
    count = int(rb.patterns.protocol(rb.Izhikevich, name).run(record=()).spikes.sum())
    assert abs(count - as_in_the_script(name)) <= SHIFTED.get(name, 0)
