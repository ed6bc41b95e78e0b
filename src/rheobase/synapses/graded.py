"""Graded synapses: the presynaptic voltage opens channels, whether or not there is a spike.

Each is a time course for any postsynaptic effect: by itself a current, in `rb.Conductance` a
conductance with a reversal potential, in `rb.NMDA` one with the block by magnesium.
"""

from abc import abstractmethod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.synapses.base import AbstractGradedRelease, AbstractSynapse
from rheobase.units import anything, mM, ms, mV, positive, quantity

_STEEP = 40.0
"""Where an exponent is cut: beyond it a rate is faster than any step."""


class HeldState(NamedTuple):
    """The sum that holds during a step, in the unit of the weights."""

    g: Array


class OpenState(NamedTuple):
    """Open channels that face the terminals of a presynaptic neuron."""

    s: Array
    """Open fraction, 0 to 1."""


class InstantState(NamedTuple):
    """The terminals of a synapse without a time course."""


class VoltageTerminals(AbstractGradedRelease):
    """What the voltage of a presynaptic neuron opens, one state for all its synapses."""

    synapse: "AbstractGraded"

    def settled(self, v: Array) -> Any:
        return self.synapse.settled(v)

    def step(self, state: Any, spikes: Array, dt: float) -> tuple[Array, Any]:
        state = self.synapse.moved(state, spikes, dt)
        return self.synapse.strength(state, spikes), state


class AbstractGraded(AbstractSynapse):
    """A synapse that the presynaptic voltage drives.

    Its state stands half a step before the voltages, as that of channels does.
    """

    @abstractmethod
    def settled(self, v: Array) -> Any:
        """The state of the terminals in which they settle at a presynaptic voltage (mV)."""

    @abstractmethod
    def moved(self, state: Any, v: Array, dt: float) -> Any:
        """The state of the terminals after dt (ms) at a presynaptic voltage."""

    @abstractmethod
    def strength(self, state: Any, v: Array) -> Array:
        """Return the factor of the weights."""

    @property
    def release(self) -> VoltageTerminals:
        return VoltageTerminals(self)

    def init(self) -> HeldState:
        return HeldState(g=jnp.zeros(()))

    def arrive(self, state: HeldState, weight: Array) -> HeldState:
        return HeldState(g=weight)

    def derivative(self, state: HeldState) -> HeldState:
        return HeldState(g=jnp.zeros_like(state.g))

    def output(self, state: HeldState) -> Array:
        return state.g


class Ionotropic(AbstractGraded):
    r"""Channels that open with the presynaptic voltage: tau ds/dt = s_inf - s, output w s.

    s_inf = 1/(1 + e^((v_th - v)/delta)) and tau = (1 - s_inf)/k_minus, with v, v_th and delta in
    mV, k_minus in 1/ms: fast to open, slow to shut.

    Source: Abbott & Marder 1998, in Koch & Segev, Methods in Neuronal Modeling; constants of Prinz,
    Bucher & Marder 2004, Nat Neurosci 7:1345 (glutamatergic).

    >>> import rheobase as rb
    >>> from rheobase.units import mV
    >>> inhibit = rb.Conductance(rb.Ionotropic(), reversal=-70 * mV)
    """

    v_th: Array = quantity(mV, anything, "voltage of half opening", default=-35 * mV)
    delta: Array = quantity(mV, positive, "voltage of an e-fold change", default=5 * mV)
    k_minus: Array = quantity(ms**-1, positive, "rate of shutting", default=0.025 / ms)

    def settled(self, v: Array) -> OpenState:
        return OpenState(jax.nn.sigmoid((v - self.v_th) / self.delta))

    def moved(self, state: OpenState, v: Array, dt: float) -> OpenState:
        u = (v - self.v_th) / self.delta
        # 1/(1 - s_inf) = 1 + e^u
        rate = self.k_minus * (1 + jnp.exp(jnp.minimum(u, _STEEP)))
        limit = jax.nn.sigmoid(u)
        return OpenState(limit + (state.s - limit) * jnp.exp(-rate * dt))

    def strength(self, state: OpenState, v: Array) -> Array:
        return state.s


class Tanh(AbstractGraded):
    r"""A graded synapse without a time course: output w tanh((v - v_th)/width).

    v, v_th, width in mV: positive above v_th, negative below. v is that at the start of a step.

    >>> import rheobase as rb
    >>> from rheobase.units import mV
    >>> current, conductance = rb.Tanh(), rb.Conductance(rb.Tanh(), reversal=0 * mV)
    """

    v_th: Array = quantity(mV, anything, "voltage at which nothing passes", default=-70 * mV)
    width: Array = quantity(mV, positive, "voltage over which it saturates", default=1 * mV)

    def settled(self, v: Array) -> InstantState:
        return InstantState()

    def moved(self, state: InstantState, v: Array, dt: float) -> InstantState:
        return state

    def strength(self, state: InstantState, v: Array) -> Array:
        return jnp.tanh((v - self.v_th) / self.width)


class Binding(AbstractGraded):
    r"""Receptors for transmitter that the voltage releases: ds/dt = alpha T (1 - s) - beta s.

    T = T_max/(1 + e^(-(v - v_half)/width)), with T, T_max in mM, alpha in 1/(mM ms), beta in 1/ms,
    and v, v_half, width in mV. The output is w s. The defaults are NMDA receptors, for `rb.NMDA`.

    Source: Destexhe, Mainen & Sejnowski 1994, J Comput Neurosci 1:195.

    >>> import rheobase as rb
    >>> slow = rb.NMDA(rb.Binding())
    """

    alpha: Array = quantity(mM**-1 / ms, positive, "rate of binding", default=0.072 / (mM * ms))
    beta: Array = quantity(ms**-1, positive, "rate of unbinding", default=0.0066 / ms)
    T_max: Array = quantity(mM, positive, "most transmitter", default=1 * mM)
    v_half: Array = quantity(mV, anything, "voltage of half release", default=2 * mV)
    width: Array = quantity(mV, positive, "voltage of an e-fold change", default=5 * mV)

    def _rates(self, v: Array) -> tuple[Array, Array]:
        on = self.alpha * self.T_max * jax.nn.sigmoid((v - self.v_half) / self.width)
        return on, on + self.beta

    def settled(self, v: Array) -> OpenState:
        on, total = self._rates(v)
        return OpenState(on / total)

    def moved(self, state: OpenState, v: Array, dt: float) -> OpenState:
        on, total = self._rates(v)
        limit = on / total
        return OpenState(limit + (state.s - limit) * jnp.exp(-total * dt))

    def strength(self, state: OpenState, v: Array) -> Array:
        return state.s
