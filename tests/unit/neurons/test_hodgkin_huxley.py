import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import rheobase as rb
from rheobase.errors import ParameterError
from rheobase.units import ms, mV, nA, uS


def squid(t, y, current):
    """The equations per cm² as in the textbooks: uA, uF, mS, mV, ms."""
    v, m, h, n = y
    dv = current - 120 * m**3 * h * (v - 50) - 36 * n**4 * (v + 77) - 0.3 * (v + 54.387)
    dm = 0.1 * (v + 40) / (1 - np.exp(-(v + 40) / 10)) * (1 - m) - 4 * np.exp(-(v + 65) / 18) * m
    dh = 0.07 * np.exp(-(v + 65) / 20) * (1 - h) - h / (1 + np.exp(-(v + 35) / 10))
    dn = 0.01 * (v + 55) / (1 - np.exp(-(v + 55) / 10)) * (1 - n)
    return [dv, dm, dh, dn - 0.125 * np.exp(-(v + 65) / 80) * n]


def test_agrees_with_another_solver_of_the_textbook_form(x64):
    neuron = rb.HodgkinHuxley()
    run = rb.simulate(
        neuron,
        current=0.1 * nA,
        duration=50 * ms,
        dt=0.01 * ms,
        stepper=rb.RungeKutta4(),
        record=("v", "m", "h", "n"),
    )
    start = [float(x) for x in neuron.init()]
    other = solve_ivp(
        squid, (0, 50), start, "LSODA", t_eval=run.t[99::100], args=(10,), rtol=1e-9, atol=1e-10
    )
    traces = np.stack([run.v, run.m, run.h, run.n])[:, 99::100]
    np.testing.assert_allclose(traces, other.y, rtol=1e-4, atol=1e-4)
    assert run.spikes.sum() == 4
    crossings = (run.v[:-1] < 0) & (run.v[1:] >= 0)
    np.testing.assert_array_equal(run.spikes[1:], crossings)


def at_steady_state(neuron, v):
    """The gates at steady state at v, and the current that holds v there."""
    state = eqx.tree_at(lambda n: n.v_rest, neuron, v).init()
    return state, -neuron.derivative(state, jnp.zeros_like(v)).v * neuron.C


def test_starts_at_rest(x64):
    neuron = rb.HodgkinHuxley()
    assert abs(at_steady_state(neuron, neuron.v_rest)[1]) < 1e-6
    rates = neuron.derivative(neuron.init(), jnp.asarray(0.0))
    assert max(abs(float(x)) for x in rates[1:]) < 1e-12
    run = rb.simulate(neuron, duration=200 * ms, dt=0.05 * ms, record="v")
    np.testing.assert_allclose(run.v, neuron.v_rest, atol=1e-3)


def test_rest_loses_stability_at_the_known_hopf_bifurcation(x64):
    """9.78 uA/cm², Rinzel & Miller 1980, on 1000 um²."""
    neuron = rb.HodgkinHuxley()

    @jax.jit
    def linearised(v):
        state, current = at_steady_state(neuron, v)

        def flow(x):
            return jnp.stack(neuron.derivative(type(state)(*x), current))

        return jax.jacobian(flow)(jnp.stack(state)), current

    critical = brentq(lambda v: np.linalg.eigvals(linearised(v)[0]).real.max(), -61, -58)
    assert linearised(critical)[1] == pytest.approx(0.0978, rel=2e-3)


def test_onset_of_repetitive_firing(x64):
    run = rb.simulate(
        rb.HodgkinHuxley(), current=[0.06, 0.066] * nA, duration=400 * ms, dt=0.02 * ms
    )
    assert run.counts[0] <= 3
    assert run.counts[1] > 20


def test_fires_once_per_action_potential_and_is_not_reset():
    neuron = rb.HodgkinHuxley()
    state = neuron.init()
    assert neuron.reset(state) is state
    run = rb.simulate(
        neuron,
        current=rb.stimulus.Step(0.3 * nA, stop=1 * ms),
        duration=20 * ms,
        dt=0.01 * ms,
        record="v",
    )
    assert run.spikes.sum() == 1
    assert run.v.max() > 30


@pytest.mark.parametrize("v", [-55.0, -40.0])
def test_gradient_at_the_singular_voltages(x64, v):
    neuron = rb.HodgkinHuxley()
    state = neuron.init()

    def total(v):
        return sum(neuron.derivative(state._replace(v=v), jnp.asarray(0.0)))

    near = (total(jnp.asarray(v + 1e-4)) - total(jnp.asarray(v - 1e-4))) / 2e-4
    assert jax.grad(total)(jnp.asarray(v)) == pytest.approx(near.item(), rel=1e-6)


def test_rates_and_conductances_train(x64):
    @eqx.filter_jit
    def height(neuron):
        run = rb.simulate(neuron, current=0.05 * nA, duration=2 * ms, dt=0.01 * ms, record="v")
        return run.v[-1]

    neuron = rb.HodgkinHuxley()
    slope = eqx.filter_grad(height)(neuron)
    for where, step in ((lambda n: n.g_K, 1e-4), (lambda n: n.alpha_m.v_0, 1e-3)):
        up, down = (
            height(eqx.tree_at(where, neuron, where(neuron) + sign * step)) for sign in (1, -1)
        )
        assert where(slope) == pytest.approx((up - down).item() / (2 * step), rel=1e-5)


@pytest.mark.parametrize("rule", [rb.ExponentialEuler, rb.Euler, rb.Heun, rb.RungeKutta4])
def test_finite_where_an_explicit_step_is_far_too_long(rule):
    currents = [1, -1, 100, -100, 1e6, -1e6, 1e9, -1e9] * nA
    given = dict(duration=49 * ms, dt=0.07 * ms, stepper=rule(), record="v")
    for neuron in (rb.HodgkinHuxley(), rb.MorrisLecar()):
        run = rb.simulate(neuron, current=currents, **given)
        assert np.isfinite(run.v).all()
        assert all(np.isfinite(x).all() for x in run.final.neuron)


@pytest.mark.parametrize("current", [10.0, 100.0, 1e4])
def test_a_strong_current_blocks_it_under_the_default_stepper(current):
    run = rb.simulate(
        rb.HodgkinHuxley(), current=current * nA, duration=50 * ms, dt=0.1 * ms, record="v"
    )
    assert run.spikes.sum() == 1
    assert run.v[-1] == pytest.approx(run.v[-2].item(), rel=1e-3)
    assert run.v[-1] > -20


def test_gates_stay_between_0_and_1_under_the_default_stepper():
    flips = rb.stimulus.Pulses(np.arange(0, 50, 2) * ms, 2e9 * nA, 1 * ms) + (-1e9) * nA
    run = rb.simulate(
        rb.HodgkinHuxley(),
        current=flips,
        duration=50 * ms,
        dt=0.5 * ms,
        record=("m", "h", "n"),
        coarse=True,
    )
    for x in run.traces.values():
        assert x.min() >= -1e-6
        assert x.max() <= 1 + 1e-6


def test_bad_parameters():
    with pytest.raises(ParameterError, match="`v_rest` must lie below `v_th`"):
        rb.HodgkinHuxley(v_th=-70 * mV)
    with pytest.raises(ValueError, match="`g_K` must be >= 0"):
        rb.HodgkinHuxley(g_K=-1 * uS)
