"""phi(z) = (e^z - 1)/z against numpy in double precision, and its derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rheobase.phi import phi

POINTS = np.concatenate(
    [
        np.linspace(-120, 30, 3001),
        np.linspace(-1, 1, 1001),
        np.geomspace(1e-30, 1e-3, 200),
        -np.geomspace(1e-30, 1e9, 400),
        [0.0],
    ]
)


def exactly(z):
    """In long double, where z is not so small that the series is exact."""
    z = np.asarray(z, np.longdouble)
    return np.where(z == 0, 1, np.expm1(z) / np.where(z == 0, 1, z))


def test_values_to_a_few_roundings(precision):
    z = jnp.asarray(POINTS, precision)
    wrong = np.abs(np.asarray(phi(z)) / exactly(z) - 1)
    assert wrong.max() < 3 * np.finfo(precision).eps


def test_an_upstroke_stays_finite(precision):
    z = jnp.asarray([41.0, 1e10, np.inf], precision)
    np.testing.assert_array_equal(phi(z), phi(jnp.full(3, 40.0, precision)))


@pytest.mark.parametrize("order, rtol", [(1, 1e-5), (2, 1e-3)])
def test_derivatives(order, rtol, precision):
    """By quadrature of their integrals: the k-th is that of s^k e^(s z) over s in [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    s, weights = (nodes + 1) / 2, weights / 2
    z = np.concatenate([np.linspace(-30, 20, 101), np.linspace(-0.2, 0.2, 101), [0.0, 1e-12]])
    z = np.asarray(z, precision).astype(float)
    integral = (weights * s**order * np.exp(s * z[:, None])).sum(axis=1)
    derivative = jax.grad(phi)
    for _ in range(order - 1):
        derivative = jax.grad(derivative)
    found = jax.vmap(derivative)(jnp.asarray(z, precision))
    np.testing.assert_allclose(found, integral, rtol=rtol)
