import numpy as np
import pytest

import rheobase as rb
from rheobase.units import mV
from tests.unit.plasticity.helpers import W_MAX, Trains, learned, memory, plain, random_trains

pytestmark = pytest.mark.usefixtures("x64")


@pytest.mark.parametrize("mu", [0.0, 1.0])
@pytest.mark.parametrize("pairing", ["all", "nearest"])
def test_random_trains_as_plain_loops(pairing, mu):
    a2_plus, a2_minus, a3_plus, a3_minus = 0.02, 0.03, 0.04, 0.05
    rule = rb.TripletSTDP(W_MAX * mV, a2_plus, a2_minus, a3_plus, a3_minus, pairing=pairing, mu=mu)
    trains = random_trains(7)
    start = W_MAX * np.random.default_rng(2).random(len(trains.i))

    def on_pre(w, k, r, o, t):
        part = memory(o, t, 33.7, pairing) * (a2_minus + a3_minus * memory(r, t, 101, pairing))
        return np.clip(w - W_MAX * (w / W_MAX) ** mu * part, 0, W_MAX)

    def on_post(w, k, r, o, t):
        part = memory(r, t, 16.8, pairing) * (a2_plus + a3_plus * memory(o, t, 114, pairing))
        return np.clip(w + W_MAX * (1 - w / W_MAX) ** mu * part, 0, W_MAX)

    np.testing.assert_allclose(
        learned(trains, rule, start), plain(trains, start, on_pre, on_post), rtol=1e-9
    )


def pairings(frequency, lag, count=30, dt=0.5):
    """`count` pairs of spikes, `lag` (ms) apart."""
    steps = round((count * 1000 / frequency + 200) / dt)
    pre, post = np.zeros((2, steps, 1), bool)
    for k in range(count):
        at = 100 + k * 1000 / frequency
        pre[round(at / dt)], post[round((at + lag) / dt)] = True, True
    return Trains(pre, post, np.array([0]), np.array([0]), dt)


def test_potentiation_grows_with_the_rate_of_pairs():
    """As in visual cortex (Sjöström et al. 2001), and not with pairs alone."""

    def change(frequency, lag, rule):
        return learned(pairings(frequency, lag), rule, 0.5 * W_MAX)[0] / W_MAX - 0.5

    triplet = rb.TripletSTDP(W_MAX * mV)
    slow, middle, fast = (change(f, 10.0, triplet) for f in (1, 10, 40))
    assert 0 <= slow < 0.01 < middle < fast
    assert change(1, -10.0, triplet) < -0.1 and change(40, -10.0, triplet) > 0.05
    pair = rb.PairSTDP(W_MAX * mV)
    assert change(1, -10.0, pair) < 0 and change(40, -10.0, pair) < 0
