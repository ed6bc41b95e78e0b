import numpy as np
import pytest

import rheobase as rb
from tests.unit.patterns.signatures import between, bursts, growing, steady

ONSET = 50.0


def tonic(times):
    assert times.size > 20
    assert steady(np.diff(times)[3:])


def adaptation(times):
    intervals = np.diff(times)
    assert np.all(np.diff(intervals) > -0.1)
    assert 5 < intervals[-1] / intervals[0] < 9
    assert steady(intervals[-3:], 0.03)


def initial_burst(times):
    intervals = np.diff(times)
    assert intervals[1] < intervals[-1] / 5
    assert intervals[2] > intervals[-1] / 2
    assert steady(intervals[3:])


def regular_bursting(times):
    groups = bursts(times, 50)
    assert [group.size for group in groups[:-1]] == [3, *[2] * (len(groups) - 2)]
    assert len(groups) >= 4
    assert steady([group[0] for group in np.diff([g[:2] for g in groups[1:-1]])], 0.1)


def delayed_accelerating(times):
    intervals = np.diff(times)
    assert times[0] > ONSET + 30
    assert np.all(np.diff(intervals) < 0.1)
    assert 1.6 < intervals[0] / intervals[-1] < 2.4


def delayed_regular_bursting(times):
    groups = bursts(times, 30)
    assert times[0] > ONSET + 50
    assert len(groups) > 8
    assert all(group.size == 4 and growing(np.diff(group)) for group in groups[:-1])


def transient(times):
    assert times.size == 1
    assert times[0] > ONSET


def irregular(times):
    intervals = np.diff(times)[10:]
    assert intervals.size > 30
    assert np.std(intervals) > 0.3 * np.mean(intervals)
    for period in range(1, 11):
        again = intervals[period:] / intervals[:-period]
        assert np.max(np.abs(again - 1)) > 0.05


SIGNATURES = {
    "tonic spiking": tonic,
    "adaptation": adaptation,
    "initial burst": initial_burst,
    "regular bursting": regular_bursting,
    "delayed accelerating": delayed_accelerating,
    "delayed regular bursting": delayed_regular_bursting,
    "transient spiking": transient,
    "irregular spiking": irregular,
}


def test_every_pattern_has_a_signature():
    assert tuple(SIGNATURES) == rb.AdEx.patterns()


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature(name):
    times = rb.patterns.protocol(rb.AdEx, name).run(record=()).spike_times()
    assert between(times, 0, ONSET) == 0
    SIGNATURES[name](times)
