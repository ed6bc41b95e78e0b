"""White current noise for any neuron."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.adaptors.base import AbstractAdaptor, require_current, split_key
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane
from rheobase.units import ms, nA, non_negative, quantity


class WhiteNoise(AbstractAdaptor):
    r"""A white current of its own for each neuron: I(t) + density dW/dt.

    In each step it is one number, density xi sqrt((z/2) coth(z/2)/dt) with xi standard normal and
    z = dt ∂(dv/dt)/∂v at the old state. The default, `ExponentialEuler` and `Exact`
    carry that to the exact variance of v after the step wherever dv/dt is linear in v: for `LIF`
    (R density/tau)² ∫₀^dt e^(-2s/tau) ds, hence at any dt a stationary standard deviation of
    R density/sqrt(2 tau). The other steppers have it to their own accuracy in z. It sees
    the neuron that it wraps: put it outside of adaptors that change the slope of the voltage.
    Wrapped twice, the two draw independent numbers.

    density (nA ms^0.5), shape (*n,). Needs `simulate(..., key=...)`.
    Source: Gillespie 1996, Phys Rev E 54:2084 (exact update of a linear drift).
    Errors: `CompositionError` for a neuron that does not receive a current.

    >>> import jax, rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> neuron = rb.WhiteNoise(rb.LIF(), density=0.5 * nA * ms**0.5)
    >>> run = rb.simulate(neuron, n=3, current=1 * nA, duration=100 * ms, dt=0.1 * ms,
    ...                   key=jax.random.key(0))
    """

    neuron: AbstractMembrane
    density: Array = quantity(nA * ms**0.5, non_negative, "deviation of its integral over 1 ms")

    def __check_init__(self):
        require_current("WhiteNoise", self.neuron)

    @property
    def random(self) -> bool:
        return True

    def perturb(
        self, state: Any, current: Array, dt: float, key: Array | None
    ) -> tuple[Any, Array]:
        mine, theirs = split_key("WhiteNoise", key)
        state, current = self.neuron.perturb(state, current, dt, theirs)
        v = variables.get(state, "v")

        def rate(v):
            moved = variables.replace(state, "v", v)
            return variables.get(self.neuron.derivative(moved, current), "v")

        _, slope = jax.jvp(rate, (v,), (jnp.ones_like(v),))
        draw = jax.random.normal(mine, v.shape, v.dtype)
        return state, current + self.density * draw * jnp.sqrt(_x_coth_x(dt * slope / 2) / dt)


def _x_coth_x(x: Array) -> Array:
    """x/tanh(x), 1 at x = 0, with its derivative."""
    small = jnp.abs(x) < jnp.finfo(x.dtype).eps ** 0.25
    safe = jnp.where(small, 1, x)
    return jnp.where(small, 1 + x * x / 3, safe / jnp.tanh(safe))
