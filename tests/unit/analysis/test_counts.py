import numpy as np
import pytest

from rheobase.analysis import correlation, fano, synchrony
from rheobase.units import ms
from tests.unit.analysis.trains import poisson, regular


def counts(events, given, bin):
    """The counts (windows, n), plainly."""
    edges = np.arange(0, float(given["duration"].value_in(ms)) + bin / 2, bin)
    return np.stack(
        [np.histogram(events[0][events[1] == i], edges)[0] for i in range(given["n"])], axis=1
    )


def test_fano_of_poisson_and_of_a_clock():
    events, given = poisson(seconds=80)
    assert fano(events, 100 * ms, **given).mean() == pytest.approx(1, abs=0.02)
    events, given = regular(interval=20.0)
    np.testing.assert_allclose(fano(events, 100 * ms, **given), 0, atol=1e-9)


def test_all_agree_with_the_whole_matrix_of_counts():
    events, given = poisson(n=12, seconds=4)
    events = (events[0], np.where(events[1] == 5, 4, events[1]))  # 5 is silent
    matrix = counts(events, given, 50)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = matrix.var(axis=0, ddof=1) / matrix.mean(axis=0)
    np.testing.assert_allclose(fano(events, 50 * ms, **given), expected)
    active = matrix[:, matrix.any(axis=0)]
    pairs = np.corrcoef(active.T)[np.triu_indices(active.shape[1], 1)]
    assert correlation(events, 50 * ms, **given) == pytest.approx(pairs.mean(), abs=1e-12)
    chi = np.sqrt(matrix.mean(axis=1).var() / matrix.var(axis=0).mean())
    assert synchrony(events, 50 * ms, **given) == pytest.approx(chi)


def test_independent_trains_are_not_correlated():
    events, given = poisson(n=50, seconds=80)
    assert abs(correlation(events, **given)) < 0.002
    assert synchrony(events, **given) == pytest.approx(1 / np.sqrt(50), rel=0.03)


def test_one_train_in_all_neurons_is_full_correlation():
    (times, _), given = poisson(n=1, seconds=8)
    neuron = np.repeat(np.arange(6)[:, None], len(times), axis=1)
    events = np.tile(times, 6), neuron.ravel()
    given["n"] = 6
    assert correlation(events, **given) == pytest.approx(1)
    assert synchrony(events, **given) == pytest.approx(1)


def test_where_nothing_varies_there_is_no_answer():
    events, given = regular(interval=20.0)
    assert np.isnan(correlation(events, 20 * ms, **given))
    assert np.isnan(synchrony(events, 20 * ms, **given))
    silent = np.array([]), np.array([], int)
    assert np.isnan(fano(silent, 10 * ms, n=3, duration=50 * ms)).all()
    assert np.isnan(correlation(silent, 10 * ms, n=3, duration=50 * ms))
    one = np.array([1.0]), np.array([0])
    assert np.isnan(fano(one, 50 * ms, n=1, duration=50 * ms)).all()
