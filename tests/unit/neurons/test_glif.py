import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

import rheobase as rb
from rheobase.errors import ParameterError
from rheobase.neurons.glif import GLIFState
from rheobase.units import Hz, ms, mV, nA
from tests.unit.neurons.by_hand import euler


def test_equals_euler_by_hand(x64):
    run = rb.simulate(
        rb.GLIF.pattern("tonic bursting"),
        current=2 * nA,
        duration=300 * ms,
        dt=0.1 * ms,
        stepper=rb.Euler(),
        record=("v", "I1", "I2", "v_th"),
    )
    rows, spikes = euler(
        start=(-70, 0, 0, -50),
        flow=lambda v, i1, i2, th, i: (
            (-(v + 70) + 20 * (i1 + i2 + i)) / 20,
            -0.2 * i1,
            -0.02 * i2,
            0.005 * (v + 70) - 0.01 * (th + 50),
        ),
        fires=lambda v, i1, i2, th: v >= th,
        reset=lambda v, i1, i2, th: (-70, 10, i2 - 0.6, max(-60, th)),
        current=2.0,
        dt=0.1,
        steps=3000,
    )
    traces = np.stack([run.v, run.I1, run.I2, run.v_th], 1)
    assert np.flatnonzero(run.spikes).tolist() == spikes
    assert len(spikes) > 8
    np.testing.assert_allclose(traces, rows, rtol=1e-9, atol=1e-9)


def test_first_spike_where_the_moving_threshold_is_met(x64):
    """v and v_th of a step of current in closed form: relaxations at 1/tau and b."""
    tau, a, b, drive = 20, 0.005, 0.01, 40

    def miss(t):
        v = drive * (1 - np.exp(-t / tau))
        lag = (np.exp(-t / tau) - np.exp(-b * t)) / (1 / tau - b)
        threshold = 20 + a * drive * ((1 - np.exp(-b * t)) / b + lag)
        return v - threshold

    run = rb.simulate(
        rb.GLIF(a=5 * Hz),
        current=2 * nA,
        duration=40 * ms,
        dt=0.1 * ms,
        stepper=rb.Exact(),
        substep=True,
    )
    assert run.spike_times()[0] == pytest.approx(brentq(miss, 5, 30), rel=1e-6)


def test_threshold_below_reset_does_not_invert_the_spike():
    neuron = rb.GLIF()
    low = GLIFState(*(jnp.float32(x) for x in (-70, 0, 0, -90)))
    assert neuron.margin(low) > 0
    assert neuron.margin(low._replace(v=jnp.float32(-91))) < 0
    assert neuron.margin(neuron.reset(low)) < 0


def test_update_at_a_spike(x64):
    neuron = rb.GLIF(A1=3 * nA, A2=-0.5 * nA, R1=0.25, R2=1.0)
    after = neuron.reset(GLIFState(*(jnp.asarray(x) for x in (-45.0, 4.0, 2.0, -45.0))))
    assert tuple(map(float, after)) == (-70, 4, 1.5, -45)
    raised = neuron.reset(GLIFState(*(jnp.asarray(x) for x in (-45.0, 4.0, 2.0, -65.0))))
    assert raised.v_th == -60


@pytest.mark.parametrize("name", ["v_th_reset", "v_th_inf"])
def test_thresholds_must_lie_above_the_reset(name):
    with pytest.raises(ParameterError, match=f"`v_reset` must lie below `{name}`"):
        rb.GLIF(**{name: -70 * mV})
