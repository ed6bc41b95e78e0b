"""Receptors as kinetic schemes: transmitter in a pulse, binding and unbinding.

Destexhe, Mainen & Sejnowski 1994, Neural Comput 6:14, and 1998, in Koch & Segev, Methods in
Neuronal Modeling, ch. 1. All synapses of a neuron see the same pulses, so there is one state for
each presynaptic neuron; the fraction of open channels multiplies the weights in every step while
it is not zero.
"""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from rheobase.synapses.base import AbstractRelease, AbstractSynapse
from rheobase.time import whole_steps
from rheobase.units import anything, mM, ms, mV, positive, quantity, uM

_SHUT = 1e-7
"""Open fraction below which a receptor is shut, so that silent neurons cost nothing."""


class ConductanceState(NamedTuple):
    """The conductance that holds during a step, in the unit of the weights."""

    g: Array


class BoundState(NamedTuple):
    """Receptors of a presynaptic neuron's synapses."""

    r: Array
    """Bound (or open) fraction."""
    remaining: Array
    """Steps that the transmitter stays."""


class BoundAndActiveState(NamedTuple):
    """Receptors that act through a messenger."""

    r: Array
    s: Array
    """Concentration of the messenger, uM."""
    remaining: Array


class Terminals(AbstractRelease):
    """The receptors that face the terminals of a presynaptic neuron."""

    receptor: "AbstractKinetic"

    def init(self) -> Any:
        return self.receptor.unbound()

    def step(self, state: Any, spikes: Array, dt: float) -> tuple[Array, Any]:
        moved = self.receptor.bind(state, state.remaining > 0, dt)
        left = jnp.maximum(state.remaining - 1, 0)
        remaining = jnp.where(spikes > 0, whole_steps(self.receptor.duration, dt), left)
        return self.receptor.opened(moved), moved._replace(remaining=remaining)


class AbstractKinetic(AbstractSynapse):
    """A conductance whose channels open by a kinetic scheme; weights in uS, all channels open.

    A spike releases transmitter of a constant concentration for `duration`; one that comes
    meanwhile makes the pulse last from then on.
    """

    duration: eqx.AbstractVar[Array]
    e_rev: eqx.AbstractVar[Array]

    @abstractmethod
    def unbound(self) -> Any:
        """Receptors at rest."""

    @abstractmethod
    def bind(self, state: Any, present: Array, dt: float) -> Any:
        """Receptors after dt (ms) with or without transmitter."""

    @abstractmethod
    def opened(self, state: Any) -> Array:
        """Fraction of open channels, 0 to 1."""

    @property
    def release(self) -> Terminals:
        return Terminals(self)

    @property
    def reversal(self) -> Array:
        return self.e_rev

    def init(self) -> ConductanceState:
        return ConductanceState(g=0 * self.e_rev)

    def arrive(self, state: ConductanceState, weight: Array) -> ConductanceState:
        return ConductanceState(g=weight)

    def derivative(self, state: ConductanceState) -> ConductanceState:
        return ConductanceState(g=jnp.zeros_like(state.g))

    def output(self, state: ConductanceState) -> Array:
        return state.g


def _bound(r: Array, present: Array, on: Array, off: Array, dt: float) -> Array:
    """dr/dt = on (1 - r) - off r with transmitter and -off r without it, solved exactly."""
    rate = jnp.where(present, on + off, off)
    limit = jnp.where(present, on / (on + off), 0)
    moved = limit + (r - limit) * jnp.exp(-rate * dt)
    return jnp.where(moved < _SHUT, 0, moved)


class AMPA(AbstractKinetic):
    r"""AMPA receptors: dr/dt = alpha T (1 - r) - beta r, current = w r (e_rev - v).

    >>> import rheobase as rb
    >>> round(float(rb.AMPA().e_rev))
    0
    """

    alpha: Array = quantity(mM**-1 / ms, positive, "rate of binding", default=1.1 / (mM * ms))
    beta: Array = quantity(ms**-1, positive, "rate of unbinding", default=0.19 / ms)
    T: Array = quantity(mM, positive, "transmitter in a pulse", default=1 * mM)
    duration: Array = quantity(ms, positive, "length of a pulse", default=1 * ms)
    e_rev: Array = quantity(mV, anything, "reversal potential", default=0 * mV)

    def unbound(self) -> BoundState:
        return BoundState(0 * self.alpha, jnp.zeros((), jnp.int32))

    def bind(self, state: BoundState, present: Array, dt: float) -> BoundState:
        return state._replace(r=_bound(state.r, present, self.alpha * self.T, self.beta, dt))

    def opened(self, state: BoundState) -> Array:
        return state.r


class GABAA(AbstractKinetic):
    r"""GABA_A receptors: dr/dt = alpha T (1 - r) - beta r, current = w r (e_rev - v).

    >>> import rheobase as rb
    >>> round(float(rb.GABAA().e_rev))
    -80
    """

    alpha: Array = quantity(mM**-1 / ms, positive, "rate of binding", default=5 / (mM * ms))
    beta: Array = quantity(ms**-1, positive, "rate of unbinding", default=0.18 / ms)
    T: Array = quantity(mM, positive, "transmitter in a pulse", default=1 * mM)
    duration: Array = quantity(ms, positive, "length of a pulse", default=1 * ms)
    e_rev: Array = quantity(mV, anything, "reversal potential", default=-80 * mV)

    def unbound(self) -> BoundState:
        return BoundState(0 * self.alpha, jnp.zeros((), jnp.int32))

    def bind(self, state: BoundState, present: Array, dt: float) -> BoundState:
        return state._replace(r=_bound(state.r, present, self.alpha * self.T, self.beta, dt))

    def opened(self, state: BoundState) -> Array:
        return state.r


class GABAB(AbstractKinetic):
    r"""GABA_B receptors, which open potassium channels through a G protein s.

    dr/dt = K1 T (1 - r) - K2 r;  ds/dt = K3 r - K4 s;  current = w s^4/(s^4 + Kd^4) (e_rev - v)

    with s (uM) and Kd^4 = 100 uM^4. Several spikes in a row are needed to open them.

    >>> import rheobase as rb
    >>> round(float(rb.GABAB().e_rev))
    -95
    """

    K1: Array = quantity(mM**-1 / ms, positive, "rate of binding", default=0.09 / (mM * ms))
    K2: Array = quantity(ms**-1, positive, "rate of unbinding", default=0.0012 / ms)
    K3: Array = quantity(uM / ms, positive, "production of G protein", default=0.18 * uM / ms)
    K4: Array = quantity(ms**-1, positive, "decay of G protein", default=0.034 / ms)
    Kd: Array = quantity(uM, positive, "G protein of half opening", default=100**0.25 * uM)
    T: Array = quantity(mM, positive, "transmitter in a pulse", default=1 * mM)
    duration: Array = quantity(ms, positive, "length of a pulse", default=1 * ms)
    e_rev: Array = quantity(mV, anything, "reversal potential", default=-95 * mV)

    def unbound(self) -> BoundAndActiveState:
        none = 0 * self.K1
        return BoundAndActiveState(none, none, jnp.zeros((), jnp.int32))

    def bind(self, state: BoundAndActiveState, present: Array, dt: float) -> BoundAndActiveState:
        decay = jnp.exp(-self.K4 * dt)
        s = decay * state.s + (1 - decay) * self.K3 / self.K4 * state.r
        return state._replace(
            r=_bound(state.r, present, self.K1 * self.T, self.K2, dt),
            s=s,
        )

    def opened(self, state: BoundAndActiveState) -> Array:
        # Of the ratio: s itself to the fourth power could underflow.
        part = (state.s / self.Kd) ** 4
        return jnp.where(part < _SHUT, 0, part / (1 + part))
