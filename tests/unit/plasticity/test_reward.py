import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError
from rheobase.units import Hz, UnitError, ms, mV
from tests.unit.plasticity.helpers import (
    W_MAX,
    learned,
    memory,
    pairs_of_spikes,
    plain,
    random_trains,
)

A_PLUS, A_MINUS, TAU, TAU_E = 0.02, 0.03, 20.0, 200.0
pytestmark = pytest.mark.usefixtures("x64")


def inner(mu=0.0):
    return rb.PairSTDP(W_MAX * mV, A_PLUS, A_MINUS, TAU * ms, TAU * ms, mu=mu)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_late_reward_pays_what_is_left_of_a_pair(sign):
    dt, lags = 0.5, np.array([-30, -5, 0, 5, 30])
    trains = pairs_of_spikes(lags, dt)
    reward = rb.stimulus.Pulses([150] * ms, sign / dt / ms)
    found = learned(trains, rb.RewardModulated(inner(), reward, TAU_E * ms), 0.5 * W_MAX)
    size = np.where(lags >= 0, A_PLUS, -A_MINUS) * np.exp(-np.abs(lags) / TAU)
    left = np.exp(-(150 - 60 - np.maximum(lags, 0)) / TAU_E)
    np.testing.assert_allclose(found / W_MAX - 0.5, sign * size * left, rtol=1e-9)


def test_without_reward_nothing_changes():
    trains = random_trains(2)
    rule = rb.RewardModulated(inner(), 0 / ms)
    start = W_MAX * np.linspace(0, 1, len(trains.i))
    np.testing.assert_array_equal(learned(trains, rule, start), start)


@pytest.mark.parametrize("mu", [0.0, 1.0])
def test_a_reward_that_changes_as_plain_loops(mu):
    """On for a while, then off, then negative."""
    trains = random_trains(6)
    wave = np.zeros(len(trains.pre))
    wave[100:150], wave[300], wave[400:480] = 0.4, 3.0, -0.2
    start = W_MAX * np.random.default_rng(1).random(len(trains.i))
    e = np.zeros(len(trains.i))

    def on_pre(w, k, r, o, t):
        e[k] -= W_MAX * A_MINUS * (w / W_MAX) ** mu * memory(o, t, TAU)
        return w

    def on_post(w, k, r, o, t):
        e[k] += W_MAX * A_PLUS * (1 - w / W_MAX) ** mu * memory(r, t, TAU)
        return w

    def pay(w, t):
        w = np.clip(w + wave[round(t / trains.dt) - 1] * trains.dt * e, 0, W_MAX)
        e[:] *= np.exp(-trains.dt / TAU_E)
        return w

    rule = rb.RewardModulated(inner(mu), rb.stimulus.FromArray(wave / ms), TAU_E * ms)
    expected = plain(trains, start, on_pre, on_post, each_step=pay)
    np.testing.assert_allclose(learned(trains, rule, start), expected, rtol=1e-9)
    assert np.ptp(expected - start) > 0.1 * W_MAX


def test_a_reward_that_is_none_is_refused():
    with pytest.raises(UnitError, match="measured in 1/ms"):
        rb.RewardModulated(inner(), rb.stimulus.Constant(1 * mV))
    with pytest.raises(ArgumentError, match="random"):
        rb.RewardModulated(inner(), rb.stimulus.Poisson(10 * Hz, 1 / ms))
    with pytest.raises(ShapeError, match="one value for all"):
        rb.RewardModulated(inner(), [0.1, 0.2] / ms)
    with pytest.raises(ArgumentError, match=r"rb\.PairSTDP"):
        rb.RewardModulated(rb.TsodyksMarkram(), 1 / ms)
