import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ParameterError
from rheobase.neurons.exponential import AdaptiveState, upstroke
from rheobase.units import MOhm, ms, mV, nA, uS
from tests.unit.neurons.by_hand import euler


def test_adex_equals_euler_by_hand(x64):
    run = rb.simulate(
        rb.AdEx(R=33 * MOhm, tau=9.4 * ms),
        current=1 * nA,
        duration=200 * ms,
        dt=0.05 * ms,
        stepper=rb.Euler(),
        record=("v", "w"),
    )
    rows, spikes = euler(
        start=(-70.6, 0),
        flow=lambda v, w, i: (
            (-(v + 70.6) + 2 * np.exp((min(v, 20) + 50.4) / 2) - 33 * w + 33 * i) / 9.4,
            (0.004 * (v + 70.6) - w) / 144,
        ),
        fires=lambda v, w: v >= 20,
        reset=lambda v, w: (-70.6, w + 0.0805),
        current=1.0,
        dt=0.05,
        steps=4000,
        ceiling=20,
    )
    assert np.flatnonzero(run.spikes).tolist() == spikes
    assert len(spikes) > 3
    np.testing.assert_allclose(np.stack([run.v, run.w], 1), rows, rtol=1e-7)


def test_rheobase_of_expif(x64):
    """The slope of the v-equation is zero at v_T: R I_rh = v_T - v_rest - delta_T."""
    rheobase = (-59.9 + 65 - 3.48) / 50
    currents = np.array([0.99, 1.01]) * rheobase
    run = rb.simulate(rb.ExpIF(), current=currents * nA, duration=1500 * ms, dt=0.1 * ms)
    assert run.counts[0] == 0
    assert run.counts[1] > 0


def test_rheobase_of_adex_for_a_slow_current(x64):
    neuron = rb.AdEx()
    slope = 0.004 * 33.333
    rheobase = (1 / 33.333 + 0.004) * (-50.4 + 70.6 - 2 + 2 * np.log1p(slope))
    ramp = rb.stimulus.Ramp(
        0.9 * rheobase * nA, 1.02 * rheobase * nA, start=0 * ms, stop=12000 * ms
    )
    run = rb.simulate(neuron, current=ramp, duration=12000 * ms, dt=0.2 * ms)
    first = rheobase * (0.9 + 0.12 * run.spike_times()[0] / 12000)
    assert first == pytest.approx(rheobase, rel=5e-3)
    assert first > rheobase


def test_upstroke_is_bounded_before_the_exponential():
    def rise(v):
        return upstroke(v, jnp.float32(20), jnp.float32(-50), jnp.float32(0.5))[1]

    for v in (-1e9, -50.0, 20.0, 1e9):
        value, slope = jax.value_and_grad(rise)(jnp.float32(v))
        assert np.isfinite(value)
        assert np.isfinite(slope)
    assert rise(jnp.float32(1e9)) == rise(jnp.float32(20))


def test_adaptation_grows_by_b_at_a_spike():
    neuron = rb.AdEx(b=0.25 * nA)
    after = neuron.reset(AdaptiveState(v=jnp.float32(20), w=jnp.float32(0.5)))
    assert after.v == neuron.v_reset
    assert after.w == 0.75


@pytest.mark.parametrize("cls", [rb.ExpIF, rb.AdEx])
def test_bad_parameters(cls):
    with pytest.raises(ParameterError, match="`v_T` must lie below `v_th`"):
        cls(v_T=30 * mV)
    with pytest.raises(ParameterError, match="`v_reset` must lie below `v_th`"):
        cls(v_reset=[-70, 30] * mV)
    assert cls(v_th=25 * mV, v_reset=24 * mV).v_reset == 24


def test_negative_subthreshold_adaptation_is_legal():
    assert rb.AdEx(a=-0.01 * uS).a < 0
