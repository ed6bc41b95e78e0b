import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.units import Hz, ms, mV, nA, s
from tests.unit.plasticity.helpers import W_MAX, learned, memory, plain, random_trains


@pytest.mark.parametrize("sign", [1, -1])
def test_random_trains_as_plain_loops(sign, x64):
    eta, rate, tau = 0.02, 40.0, 15.0
    top = sign * W_MAX
    rule = rb.VogelsSTDP(top * mV, eta, rate * Hz, tau * ms)
    trains = random_trains(8)
    start = top * np.random.default_rng(2).random(len(trains.i))

    def inside(w):
        return np.clip(w, min(0, top), max(0, top))

    def on_pre(w, k, r, o, t):
        return inside(w + eta * top * (memory(o, t, tau) - 2 * rate / 1000 * tau))

    def on_post(w, k, r, o, t):
        return inside(w + eta * top * memory(r, t, tau))

    np.testing.assert_allclose(
        learned(trains, rule, start), plain(trains, start, on_pre, on_post), rtol=1e-9
    )


@pytest.mark.parametrize("target", [5, 12])
def test_the_postsynaptic_rate_reaches_the_target(target):
    net = rb.Network(
        {"i": rb.Population(rb.LIF(), 40), "e": rb.Population(rb.LIF(), 20)},
        [
            rb.Connection(
                "i",
                "e",
                rb.Dense(),
                rb.Exponential(tau=10 * ms),
                weight=0 * mV,
                plasticity=rb.VogelsSTDP(-20 * mV, eta=0.002, rate=target * Hz),
            )
        ],
        drives=[
            rb.Drive("i", rb.stimulus.Poisson(10 * Hz, 100 * mV)),
            rb.Drive("e", rb.stimulus.Constant(np.linspace(1.8, 2.5, 20) * nA)),
        ],
    )
    record = {"e": rb.Record(spikes="count")}
    run = rb.simulate(net, duration=40 * s, dt=0.5 * ms, key=jax.random.key(0), record=record)
    at_first = rb.simulate(net, duration=1 * s, dt=0.5 * ms, key=jax.random.key(0), record=record)
    assert at_first["e"].counts.mean() > 2 * target
    run = rb.simulate(net, duration=10 * s, dt=0.5 * ms, record=record, state=run.final)
    np.testing.assert_allclose(run["e"].counts / 10, target, atol=0.25 * target)
