r"""The differential-pair integrator (DPI), of which synapses, adaptation and soma are made.

Below threshold a DPI with weight current Iw, leak Itau and gain Igain obeys

    tau (1 + Igain/I) dI/dt + I = Igain (Iw/Itau - 1),    tau = C Ut/(kappa Itau).

In z = y + ln y with y = I/Igain it is dz/dt = (Iw/Itau - 1 - y)/tau: no longer stiff, and I stays
positive whatever z becomes. With no weight I decays exactly as exp(-t/tau).

Sources: Bartolozzi & Indiveri 2007, Neural Computation 19:2581; Chicca et al. 2014, Proc. IEEE
102:1367. The variable z is derived from their equation.
"""

import jax
import jax.numpy as jnp
from jax import Array


def omega(z: Array) -> tuple[Array, Array]:
    """u and y = e^u with y + u = z: the inverse of z, the Wright omega function and its logarithm.

    >>> import jax.numpy as jnp
    >>> u, y = omega(jnp.asarray(1.0))
    >>> round(float(u), 6), round(float(y), 6)
    (0.0, 1.0)
    """
    return _omega(z)


@jax.custom_jvp
def _omega(z: Array) -> tuple[Array, Array]:
    # A guess within 0.06 everywhere; one step of Halley, then one of Newton that also corrects y.
    large = jnp.maximum(z, 1)
    above = jnp.log(large) * (large / (1 + large))
    below = z - jnp.square(jnp.maximum(z + 3, 0)) / 16
    u = jnp.where(z > 1, above, below)
    for _ in range(1 if z.dtype == jnp.float32 else 2):
        y = jnp.exp(u)
        off, slope = y + u - z, 1 + y
        u = u - 2 * off * slope / (2 * slope * slope - off * y)
    y = jnp.exp(u)
    correction = (z - y - u) / (1 + y)
    return u + correction, y * (1 + correction)


@_omega.defjvp
def _(primals, tangents):
    (z,), (dz,) = primals, tangents
    u, y = _omega(z)
    du = dz / (1 + y)
    return (u, y), (du, y * du)


def time_constant(C: Array, Itau: Array, kappa: Array, Ut: Array) -> Array:
    """tau = C Ut/(kappa Itau) (ms) of a capacitor C (nF) with leak Itau (nA)."""
    return C * Ut / (kappa * Itau)


def pulse(I: Array, Iw: Array, Itau: Array, Igain: Array, relative: Array) -> Array:
    """I (nA) after a weight current Iw for a short time of `relative` tau, in the log domain.

    Both ends of a pulse are right in either regime: exact for I >> Igain, where the increment is
    (1 - e^-relative) (Igain/Itau) Iw, and of second order in `relative` for the growth of ln I at
    I << Igain.
    """
    y = I / Igain
    z = y + jnp.log(y) - jnp.expm1(-relative) * (Iw / Itau - 1 - y)
    return Igain * omega(z)[1]


def pulse_linear(I: Array, Iw: Array, Itau: Array, Igain: Array, relative: Array) -> Array:
    """The same where I >> Igain: I + (1 - e^-relative) ((Igain/Itau) Iw - I)."""
    return I - jnp.expm1(-relative) * (Igain / Itau * Iw - I)
