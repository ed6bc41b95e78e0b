import numpy as np
import pytest

from rheobase.analysis import population_rate, power_spectrum, rates
from rheobase.units import ms
from tests.unit.analysis.trains import poisson, regular


def test_rates_are_counts_over_time():
    events, given = regular(interval=20.0)
    np.testing.assert_allclose(rates(events, **given), 50)
    events, given = poisson(rate=20, seconds=40)
    each = rates(events, **given)
    assert each.mean() == pytest.approx(20, rel=0.02)
    assert each.std() == pytest.approx(np.sqrt(20 / 40), rel=0.35)


def test_the_population_rate_is_the_mean_of_the_rates():
    events, given = poisson()
    t, rate = population_rate(events, 25 * ms, **given)
    assert len(t) == 40_000 / 25
    assert rate.mean() == pytest.approx(rates(events, **given).mean())
    assert np.all(np.diff(t) == 25) and t[0] == 12.5


def test_a_bin_that_is_not_filled_is_left_out():
    events, given = regular(seconds=4)
    assert len(population_rate(events, 300 * ms, **given)[0]) == 13


def test_the_spectrum_of_poisson_trains_is_flat_at_rate_over_n():
    events, given = poisson(n=50, rate=20, seconds=40)
    f, power = power_spectrum(events, 2 * ms, segments=40, **given)
    assert f[0] == pytest.approx(1) and f[-1] == pytest.approx(250)
    assert power.mean() == pytest.approx(20 / 50, rel=0.05)
    low, high = power[f < 50].mean(), power[f > 200].mean()
    assert low == pytest.approx(high, rel=0.15)
    assert power.std() / power.mean() == pytest.approx(1 / np.sqrt(40), rel=0.25)


def test_clocks_together_have_a_line_at_their_rate():
    events, given = regular(interval=20.0, together=True)
    f, power = power_spectrum(events, 4 * ms, segments=4, **given)
    lines = f[power > 0.01 * power.max()]
    np.testing.assert_allclose(lines, [50, 100])


def test_the_spectrum_integrates_to_the_variance():
    events, given = poisson(seconds=8)
    _, rate = population_rate(events, 2 * ms, **given)
    f, power = power_spectrum(events, 2 * ms, segments=1, **given)
    both_sides = 2 * power[:-1].sum() + power[-1]  # the last is its own mirror image
    assert both_sides * f[0] == pytest.approx(rate.var(), rel=1e-9)
