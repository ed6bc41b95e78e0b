import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rheobase.neurons.rates import (
    ExpLinearRate,
    ExponentialRate,
    SigmoidRate,
    exp_linear,
    gate,
    within_reach,
)
from rheobase.units import ms, mV


def rates():
    return {
        "exponential": ExponentialRate(4 / ms, -65 * mV, 18 * mV),
        "sigmoid": SigmoidRate(1 / ms, -35 * mV, 10 * mV),
        "exp linear": ExpLinearRate(1 / ms, -40 * mV, 10 * mV),
    }


@pytest.mark.parametrize("x", [-30, -2, -0.31, -0.29, -1e-3, -1e-9, 0, 1e-9, 1e-3, 0.29, 0.31, 5])
def test_exp_linear_through_its_singularity(x64, x):
    """Against y = x/(1 - e^-x) solved for its derivatives, in extended precision."""
    x = np.longdouble(x)
    if abs(x) > 1e-6:
        e = -np.expm1(-x)
        value = x / e
        slope = (1 - value * np.exp(-x)) / e
        bend = np.exp(-x) * (value - 2 * slope) / e
    else:
        value, slope, bend = 1 + x / 2, 0.5 + x / 6, np.longdouble(1) / 6
    first = jax.grad(exp_linear)
    second = jax.grad(first)
    x = float(x)
    assert exp_linear(x) == pytest.approx(float(value), rel=1e-13)
    assert first(x) == pytest.approx(float(slope), rel=1e-11)
    assert second(x) == pytest.approx(float(bend), rel=1e-9)


def test_exp_linear_is_as_good_in_float32():
    x = jnp.linspace(-2, 2, 4001, dtype=jnp.float32)
    exact = np.where(x == 0, 1, x.astype(float) / np.where(x == 0, 1, -np.expm1(-np.float64(x))))
    np.testing.assert_allclose(exp_linear(x), exact, rtol=4e-7)
    slope = jax.vmap(jax.grad(exp_linear))(x)
    assert (np.diff(slope) > -2e-6).all()
    assert abs(slope[2000] - 0.5) < 1e-6


@pytest.mark.parametrize("name", rates())
def test_finite_in_value_and_gradient(name):
    v = jnp.asarray([-1e12, -1e4, -65, -55, -40, 0, 1e4, 1e12], jnp.float32)
    found = jax.vmap(jax.value_and_grad(lambda rate, v: rate(v), (0, 1)), (None, 0))
    value, slopes = found(rates()[name], v)
    assert (value >= 0).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((value, slopes)))


def test_shapes(x64):
    v = np.linspace(-100, 60, 33) + 0.1
    expected = {
        "exponential": 4 * np.exp(-(v + 65) / 18),
        "sigmoid": 1 / (1 + np.exp(-(v + 35) / 10)),
        "exp linear": 0.1 * (v + 40) / (1 - np.exp(-(v + 40) / 10)),
    }
    for name, rate in rates().items():
        np.testing.assert_allclose(rate(jnp.asarray(v)), expected[name], rtol=1e-12)


def test_a_gate_is_itself_inside():
    x = jnp.asarray([0.0, 0.3, 1.0])
    np.testing.assert_array_equal(gate(x), x)
    np.testing.assert_array_equal(jax.vmap(jax.grad(gate))(x), 1)
    assert gate(jnp.float32(-1e9)) > -0.01


def test_channels_see_any_voltage_of_a_membrane_and_no_other():
    v = jnp.asarray([-1e9, -2000.0, -65.0, 1000.0, 1e9])
    seen = within_reach(v, jnp.asarray(-65.0), jnp.asarray(0.0))
    np.testing.assert_array_equal(seen[1:4], v[1:4])
    assert np.abs(seen).max() < 1e6
