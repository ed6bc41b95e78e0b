"""Synapses whose time course is a sum of exponentials."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from rheobase.synapses.base import AbstractSynapse
from rheobase.units import ms, positive, quantity


class DecayState(NamedTuple):
    """One decaying variable, in the unit of the weights."""

    g: Array


class Exponential(AbstractSynapse):
    r"""tau dg/dt = -g; a spike of weight w adds w to g.

    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> synapse = rb.Exponential(tau=5 * ms)
    """

    tau: Array = quantity(ms, positive, "decay time constant", default=5 * ms)

    def init(self) -> DecayState:
        return DecayState(g=0 * self.tau)

    def arrive(self, state: DecayState, weight: Array) -> DecayState:
        return DecayState(g=state.g + weight)

    def derivative(self, state: DecayState) -> DecayState:
        return DecayState(g=-state.g / self.tau)

    def output(self, state: DecayState) -> Array:
        return state.g


class RiseState(NamedTuple):
    """A rising and a decaying variable, in the unit of the weights."""

    rise: Array
    decay: Array


class DualExponential(AbstractSynapse):
    r"""Rise and decay: g = k (decay - rise), both decaying exponentially; a spike adds w to both.

    k = (tau_d/(tau_d - tau_r)) (tau_r/tau_d)^(tau_r/(tau_r - tau_d)) makes the peak of one spike w.

    Errors: `ParameterError` unless tau_rise < tau_decay; for equal ones use `Alpha`.

    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> synapse = rb.DualExponential(tau_rise=1 * ms, tau_decay=10 * ms)
    """

    tau_rise: Array = quantity(
        ms, positive, "rise time constant", default=1 * ms, below="tau_decay"
    )
    tau_decay: Array = quantity(ms, positive, "decay time constant", default=10 * ms)

    def init(self) -> RiseState:
        return RiseState(rise=0 * self.tau_rise, decay=0 * self.tau_rise)

    def arrive(self, state: RiseState, weight: Array) -> RiseState:
        return RiseState(rise=state.rise + weight, decay=state.decay + weight)

    def derivative(self, state: RiseState) -> RiseState:
        return RiseState(rise=-state.rise / self.tau_rise, decay=-state.decay / self.tau_decay)

    def output(self, state: RiseState) -> Array:
        rise, decay = self.tau_rise, self.tau_decay
        peak = decay / (decay - rise) * (rise / decay) ** (rise / (rise - decay))
        return peak * (state.decay - state.rise)


class Alpha(AbstractSynapse):
    r"""Alpha function: g(t) = w (t/tau) e^(1 - t/tau) after a spike, of peak w at t = tau.

    tau dg/dt = -g + e h;  tau dh/dt = -h;  a spike adds w to h (here `rise`; g is `decay`).

    Source: Rall 1967, J Neurophysiol 30:1138.

    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> synapse = rb.Alpha(tau=2 * ms)
    """

    tau: Array = quantity(ms, positive, "time to peak", default=2 * ms)

    def init(self) -> RiseState:
        return RiseState(rise=0 * self.tau, decay=0 * self.tau)

    def arrive(self, state: RiseState, weight: Array) -> RiseState:
        return state._replace(rise=state.rise + weight)

    def derivative(self, state: RiseState) -> RiseState:
        return RiseState(
            rise=-state.rise / self.tau, decay=(jnp.e * state.rise - state.decay) / self.tau
        )

    def output(self, state: RiseState) -> Array:
        return state.decay
