import numpy as np
import pytest

import rheobase as rb
from tests.unit.patterns.signatures import between, bursts, growing, steady


def tonic(run, times):
    np.testing.assert_allclose(np.diff(times), 20 * np.log(1.5 / 0.5), atol=0.11)


def class_1(run, times):
    np.testing.assert_allclose(np.diff(times), 20 * np.log(1.001 / 0.001), atol=0.5)


def adaptation(run, times):
    intervals = np.diff(times)
    assert growing(intervals)
    assert intervals[-1] > 1.3 * intervals[0]
    assert np.diff(intervals)[-1] < np.diff(intervals)[0]


def phasic(run, times):
    assert times.size == between(times, 0, 200) > 0
    assert growing(np.diff(times))


def accommodation(run, times):
    assert times.size == between(times, 0, 100) > 0


def threshold_variability(run, times):
    assert times.size == between(times, 250, 275) == 1


def rebound_spike(run, times):
    assert times.size == between(times, 806, 1000) == 1


def class_2(run, times):
    assert times.size > 5
    assert np.diff(times).max() < 60


def integrator(run, times):
    assert times.size == between(times, 30, 50) == 1


def input_bistability(run, times):
    assert between(times, 100, 500) > 8
    assert between(times, 600, 1000) == 0


def hyperpolarisation_spiking(run, times):
    assert times.size == 3
    assert steady(np.diff(times), 0.01)
    assert run.v.max() < -70


def hyperpolarisation_bursting(run, times):
    groups = bursts(times, 20)
    assert len(groups) == 3
    assert all(group.size >= 4 for group in groups)


def tonic_bursting(run, times):
    groups = bursts(times, 50)
    assert len(groups) >= 3
    assert all(group.size >= 4 for group in groups)


def phasic_bursting(run, times):
    assert times.size == between(times, 0, 60) > 4
    assert growing(np.diff(times))


def rebound_burst(run, times):
    assert times.size == between(times, 600, 700) > 4


def mixed_mode(run, times):
    intervals = np.diff(times)
    assert growing(intervals[:6])
    assert intervals[5] < 12
    assert intervals[6] > 40
    assert intervals[-4:].min() > 35


def afterpotentials(run, times):
    assert times.size == 1
    after = run.v[int(round(times[0] / 0.1)) :]
    assert after.max() > -56
    assert after.min() < -71
    assert np.argmax(after) < np.argmin(after)


def basal_bistability(run, times):
    assert between(times, 10, 100) > 10
    assert between(times, 112, 200) == 0


def preferred_frequency(run, times):
    assert between(times, 0, 400) == 1
    assert between(times, 400, 800) == 2
    assert between(times, 450, 460) == 1


def spike_latency(run, times):
    assert times.size == 1
    assert times[0] > 10


SIGNATURES = {
    "tonic spiking": tonic,
    "class 1": class_1,
    "adaptation": adaptation,
    "phasic spiking": phasic,
    "accommodation": accommodation,
    "threshold variability": threshold_variability,
    "rebound spike": rebound_spike,
    "class 2": class_2,
    "integrator": integrator,
    "input bistability": input_bistability,
    "hyperpolarisation spiking": hyperpolarisation_spiking,
    "hyperpolarisation bursting": hyperpolarisation_bursting,
    "tonic bursting": tonic_bursting,
    "phasic bursting": phasic_bursting,
    "rebound burst": rebound_burst,
    "mixed mode": mixed_mode,
    "afterpotentials": afterpotentials,
    "basal bistability": basal_bistability,
    "preferred frequency": preferred_frequency,
    "spike latency": spike_latency,
}


def test_every_pattern_has_a_signature():
    assert tuple(SIGNATURES) == rb.GLIF.patterns()


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature(name):
    run = rb.patterns.protocol(rb.GLIF, name).run()
    SIGNATURES[name](run, run.spike_times())
