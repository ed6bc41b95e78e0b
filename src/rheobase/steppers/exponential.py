"""Exponential Euler: each variable's own linear part is integrated exactly."""

import jax
import jax.numpy as jnp

from rheobase.phi import phi
from rheobase.steppers.base import AbstractStepper, variables_only

LARGEST = 30.0
"""exp(30) = 1e13 already carries any upstroke past its threshold, and stays finite in float32."""


class ExponentialEuler(AbstractStepper):
    r"""Exponential Euler, linearised per variable.

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
            return x + phi(jnp.minimum(dt * slope, LARGEST)) * (dt * f)

        return whole([advanced(i, x) for i, x in enumerate(leaves)])

    def seen(self, flow, state, dt):
        return state

    def check(self, neuron, dt):
        pass
