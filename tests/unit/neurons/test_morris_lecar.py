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

CLASS_1 = dict(g_Ca=0.04 * uS, v3=12 * mV, v4=17.4 * mV, phi=1 / (15 * ms))


def barnacle(t, y, current):
    """The equations per cm² of the source: uA, uF, mS, mV, ms."""
    v, w = y
    m_inf = 0.5 * (1 + np.tanh((v + 1.2) / 18))
    w_inf = 0.5 * (1 + np.tanh((v - 2) / 30))
    dv = current - 4.4 * m_inf * (v - 120) - 8 * w * (v + 84) - 2 * (v + 60)
    return [dv / 20, 0.04 * np.cosh((v - 2) / 60) * (w_inf - w)]


def test_agrees_with_another_solver_of_the_published_form(x64):
    neuron = rb.MorrisLecar()
    run = rb.simulate(
        neuron,
        current=1 * nA,
        duration=300 * ms,
        dt=0.05 * ms,
        stepper=rb.RungeKutta4(),
        record=("v", "w"),
    )
    start = [float(x) for x in neuron.init()]
    other = solve_ivp(
        barnacle,
        (0, 300),
        start,
        "LSODA",
        t_eval=run.t[99::100],
        args=(100,),
        rtol=1e-9,
        atol=1e-10,
    )
    np.testing.assert_allclose(np.stack([run.v, run.w])[:, 99::100], other.y, rtol=1e-4, atol=1e-5)
    assert run.spikes.sum() > 2


def linearised(neuron):
    """v -> the Jacobian where v is held at steady state, and the current (nA) that holds it."""

    @jax.jit
    def at(v):
        state = eqx.tree_at(lambda n: n.v_rest, neuron, v).init()
        current = -neuron.derivative(state, jnp.zeros_like(v)).v * neuron.C

        def flow(x):
            return jnp.stack(neuron.derivative(type(state)(*x), current))

        return jax.jacobian(flow)(jnp.stack(state)), current

    return at


def test_starts_at_rest(x64):
    neuron = rb.MorrisLecar()
    assert abs(linearised(neuron)(neuron.v_rest)[1]) < 1e-6
    run = rb.simulate(neuron, duration=500 * ms, dt=0.5 * ms, record="v")
    np.testing.assert_allclose(run.v, neuron.v_rest, atol=1e-3)


def test_defaults_lose_rest_in_a_hopf_bifurcation(x64):
    """94 uA/cm², Rinzel & Ermentrout 1998, on 1000 um²; the eigenvalues are complex."""
    at = linearised(rb.MorrisLecar())
    critical = brentq(lambda v: np.linalg.eigvals(at(v)[0]).real.max(), -28, -24)
    assert at(critical)[1] == pytest.approx(0.94, rel=5e-3)
    assert abs(np.linalg.eigvals(at(critical)[0]).imag).min() > 0.01


def test_class_1_begins_at_any_rate_where_the_fixed_point_vanishes(x64):
    neuron = rb.MorrisLecar(**CLASS_1)
    knee = float(jax.vmap(linearised(neuron))(jnp.linspace(-45, -15, 601))[1].max())
    assert knee == pytest.approx(0.4, rel=0.01)
    rates = rb.simulate(
        neuron, current=[0.99 * knee, 1.01 * knee, 1.2 * knee] * nA, duration=3000 * ms, dt=0.1 * ms
    ).rate()
    assert rates[0] == 0
    assert 0 < rates[1] < 6
    assert rates[2] > 2 * rates[1]


def test_class_2_begins_at_a_high_rate(x64):
    rates = rb.simulate(
        rb.MorrisLecar(), current=[0.85, 0.95] * nA, duration=3000 * ms, dt=0.1 * ms
    ).rate()
    assert rates[0] < 1
    assert rates[1] > 9


def test_bad_parameters():
    with pytest.raises(ParameterError, match="`v_rest` must lie below `v_th`"):
        rb.MorrisLecar(v_rest=10 * mV)
    with pytest.raises(ValueError, match="`v4` must be > 0"):
        rb.MorrisLecar(v4=-30 * mV)
