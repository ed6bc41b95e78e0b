import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import CompositionError
from rheobase.units import ms, mV, nA, nS

CELL = {"tau": 100 * ms, "increment": 20 * nS, "reversal": -85 * mV}


def test_the_conductance_jumps_at_a_spike_and_decays(x64):
    neuron = rb.SpikeRateAdaptation(rb.LIF(), **CELL)
    run = rb.simulate(neuron, current=3 * nA, duration=100 * ms, dt=0.1 * ms, record=("v", "g"))
    ends = run.spike_times()
    assert len(ends) > 3
    for first, second in zip(ends, ends[1:], strict=False):
        at, later = round(first / 0.1) - 1, round(second / 0.1) - 1
        expected = (run.g[at] + 0.02) * np.exp(-(second - first) / 100)
        np.testing.assert_allclose(run.g[later], expected, rtol=1e-9)


def test_the_membrane_is_drawn_to_the_reversal_and_becomes_leakier(x64):
    """With g as large as the leak the steady voltage is the mean of the two reversals."""
    neuron = rb.SpikeRateAdaptation(rb.LIF(), tau=1e9 * ms, increment=100 * nS, reversal=-85 * mV)
    state = neuron.init()._replace(g=np.asarray(0.1))
    for v in (-65.0, -75.0, -85.0):
        at = state._replace(neuron=state.neuron._replace(v=np.asarray(v)))
        slope = neuron.derivative(at, np.zeros(())).neuron.v
        np.testing.assert_allclose(slope, 2 * (-75 - v) / 10)


def test_around_what_receives_no_current_or_never_resets_it_is_refused():
    with pytest.raises(CompositionError, match="LI never fires"):
        rb.SpikeRateAdaptation(rb.LI(), **CELL)
    with pytest.raises(CompositionError, match="needs a reset voltage"):
        rb.SpikeRateAdaptation(rb.HodgkinHuxley(), **CELL)


def test_a_lifted_threshold_lifts_the_upstroke():
    """ThresholdAdaptation around AdEx moves v_T, not only where the upstroke is cut off."""
    lifted = rb.AdEx().lifted(np.float32(5))
    assert float(lifted.v_T - rb.AdEx().v_T) == pytest.approx(5)
    quick = rb.simulate(rb.AdEx(), current=0.7 * nA, duration=300 * ms, dt=0.1 * ms)
    worn = rb.ThresholdAdaptation(rb.Refractory(rb.AdEx(), 2 * ms), tau=200 * ms, increment=4 * mV)
    slow = rb.simulate(worn, current=0.7 * nA, duration=300 * ms, dt=0.1 * ms)
    assert 1 < len(slow.spike_times()) < 0.8 * len(quick.spike_times())
    assert rb.LIF().lifted(5.0).v_th == rb.LIF().v_th
