"""Coloured current noise for any neuron."""

from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.adaptors.base import AbstractStatefulAdaptor, require_current, split_key
from rheobase.neurons.base import AbstractMembrane
from rheobase.units import ms, nA, non_negative, positive, quantity


class NoiseState(NamedTuple):
    """The neuron, and its noise current."""

    neuron: Any
    noise: Annotated[Array, nA]


class Noise(AbstractStatefulAdaptor):
    r"""An Ornstein-Uhlenbeck current of its own for each neuron, added to what it receives.

    tau dx = -x dt + sigma sqrt(2 tau) dW, stepped by its exact solution
    x' = x e^(-dt/tau) + sigma sqrt(1 - e^(-2 dt/tau)) xi,  xi standard normal, so that mean 0 and
    standard deviation sigma do not depend on dt. It starts at 0 and is constant in a step; the
    recorded `noise` is that of its step. Refractoriness does not stop it. Wrapped twice, the two
    draw independent numbers, and the name `noise` means the outer one.

    sigma and x (nA), tau (ms), shape (*n,). Needs `simulate(..., key=...)`.
    Source: Uhlenbeck & Ornstein 1930; exact update: Gillespie 1996, Phys Rev E 54:2084.
    Errors: `CompositionError` for a neuron that does not receive a current.

    >>> import jax, rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> neuron = rb.Noise(rb.LIF(), sigma=0.5 * nA, tau=5 * ms)
    >>> run = rb.simulate(neuron, n=3, current=1 * nA, duration=100 * ms, dt=0.1 * ms,
    ...                   key=jax.random.key(0), record=("noise",))
    """

    neuron: AbstractMembrane
    sigma: Array = quantity(nA, non_negative, "stationary standard deviation")
    tau: Array = quantity(ms, positive, "correlation time")

    def __check_init__(self):
        require_current("Noise", self.neuron)

    @property
    def random(self) -> bool:
        return True

    def init(self) -> NoiseState:
        return NoiseState(self.neuron.init(), 0 * self.sigma)

    def derivative(self, state: NoiseState, current: Array) -> NoiseState:
        inner = self.neuron.derivative(state.neuron, current)
        return NoiseState(inner, jnp.zeros_like(state.noise))

    def perturb(
        self, state: NoiseState, current: Array, dt: float, key: Array | None
    ) -> tuple[NoiseState, Array]:
        mine, theirs = split_key("Noise", key)
        draw = jax.random.normal(mine, state.noise.shape, state.noise.dtype)
        kick = self.sigma * jnp.sqrt(-jnp.expm1(-2 * dt / self.tau))
        noise = state.noise * jnp.exp(-dt / self.tau) + kick * draw
        inner, current = self.neuron.perturb(state.neuron, current + noise, dt, theirs)
        return NoiseState(inner, noise), current
