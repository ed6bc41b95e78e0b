"""The DPI against its closed forms."""

import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

from rheobase.devices.dynapse2 import dpi


def test_omega_inverts_its_definition(precision):
    u = jnp.concatenate([jnp.linspace(-60, 5, 400), jnp.linspace(5, 30, 50)])
    found, y = dpi.omega(u + jnp.exp(u))
    tolerance = 3e-6 if precision == "float32" else 1e-11
    np.testing.assert_allclose(found, u, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(y, jnp.exp(u), rtol=30 * tolerance)


def test_the_derivative_of_omega_is_that_of_finite_differences(x64):
    for z in (-9.0, -0.5, 1.0, 40.0):
        check_grads(dpi.omega, (jnp.asarray(z),), order=2, eps=1e-4, rtol=1e-5)


def exact(I, a, Igain, relative):
    """I after a pulse: bisection on the implicit solution y |A - y|^(-a) = const e^(A t), A = a-1.

    Logarithms of both sides: ln y - a ln|A - y| = ln y0 - a ln|A - y0| + A t.
    """
    A, y0 = a - 1, I / Igain

    def left(y):
        return np.log(y) - a * np.log(np.abs(A - y))

    wanted = left(y0) + A * relative
    low, high = (y0, A * (1 - 1e-12)) if y0 < A else (A * (1 + 1e-12), y0)
    for _ in range(200):
        middle = np.sqrt(low * high)
        rising = left(middle) < wanted
        low, high = (middle, high) if rising == (y0 < A) else (low, middle)
    return Igain * np.sqrt(low * high)


def test_a_pulse_follows_the_implicit_solution_in_every_regime(x64):
    Itau, Igain, relative = 0.087, 8.7, 1e-3
    for Iw in (10.0, 300.0):
        for I in (5e-4, 0.05, 1.0, 30.0):
            found = dpi.pulse(*map(jnp.asarray, (I, Iw, Itau, Igain, relative)))
            wanted = exact(I, Iw / Itau, Igain, relative)
            np.testing.assert_allclose(float(found), wanted, rtol=2e-3)
            np.testing.assert_allclose(float(found) - I, wanted - I, rtol=4e-3)


def test_the_linear_rule_holds_far_above_the_gain_alone(x64):
    Iw, Itau, Igain, relative = map(jnp.asarray, (10.0, 0.087, 8.7, 1e-3))
    far, near = jnp.asarray(1e4), jnp.asarray(5e-4)
    linear, log = dpi.pulse_linear, dpi.pulse
    rise = float(log(far, Iw, Itau, Igain, relative) - far)
    np.testing.assert_allclose(rise, float(linear(far, Iw, Itau, Igain, relative) - far), rtol=2e-2)
    assert float(linear(near, Iw, Itau, Igain, relative)) > 1000 * float(
        log(near, Iw, Itau, Igain, relative)
    )


def test_without_weight_the_decay_is_exponential(x64):
    I, zero, Itau, Igain, relative = map(jnp.asarray, (3.0, 0.0, 0.087, 8.7, 1e-3))
    found = dpi.pulse(I, zero, Itau, Igain, relative)
    np.testing.assert_allclose(float(found), 3 * np.exp(-1e-3), rtol=1e-6)
