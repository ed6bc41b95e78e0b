import numpy as np
import pytest

from rheobase.analysis import cv, isi
from rheobase.units import ms
from tests.unit.analysis.trains import poisson, regular


def test_a_clock_has_one_interval_and_no_variation():
    events, given = regular(n=5, interval=20.0)
    for intervals in isi(events, **given):
        np.testing.assert_allclose(intervals, 20)
    np.testing.assert_allclose(cv(events, **given), 0, atol=1e-9)


def test_poisson_intervals_are_exponential():
    events, given = poisson(n=20, rate=20, seconds=80)
    intervals = np.concatenate(isi(events, **given))
    assert intervals.mean() == pytest.approx(50, rel=0.02)
    assert np.quantile(intervals, 0.5) == pytest.approx(50 * np.log(2), rel=0.03)
    assert cv(events, **given).mean() == pytest.approx(1, abs=0.02)


def test_cv_is_std_over_mean_neuron_by_neuron():
    events, given = poisson(n=7, seconds=2)
    expected = [np.std(x) / np.mean(x) for x in isi(events, **given)]
    np.testing.assert_allclose(cv(events, **given), expected)


def test_too_few_intervals_have_no_variation_to_speak_of():
    events = np.array([1.0, 2.0, 3.0, 4.0, 9.0]), np.array([1, 2, 2, 3, 3])
    assert np.isnan(cv(events, n=4, duration=10 * ms)).all()
    assert [len(x) for x in isi(events, n=4, duration=10 * ms)] == [0, 0, 1, 1]
