import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ParameterError
from rheobase.units import MOhm, UnitError, ms, mV, nA, nF


def intervals(neuron, current, duration=400, dt=0.1):
    run = rb.simulate(
        neuron,
        current=current * nA,
        duration=duration * ms,
        dt=dt * ms,
        stepper=rb.Exact(),
        substep=True,
    )
    return np.diff(run.spike_times())


@pytest.mark.parametrize("current", [0.5, 1.0, 3.3])
def test_perfect_integrator_counts_charge(x64, current):
    found = intervals(rb.IF(C=0.7 * nF), current)
    np.testing.assert_allclose(found, 0.7 * 15 / current, rtol=1e-8)


@pytest.mark.parametrize("current", [1.51, 2.0, 7.0])
def test_interval_of_the_leaky_integrator(x64, current):
    neuron = rb.LIF(v_rest=-64 * mV, v_reset=-68 * mV)
    drive = 10 * current - 64
    expected = 10 * np.log((drive + 68) / (drive + 50))
    np.testing.assert_allclose(intervals(neuron, current), expected, rtol=1e-6)


def test_rheobase_of_the_leaky_integrator(x64):
    currents = np.array([0.9999, 1.0001]) * 1.5
    run = rb.simulate(rb.LIF(), current=currents * nA, duration=200 * ms, dt=0.1 * ms)
    assert run.counts[0] == 0
    assert run.counts[1] > 0


def test_a_rest_above_threshold_fires_by_itself(x64):
    assert intervals(rb.LIF(v_rest=-45 * mV), 0.0)[0] == pytest.approx(
        10 * np.log(20 / 5), rel=1e-6
    )


def test_readout_charges_as_one_minus_exponential(x64):
    run = rb.simulate(
        rb.LI(tau=7 * ms, R=3 * MOhm), current=2 * nA, duration=20 * ms, dt=0.5 * ms, record="v"
    )
    np.testing.assert_allclose(run.v, 6 * -np.expm1(-run.t / 7), rtol=1e-12)
    assert run.raster is None


def test_synaptic_potential_is_a_difference_of_exponentials(x64):
    run = rb.simulate(
        rb.CubaLIF(),
        delta=rb.stimulus.Pulses([0] * ms, 0.01 * nA),
        duration=60 * ms,
        dt=0.5 * ms,
        stepper=rb.Exact(),
        record=("v", "i_syn"),
    )
    t = run.t - 0.5  # the delta input arrives at the end of the first step
    rise = 100 * 0.01 * 5 / (20 - 5)
    np.testing.assert_allclose(run.i_syn, 0.01 * np.exp(-t / 5), rtol=1e-10)
    np.testing.assert_allclose(run.v + 60, rise * (np.exp(-t / 20) - np.exp(-t / 5)), atol=1e-10)


def test_current_and_synaptic_current_act_alike(x64):
    neuron = rb.CubaLIF()
    state = neuron.init()
    direct = neuron.derivative(state, jnp.asarray(0.3)).v
    synaptic = neuron.derivative(state._replace(i_syn=jnp.asarray(0.3)), jnp.asarray(0.0)).v
    assert direct == synaptic == 100 * 0.3 / 20


@pytest.mark.parametrize("cls", [rb.IF, rb.LIF, rb.CubaLIF])
def test_a_reset_above_threshold_is_refused(cls):
    with pytest.raises(ParameterError, match="`v_reset` must lie below `v_th`"):
        cls(v_reset=-50 * mV)


def test_wrong_unit_is_refused():
    with pytest.raises(UnitError, match="`tau` is measured in ms, got 5 mV"):
        rb.LIF(tau=5 * mV)
