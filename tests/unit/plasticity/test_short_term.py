import numpy as np
import pytest

import rheobase as rb
from rheobase.units import ms, mV
from tests.unit.plasticity.helpers import Trains, network, random_trains, simulate

pytestmark = pytest.mark.usefixtures("x64")


def released(times, U, tau_rec, tau_facil):
    """u x of each spike, from one spike to the next (Tsodyks et al. 1998)."""
    u, x, last, out = 0.0, 1.0, None, []
    for t in times:
        if last is not None:
            u *= np.exp(-(t - last) / tau_facil) if tau_facil else 0.0
            x = 1 - (1 - x) * np.exp(-(t - last) / tau_rec)
        u += U * (1 - u)
        out.append(u * x)
        x -= u * x
        last = t
    return out


@pytest.mark.parametrize("delay", [None, 4])
@pytest.mark.parametrize("tau_facil", [0.0, 300.0])
def test_each_spike_delivers_what_is_left(tau_facil, delay):
    """A synapse so slow that its conductance is the sum of what arrived."""
    U, tau_rec = 0.3, 150.0
    release = rb.TsodyksMarkram(U, tau_rec * ms, tau_facil * ms)
    trains = random_trains(3)
    trains = trains._replace(post=np.zeros_like(trains.post))
    slow = rb.Exponential(tau=1e12 * ms)
    net = network(trains, release, 1e-3 * np.arange(1, len(trains.i) + 1), delay, slow)
    run = simulate(net, trains)
    late = 0 if delay is None else delay
    expected = np.zeros(trains.post.shape[1])
    for k, (i, j) in enumerate(zip(trains.i, trains.j, strict=True)):
        times = trains.dt * np.nonzero(trains.pre[: len(trains.pre) - 1 - late, i])[0]
        expected[j] += 1e-3 * (k + 1) * sum(released(times, U, tau_rec, tau_facil))
    found = run.final.neuron.systems["post"].synapses[0].g
    np.testing.assert_allclose(found, expected, rtol=1e-7)


@pytest.mark.parametrize("frequency", [5, 20, 50])
def test_stationary_depression(frequency):
    """u x of a regular train comes to U (1 - e)/(1 - (1 - U) e) with e = exp(-T/tau_rec)."""
    U, tau_rec, dt = 0.5, 800.0, 1.0
    every = 1000 // frequency
    raster = (np.arange(every * 60) % every == 0)[:, None]
    trains = Trains(raster, np.zeros_like(raster), np.array([0]), np.array([0]), dt)
    run = simulate(network(trains, rb.TsodyksMarkram(U, tau_rec * ms), 1.0), trains)
    state = run.final.neuron.projections[0].release
    left = float(state.x) if state.x.ndim == 0 else float(state.x[0])
    since = (len(raster) - 1 - np.nonzero(raster[:, 0])[0][-1]) * dt
    e = np.exp(-every / tau_rec)
    before = (1 - e) / (1 - (1 - U) * e)
    after = 1 - (1 - (1 - U) * before) * np.exp(-since / tau_rec)
    np.testing.assert_allclose(left, after, rtol=1e-6)


def test_together_with_a_rule_that_changes_weights():
    """The rule sees spikes, the membrane what is released."""
    trains = random_trains(4)
    both = rb.TsodyksMarkram(), rb.PairSTDP(1e-3 * mV, 0.05, 0.05)
    weights = [
        simulate(network(trains, rules, 5e-4), trains).weights("pre", "post").value
        for rules in (both, both[::-1], both[1])
    ]
    np.testing.assert_array_equal(weights[0], weights[1])
    np.testing.assert_allclose(weights[0], weights[2], rtol=1e-12)  # by another loop
