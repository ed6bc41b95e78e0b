"""phi(z) = (e^z - 1)/z, by which linear dynamics are integrated and gates rectify."""

import jax
import jax.numpy as jnp
from jax import Array

_LARGEST = 40.0
"""1/phi(40) = 2e-16 is nothing, and exp(40) is finite in float32 with its derivatives."""
_SMALLEST = -87.0
"""exp(-87) is the smallest that float32 holds in full precision; e^z - 1 is -1 long before."""


def phi(z: Array) -> Array:
    """(e^z - 1)/z, 1 at z = 0, with its derivative; z is bounded so that no upstroke overflows."""
    return _phi(jnp.minimum(z, _LARGEST))


@jax.custom_jvp
def _phi(z):
    return phi_of_bounded(z)


@jax.jit
def phi_of_bounded(z: Array) -> Array:
    """The values of `phi`, by this name in a jaxpr: a compiled loop has an instruction for it."""
    at_zero = z == 0
    grown = _expm1(z) if z.dtype == jnp.float32 else jnp.expm1(z)
    return jnp.where(at_zero, 1, grown / jnp.where(at_zero, 1, z))


@_phi.defjvp
def _phi_jvp(primals, tangents):
    """phi' = (1 + (z - 1) phi)/z, and its series where that difference loses digits."""
    (z,), (dz,) = primals, tangents
    value = _phi(z)
    small = jnp.abs(z) < jnp.finfo(z.dtype).eps ** (1 / 9)
    near, series = jnp.where(small, z, 0), 1 / 5760
    for coefficient in (840, 144, 30, 8, 3, 2):
        series = series * near + 1 / coefficient
    slope = jnp.where(small, series, (1 + (z - 1) * value) / jnp.where(small, 1, z))
    return value, slope * dz


def _expm1(z):
    """e^z - 1 = 2^n (e^r - 1) + 2^n - 1, z = n ln 2 + r, in float32: XLA's own takes twice as long.

    A Taylor polynomial for |r| <= ln(2)/2; ln 2 in two parts, so that n ln 2 is exact.
    """
    bounded = jnp.maximum(z, _SMALLEST)
    n = jnp.round(bounded * 1.4426950408889634)
    r = bounded - n * 0.693359375 + n * 2.12194440e-4
    polynomial = 1 / 5040
    for factorial in (720, 120, 24, 6, 2, 1):
        polynomial = polynomial * r + 1 / factorial
    power = jax.lax.bitcast_convert_type((n.astype(jnp.int32) + 127) << 23, jnp.float32)
    return power * (r * polynomial) + (power - 1)
