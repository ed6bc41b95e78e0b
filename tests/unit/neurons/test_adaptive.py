import numpy as np
import pytest
from scipy.optimize import brentq

import rheobase as rb
from rheobase.errors import ParameterError
from rheobase.units import UnitError, ms, mV, nA
from tests.unit.neurons.by_hand import euler


def test_equals_euler_by_hand(x64):
    neuron = rb.ALIF(v_reset=-67 * mV, tau_a=30 * ms)
    run = rb.simulate(
        neuron,
        current=2.3 * nA,
        duration=200 * ms,
        dt=0.1 * ms,
        stepper=rb.Euler(),
        record=("v", "a"),
    )
    rows, spikes = euler(
        start=(-65, 0),
        flow=lambda v, a, i: ((-(v + 65) + 10 * i) / 10, -a / 30),
        fires=lambda v, a: v >= -50 + 2 * a,
        reset=lambda v, a: (-67, a + 1),
        current=2.3,
        dt=0.1,
        steps=2000,
    )
    np.testing.assert_allclose(np.stack([run.v, run.a], 1), rows, rtol=1e-12)
    assert np.flatnonzero(run.spikes).tolist() == spikes
    assert len(spikes) > 5


def test_interval_settles_where_threshold_and_voltage_meet(x64):
    """In the steady state a jumps from a e^(-T/tau_a) back to a, so a = 1/(1 - e^(-T/tau_a))."""
    drive = 25.0

    def miss(interval):
        threshold = 15 + 2 / np.expm1(interval / 200)
        return drive * -np.expm1(-interval / 10) - threshold

    expected = brentq(miss, 12, 60)
    run = rb.simulate(rb.ALIF(), current=2.5 * nA, duration=3000 * ms, dt=0.05 * ms, substep=True)
    assert np.diff(run.spike_times())[-1] == pytest.approx(expected, rel=1e-4)


def test_without_lift_it_is_lif(x64):
    given = dict(current=2 * nA, duration=200 * ms, dt=0.1 * ms)
    still = rb.simulate(rb.ALIF(beta=0 * mV), **given)
    plain = rb.simulate(rb.LIF(), **given)
    assert still.spikes.sum() == plain.spikes.sum() > 10
    np.testing.assert_array_equal(still.spikes, plain.spikes)


def test_bad_parameters():
    with pytest.raises(ParameterError, match="`v_reset` must lie below `v_th`"):
        rb.ALIF(v_reset=-40 * mV)
    with pytest.raises(UnitError, match="`beta` is measured in mV"):
        rb.ALIF(beta=2 * nA)
