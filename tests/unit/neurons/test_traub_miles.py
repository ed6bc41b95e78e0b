import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import rheobase as rb
from rheobase.errors import ParameterError, StepperError
from rheobase.units import ms, mV, nA


def pyramidal(t, y, current, v_T=-63.0, v_L=-65.0):
    """The equations per cm² as published: uA, uF, mS, mV, ms; x/(e^x - 1) as it stands."""
    v, m, h, n = y
    u = v - v_T
    dv = current - 100 * m**3 * h * (v - 50) - 30 * n**4 * (v + 90) - 0.05 * (v - v_L)
    dm = 0.32 * (13 - u) / np.expm1((13 - u) / 4) * (1 - m)
    dm -= 0.28 * (u - 40) / np.expm1((u - 40) / 5) * m
    dh = 0.128 * np.exp((17 - u) / 18) * (1 - h) - 4 / (1 + np.exp((40 - u) / 5)) * h
    dn = 0.032 * (15 - u) / np.expm1((15 - u) / 5) * (1 - n) - 0.5 * np.exp((10 - u) / 40) * n
    return [dv, dm, dh, dn]


def test_agrees_with_another_solver_of_the_published_form(x64):
    neuron = rb.TraubMiles()
    run = rb.simulate(
        neuron,
        current=0.2 * nA,  # on 20,000 um²: 1 uA/cm²
        duration=60 * ms,
        dt=0.01 * ms,
        stepper=rb.RungeKutta4(),
        record=("v", "m", "h", "n"),
    )
    start = [float(x) for x in neuron.init()]
    times = run.t[99::100]
    other = solve_ivp(pyramidal, (0, 60), start, "LSODA", times, args=(1,), rtol=1e-9, atol=1e-10)
    traces = np.stack([run.v, run.m, run.h, run.n])[:, 99::100]
    np.testing.assert_allclose(traces, other.y, rtol=2e-4, atol=2e-4)
    assert run.spikes.sum() == 2
    crossings = (run.v[:-1] < -20) & (run.v[1:] >= -20)
    np.testing.assert_array_equal(run.spikes[1:], crossings)


def test_starts_at_rest(x64):
    run = rb.simulate(rb.TraubMiles(), duration=200 * ms, dt=0.05 * ms, record="v")
    np.testing.assert_allclose(run.v, -64.7646, atol=1e-3)


def test_onset_of_repetitive_firing_and_firing_without_input(x64):
    given = dict(duration=500 * ms, dt=0.02 * ms)
    run = rb.simulate(rb.TraubMiles(), current=[0.018, 0.021] * nA, **given)
    assert run.counts[0] == 0 and run.counts[1] > 0
    assert rb.simulate(rb.TraubMiles(v_L=-60 * mV), **given).counts == 7  # 14 Hz


def test_the_shift_moves_all_rates():
    """Both voltages and the shift by as much change nothing but where the reversals are."""
    low, high = rb.TraubMiles(), rb.TraubMiles(v_T=-53 * mV, v_rest=-54.7646 * mV)
    for one, two in zip(low.init()[1:], high.init()[1:], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5)


@pytest.mark.parametrize("v", [-50.0, -23.0, -48.0])
def test_gradient_at_the_singular_voltages(x64, v):
    """u = 13 in alpha_m, 40 in beta_m, 15 in alpha_n."""
    neuron = rb.TraubMiles()
    state = neuron.init()

    def total(v):
        return sum(neuron.derivative(state._replace(v=v), jnp.asarray(0.0)))

    near = (total(jnp.asarray(v + 1e-4)) - total(jnp.asarray(v - 1e-4))) / 2e-4
    assert jax.grad(total)(jnp.asarray(v)) == pytest.approx(near.item(), rel=1e-6)


def test_fires_once_per_action_potential_and_is_not_reset():
    neuron = rb.TraubMiles()
    state = neuron.init()
    assert neuron.reset(state) is state
    pulse = rb.stimulus.Step(2 * nA, stop=2 * ms)
    run = rb.simulate(neuron, current=pulse, duration=20 * ms, dt=0.01 * ms, record="v")
    assert run.spikes.sum() == 1
    assert run.v.max() > 30


def test_finite_under_any_current():
    currents = [1, -1, 100, -100, 1e6, -1e6, 1e9, -1e9] * nA
    run = rb.simulate(
        rb.TraubMiles(), current=currents, duration=50 * ms, dt=0.1 * ms, record="v",
        stepper=rb.ExponentialEuler(),
    )  # fmt: skip
    assert np.isfinite(run.v).all()
    assert all(np.isfinite(x).all() for x in run.final.neuron)


@pytest.mark.parametrize("rule", [rb.Euler, rb.RungeKutta4])
def test_an_explicit_step_that_is_far_too_long_is_refused(rule):
    with pytest.raises(StepperError, match="longer than a stable step"):
        rb.simulate(rb.TraubMiles(), duration=50 * ms, dt=0.1 * ms, stepper=rule(), coarse=True)


def test_rates_train(x64):
    @eqx.filter_jit
    def height(neuron):
        run = rb.simulate(neuron, current=0.1 * nA, duration=2 * ms, dt=0.01 * ms, record="v")
        return run.v[-1]

    neuron = rb.TraubMiles()
    slope = eqx.filter_grad(height)(neuron)
    for where in (lambda n: n.v_T, lambda n: n.beta_m.v_0):
        up, down = (height(eqx.tree_at(where, neuron, where(neuron) + d)) for d in (1e-3, -1e-3))
        assert where(slope) == pytest.approx((up - down).item() / 2e-3, rel=1e-5)


def test_bad_parameters():
    with pytest.raises(ParameterError, match="`v_rest` must lie below `v_th`"):
        rb.TraubMiles(v_th=-70 * mV)
