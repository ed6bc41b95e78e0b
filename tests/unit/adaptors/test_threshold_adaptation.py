import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import CompositionError
from rheobase.units import ms, mV, nA


def test_around_lif_it_is_alif_step_for_step(x64):
    tau, lift = 150 * ms, 1.7 * mV
    runs = [
        rb.simulate(neuron, current=[1.8, 2.5] * nA, duration=300 * ms, dt=0.1 * ms, record="v")
        for neuron in (
            rb.ALIF(tau_a=tau, beta=lift),
            rb.ThresholdAdaptation(rb.LIF(), tau=tau, increment=lift),
        )
    ]
    assert runs[0].counts.min() > 5
    np.testing.assert_array_equal(runs[0].spikes, runs[1].spikes)
    np.testing.assert_allclose(runs[0].v, runs[1].v, rtol=1e-12)


def test_threshold_rises_by_the_increment_and_decays(x64):
    neuron = rb.ThresholdAdaptation(rb.LIF(), tau=50 * ms, increment=3 * mV)
    run = rb.simulate(neuron, current=2 * nA, duration=100 * ms, dt=0.1 * ms, record=("v", "theta"))
    ends = run.spike_times()
    for first, second in zip(ends, ends[1:], strict=False):
        at, later = round(first / 0.1) - 1, round(second / 0.1) - 1
        expected = (run.theta[at] + 3) * np.exp(-(second - first) / 50)
        np.testing.assert_allclose(run.theta[later], expected, rtol=1e-9)
        assert run.v[later] >= -50 + run.theta[later]
        assert run.v[later - 1] < -50 + run.theta[later - 1]


def test_two_time_constants_add_up(x64):
    fast = rb.ThresholdAdaptation(rb.LIF(), tau=10 * ms, increment=2 * mV)
    both = rb.ThresholdAdaptation(fast, tau=200 * ms, increment=1 * mV)
    state = both.reset(both.reset(both.init()))
    expected = both.neuron.neuron.margin(state.neuron.neuron) - (2 * 2 + 2 * 1) / 15
    np.testing.assert_allclose(both.margin(state), expected, rtol=1e-12)


def test_it_wraps_what_resets():
    with pytest.raises(CompositionError, match="LI never fires"):
        rb.ThresholdAdaptation(rb.LI(), tau=1 * ms, increment=1 * mV)
    with pytest.raises(CompositionError, match=r"Write rb.ThresholdAdaptation\(rb.LIF\(\)"):
        rb.ThresholdAdaptation(rb.LIF, tau=1 * ms, increment=1 * mV)


def test_state_has_the_shape_of_the_increment():
    neuron = rb.ThresholdAdaptation(rb.LIF(), tau=10 * ms, increment=[1, 2] * mV)
    assert neuron.init().theta.shape == (2,)
    assert jnp.all(neuron.init().theta == 0)
