"""Short-term plasticity: what a terminal releases depends on its last spikes."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from rheobase.synapses import AbstractRelease
from rheobase.units import dimensionless, ms, non_negative, positive, probability, quantity


class ReleaseState(NamedTuple):
    """Of each presynaptic neuron, dimensionless."""

    u: Array
    """Part of the resources that the last spike has made ready to be used."""
    x: Array
    """Part of the resources that is left."""


class TsodyksMarkram(AbstractRelease):
    r"""Short-term depression and facilitation: a spike delivers u x times the weight.

    dx/dt = (1 - x)/tau_rec;   du/dt = -u/tau_facil
    on a presynaptic spike:  u ← u + U (1 - u),  deliver u x,  then x ← x - u x

    u and x are exact at each spike, whatever dt is. Without facilitation (tau_facil = 0, the
    default) u is U at each spike. For pure facilitation make tau_rec short.

    - `U` (dimensionless, ()): part of the resources that a spike after long rest uses.
    - `tau_rec` (ms, ()): recovery of the resources.
    - `tau_facil` (ms, ()): decay of facilitation; 0 for none.

    Source: Tsodyks, Pawelzik & Markram 1998, Neural Comput 10:821; Tsodyks, Uziel & Markram 2000,
    J Neurosci 20:RC50.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> depressing = rb.TsodyksMarkram(U=0.5, tau_rec=800 * ms)
    >>> facilitating = rb.TsodyksMarkram(U=0.05, tau_rec=100 * ms, tau_facil=1000 * ms)
    >>> connection = rb.Connection(
    ...     "e", "i", rb.Dense(), rb.Exponential(), weight=1 * nA, plasticity=facilitating
    ... )
    """

    U: Array = quantity(dimensionless, probability, "use of resources by a spike", default=0.5)
    tau_rec: Array = quantity(ms, positive, "recovery of resources", default=800 * ms)
    tau_facil: Array = quantity(ms, non_negative, "decay of facilitation; 0: none", default=0 * ms)

    def init(self) -> ReleaseState:
        return ReleaseState(u=0 * self.U, x=1 + 0 * self.U)

    def step(self, state: ReleaseState, spikes: Array, dt: float) -> tuple[Array, ReleaseState]:
        some = self.tau_facil > 0  # the division has a derivative either way
        kept = jnp.where(some, jnp.exp(-dt / jnp.where(some, self.tau_facil, 1)), 0)
        u = state.u * kept
        x = 1 - (1 - state.x) * jnp.exp(-dt / self.tau_rec)
        u = u + self.U * (1 - u) * spikes
        used = u * x * spikes
        return used, ReleaseState(u=u, x=x - used)
