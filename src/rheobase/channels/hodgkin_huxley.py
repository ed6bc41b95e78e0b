"""Sodium, potassium and leak of the squid axon."""

from typing import Annotated, NamedTuple

from jax import Array

from rheobase.channels.base import AbstractChannel, by_rates
from rheobase.channels.ions import Ions
from rheobase.neurons.hodgkin_huxley import H, M, N
from rheobase.units import S, anything, cm, dimensionless, mV, non_negative, quantity


class HHState(NamedTuple):
    """Activation and inactivation of sodium, activation of potassium."""

    m: Annotated[Array, dimensionless]
    h: Annotated[Array, dimensionless]
    n: Annotated[Array, dimensionless]


class HH(AbstractChannel):
    r"""The squid axon at 6.3 °C: i = g_Na m^3 h (v - e_Na) + g_K n^4 (v - e_K) + g_L (v - e_L).

    dx/dt = alpha_x(v)(1 - x) - beta_x(v) x  for x = m, h, n, with (1/ms, mV)

    alpha_m = f(-(v + 40)/10), beta_m = 4 e^(-(v + 65)/18), alpha_h = 0.07 e^(-(v + 65)/20),
    beta_h = 1/(1 + e^(-(v + 35)/10)), alpha_n = 0.1 f(-(v + 55)/10),
    beta_n = 0.125 e^(-(v + 65)/80), where f(x) = x/(e^x - 1), f(0) = 1.

    i current out of the cell (nA/um**2), v voltage (mV), g_* (S/cm**2), e_* (mV).

    Source: Hodgkin & Huxley 1952, J Physiol 117:500, rest moved to -65 mV.

    >>> import rheobase as rb
    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> weak = ch.HH(g_Na=0.08 * S / cm**2)
    """

    g_Na: Array = quantity(S / cm**2, non_negative, "sodium", default=0.12 * S / cm**2)
    g_K: Array = quantity(S / cm**2, non_negative, "potassium", default=0.036 * S / cm**2)
    g_L: Array = quantity(S / cm**2, non_negative, "leak", default=3e-4 * S / cm**2)
    e_Na: Array = quantity(mV, anything, "reversal potential of sodium", default=50 * mV)
    e_K: Array = quantity(mV, anything, "reversal potential of potassium", default=-77 * mV)
    e_L: Array = quantity(mV, anything, "reversal potential of the leak", default=-54.3 * mV)

    def gates(self, v: Array, ions: Ions) -> HHState:
        return HHState(by_rates(*M(v)), by_rates(*H(v)), by_rates(*N(v)))

    def current(self, state: HHState, v: Array, ions: Ions) -> Array:
        return sum(self.carried(state, v, ions).values()) + self.g_L * (v - self.e_L)

    def carried(self, state: HHState, v: Array, ions: Ions) -> dict[str, Array]:
        return {
            "na": self.g_Na * state.m**3 * state.h * (v - self.e_Na),
            "k": self.g_K * state.n**4 * (v - self.e_K),
        }
