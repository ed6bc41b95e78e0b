import numpy as np
import pytest

import rheobase as rb
from rheobase.units import ms, mV
from tests.unit.plasticity.helpers import W_MAX, learned, memory, plain, random_trains

A_PLUS, TARGET, A_MINUS, TAU_PLUS, TAU_MINUS = 0.08, 0.4, 0.03, 17.0, 34.0

pytestmark = pytest.mark.usefixtures("x64")


@pytest.mark.parametrize("pairing", ["all", "nearest"])
@pytest.mark.parametrize("mu", [0.0, 0.4])
@pytest.mark.parametrize("bounds", [(0.0, W_MAX), (-2 * W_MAX, -3 * W_MAX)])
def test_random_trains_as_plain_loops(bounds, mu, pairing):
    weak, strong = bounds
    span = strong - weak
    trains = random_trains(3, synapses=20)
    start = weak + span * np.random.default_rng(1).random(20)
    rule = rb.TraceSTDP(
        strong * mV,
        A_PLUS,
        TARGET,
        A_MINUS,
        TAU_PLUS * ms,
        TAU_MINUS * ms,
        pairing=pairing,
        mu=mu,
        w_min=weak * mV,
    )

    def inside(w):
        return np.clip(w, min(bounds), max(bounds))

    def on_pre(w, k, r, o, t):
        part = ((w - weak) / span) ** mu
        return inside(w - span * A_MINUS * part * memory(o, t, TAU_MINUS, pairing))

    def on_post(w, k, r, o, t):
        part = ((strong - w) / span) ** mu
        return inside(w + span * A_PLUS * part * (memory(r, t, TAU_PLUS, pairing) - TARGET))

    expected = plain(trains, start, on_pre, on_post)
    np.testing.assert_allclose(learned(trains, rule, start), expected, rtol=1e-9)
    change = (expected - start) / span
    assert change.min() < -0.05 and change.max() > 0.05


def test_a_silent_input_is_forgotten_at_postsynaptic_spikes_alone():
    trains = random_trains(5)
    trains.pre[:, 0] = False
    trains.post[:, 1:] = False
    start = np.full(len(trains.i), 0.5 * W_MAX)
    change = learned(trains, rb.TraceSTDP(W_MAX * mV, 0.01), start) - start
    assert (change[(trains.i == 0) & (trains.j == 0)] < 0).all()
    assert (change[trains.j > 0] == 0).all()
