"""From a time course to a conductance: a reversal potential, and the block of NMDA receptors."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from rheobase.synapses.base import AbstractRelease, AbstractSynapse
from rheobase.units import anything, mM, mV, positive, quantity


class Conductance(AbstractSynapse):
    """A synapse as a conductance: current = g (reversal - v), weights in uS.

    g enters the linearised part of the membrane, so that large conductances stay stable.

    - `synapse`: the time course of g.
    - `reversal` (mV, ()): the voltage at which its current changes sign.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, mV
    >>> excitatory = rb.Conductance(rb.Exponential(tau=5 * ms), reversal=0 * mV)
    """

    synapse: AbstractSynapse
    e_rev: Array = quantity(mV, anything, "reversal potential")

    def __init__(self, synapse: AbstractSynapse, reversal: Any):
        self.synapse = synapse
        self.e_rev = reversal

    @property
    def reversal(self) -> Array:
        return self.e_rev

    @property
    def release(self) -> AbstractRelease | None:
        return self.synapse.release

    def init(self) -> Any:
        return self.synapse.init()

    def arrive(self, state: Any, weight: Array) -> Any:
        return self.synapse.arrive(state, weight)

    def derivative(self, state: Any) -> Any:
        return self.synapse.derivative(state)

    def output(self, state: Any) -> Array:
        return self.synapse.output(state)


class NMDA(AbstractSynapse):
    r"""A conductance with the magnesium block of NMDA receptors; weights in uS.

    current = g (reversal - v)/(1 + (Mg/beta) e^(-v/width)), with Mg in mM and width 1/0.062 mV.

    Source: Jahr & Stevens 1990, J Neurosci 10:3178.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, mV
    >>> slow = rb.NMDA(rb.DualExponential(tau_rise=2 * ms, tau_decay=100 * ms))
    """

    synapse: AbstractSynapse
    e_rev: Array = quantity(mV, anything, "reversal potential", default=0 * mV)
    Mg: Array = quantity(mM, positive, "extracellular magnesium", default=1.2 * mM)
    beta: Array = quantity(mM, positive, "magnesium of half block at 0 mV", default=3.57 * mM)
    width: Array = quantity(mV, positive, "voltage of an e-fold change", default=(1 / 0.062) * mV)

    @property
    def reversal(self) -> Array:
        return self.e_rev

    @property
    def release(self) -> AbstractRelease | None:
        return self.synapse.release

    def init(self) -> Any:
        return self.synapse.init()

    def arrive(self, state: Any, weight: Array) -> Any:
        return self.synapse.arrive(state, weight)

    def derivative(self, state: Any) -> Any:
        return self.synapse.derivative(state)

    def output(self, state: Any) -> Array:
        return self.synapse.output(state)

    def current(self, state: Any, v: Array) -> Array:
        # The exponent is bounded before exp: at -40 widths the channel is shut for good.
        block = 1 + self.Mg / self.beta * jnp.exp(jnp.minimum(-v / self.width, 40))
        return self.output(state) * (self.e_rev - v) / block
