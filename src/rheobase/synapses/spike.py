"""A synapse that jumps at a spike and decays, additive or saturating."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from rheobase.synapses.base import AbstractRelease, AbstractSynapse
from rheobase.units import ms, positive, quantity

_SHUT = 1e-7
"""Below it a synapse is shut, so that silent neurons cost nothing."""


class JumpState(NamedTuple):
    """The weights that act, in the unit of the weights."""

    s: Array


class FullAtSpike(AbstractRelease):
    """What a spike fills up whatever was left: s ← 1, then tau ds/dt = -s."""

    tau: Array

    def init(self) -> JumpState:
        return JumpState(s=0 * self.tau)

    def step(self, state: JumpState, spikes: Array, dt: float) -> tuple[Array, JumpState]:
        left = state.s * jnp.exp(-dt / self.tau)
        s = left + spikes * (1 - left)
        s = jnp.where(s < _SHUT, 0, s)
        return s, JumpState(s)


class SpikeSynapse(AbstractSynapse):
    r"""s jumps at a presynaptic spike and decays with a time constant: tau ds/dt = -s, current w s.

    Integrated exactly, for any dt. Additive: each spike adds its weight. `saturating`: a spike
    fills s up to 1 whatever was left of it, of each presynaptic neuron by itself.

    A positive weight w (nA) excites. In `rb.Conductance(rb.SpikeSynapse(), reversal=0*mV)` weights
    are conductances (uS) and the current is w s (reversal - v).

    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> slow = rb.SpikeSynapse(tau=10 * ms, saturating=True)
    """

    tau: Array = quantity(ms, positive, "decay time constant", default=10 * ms)
    saturating: bool = eqx.field(static=True, default=False)

    @property
    def release(self) -> FullAtSpike | None:
        return FullAtSpike(self.tau) if self.saturating else None

    def init(self) -> JumpState:
        return JumpState(s=0 * self.tau)

    def arrive(self, state: JumpState, weight: Array) -> JumpState:
        return JumpState(s=weight if self.saturating else state.s + weight)

    def derivative(self, state: JumpState) -> JumpState:
        # A saturating one decays at the terminals.
        return JumpState(s=jnp.zeros_like(state.s) if self.saturating else -state.s / self.tau)

    def output(self, state: JumpState) -> Array:
        return state.s
