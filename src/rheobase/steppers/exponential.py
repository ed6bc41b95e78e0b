"""Exponential Euler: each variable's own linear part is integrated exactly."""

import jax
import jax.numpy as jnp

from rheobase.steppers.base import AbstractStepper, variables_only

_LARGEST = 30.0
"""exp(30) = 1e13 already carries any upstroke past its threshold, and stays finite in float32."""


def phi(z: jax.Array) -> jax.Array:
    """(e^z - 1)/z, 1 at z = 0, with its derivative; z is bounded so that no upstroke overflows."""
    z = jnp.minimum(z, _LARGEST)
    # Where the series is good to the last digit; beyond, the derivative loses few digits only.
    small = jnp.abs(z) < jnp.finfo(z.dtype).eps ** 0.25
    safe = jnp.where(small, 1, z)
    series = 1 + z / 2 * (1 + z / 3 * (1 + z / 4))
    return jnp.where(small, series, jnp.expm1(safe) / safe)


class ExponentialEuler(AbstractStepper):
    r"""Exponential Euler, linearised per variable; the default.

    x(t + dt) = x + dt φ(z) f(x),  z = dt ∂f/∂x,  φ(z) = (e^z - 1)/z

    for each variable x with derivative f, ∂f/∂x by one jvp at the old state. Exact for a variable
    that is linear in itself at a constant rest of the state; first order for coupled variables;
    stable for any dt where ∂f/∂x < 0.

    Source: Certaine 1960; Hochbruck & Ostermann 2010, Acta Numerica 19:209.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.LIF(), current=2 * nA, duration=100 * ms, dt=0.1 * ms,
    ...                   stepper=rb.ExponentialEuler())
    """

    def advance(self, flow, state, dt):
        leaves, rate, whole = variables_only(flow, state)

        def advanced(i, x):
            def own(x):
                return rate([*leaves[:i], x, *leaves[i + 1 :]])[i]

            f, slope = jax.jvp(own, (x,), (jnp.ones_like(x),))
            return x + phi(dt * slope) * (dt * f)

        return whole([advanced(i, x) for i, x in enumerate(leaves)])

    def check(self, neuron, dt):
        pass
