import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import UnknownName
from rheobase.units import ms, mV
from tests.registry import slow_but
from tests.unit.plasticity.helpers import (
    W_MAX,
    learned,
    memory,
    pairs_of_spikes,
    plain,
    random_trains,
)

A_PLUS, A_MINUS, TAU_PLUS, TAU_MINUS = 0.05, 0.07, 17.0, 34.0

pytestmark = pytest.mark.usefixtures("x64")


def rule(w_max=W_MAX, w_min=0.0, **more):
    return rb.PairSTDP(
        w_max * mV, A_PLUS, A_MINUS, TAU_PLUS * ms, TAU_MINUS * ms, w_min=w_min * mV, **more
    )


@pytest.mark.parametrize("dt", [0.1, 0.5, 1.0])
def test_the_window(dt):
    lags = np.array([-50, -20, -7, -1, 0, 1, 5, 19, 60])
    trains = pairs_of_spikes(lags, dt, steps=round(140 / dt))
    change = learned(trains, rule(), 0.5 * W_MAX) / W_MAX - 0.5
    expected = np.where(
        lags >= 0, A_PLUS * np.exp(-lags / TAU_PLUS), -A_MINUS * np.exp(lags / TAU_MINUS)
    )
    np.testing.assert_allclose(change, expected, rtol=1e-9)


@pytest.mark.parametrize(
    "delay, target",
    [
        (13, 0.0),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in [(None, 0), (1, 0), (None, 0.4)]),
    ],
)
@pytest.mark.parametrize("pairing", ["all", "nearest"])
@pytest.mark.parametrize("mu", slow_but((0.0, 0.4), (0.0, 0.4, 1.0)))
@pytest.mark.parametrize("bounds", [(0.0, W_MAX), (-2 * W_MAX, -3 * W_MAX)])
def test_random_trains_as_plain_loops(bounds, mu, pairing, delay, target):
    weak, strong = bounds
    span = strong - weak
    trains = random_trains(3, synapses=20)
    start = weak + span * np.random.default_rng(1).random(20)

    def inside(w):
        return np.clip(w, min(bounds), max(bounds))

    def on_pre(w, k, r, o, t):
        part = ((w - weak) / span) ** mu
        return inside(w - span * A_MINUS * part * memory(o, t, TAU_MINUS, pairing))

    def on_post(w, k, r, o, t):
        part = ((strong - w) / span) ** mu
        return inside(w + span * A_PLUS * part * (memory(r, t, TAU_PLUS, pairing) - target))

    late = 0 if delay is None else delay
    expected = plain(trains, start, on_pre, on_post, late)
    learning = rule(strong, weak, pairing=pairing, mu=mu, target=target)
    found = learned(trains, learning, start, delay)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert np.ptp(expected - start) > 0.1 * abs(span)
    if mu == 0:
        assert (expected == strong).any() or (expected == weak).any()


def test_only_synapses_of_spikes_change():
    trains = random_trains(5)
    trains.pre[:, 3:] = False
    trains.post[:, 2:] = False
    start = np.linspace(0.2, 0.8, len(trains.i)) * W_MAX
    changed = learned(trains, rule(), start) != start
    assert not changed[(trains.i >= 3)].any() and not changed[trains.j >= 2].any()
    assert changed[(trains.i < 3) & (trains.j < 2)].all()


def test_with_a_target_a_silent_input_is_forgotten_at_postsynaptic_spikes_alone():
    trains = random_trains(5)
    trains.pre[:, 0] = False
    trains.post[:, 1:] = False
    start = np.full(len(trains.i), 0.5 * W_MAX)
    forgetful = rb.PairSTDP(W_MAX * mV, A_minus=0.0, target=0.4)
    change = learned(trains, forgetful, start) - start
    assert (change[(trains.i == 0) & (trains.j == 0)] < 0).all()
    assert (change[trains.j > 0] == 0).all()


def test_a_wrong_pairing_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'nearest'"):
        rule(pairing="neares")
