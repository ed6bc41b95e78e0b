"""Sodium and potassium of hippocampal and cortical neurons."""

from jax import Array

from rheobase.channels.base import AbstractChannel, by_rates
from rheobase.channels.hodgkin_huxley import HHState
from rheobase.channels.ions import Ions
from rheobase.neurons.traub_miles import H, M, N
from rheobase.units import S, anything, cm, mV, non_negative, quantity


class TraubMiles(AbstractChannel):
    r"""The spike of a cortical neuron: i = g_Na m^3 h (v - e_Na) + g_K n^4 (v - e_K) + g_L (v - e_L).

    dx/dt = alpha_x(1 - x) - beta_x x  for x = m, h, n, with u = v - v_T and (1/ms, mV)

    alpha_m = 1.28 f(-(u - 13)/4), beta_m = 1.4 f((u - 40)/5), alpha_h = 0.128 e^(-(u - 17)/18),
    beta_h = 4/(1 + e^(-(u - 40)/5)), alpha_n = 0.16 f(-(u - 15)/5),
    beta_n = 0.5 e^(-(u - 10)/40), where f(x) = x/(e^x - 1), f(0) = 1.

    i current out of the cell (nA/um**2), v voltage (mV), v_T shift of the rates (mV), g_* (S/cm**2),
    e_* (mV).

    Source: Traub & Miles 1991, Neuronal Networks of the Hippocampus, as reduced for benchmark 3
    of Brette et al. 2007, J Comput Neurosci 23:349.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import mV
    >>> excitable = ch.TraubMiles(v_T=-66 * mV)
    """  # noqa: E501

    g_Na: Array = quantity(S / cm**2, non_negative, "sodium", default=0.1 * S / cm**2)
    g_K: Array = quantity(S / cm**2, non_negative, "potassium", default=0.03 * S / cm**2)
    g_L: Array = quantity(S / cm**2, non_negative, "leak", default=5e-5 * S / cm**2)
    e_Na: Array = quantity(mV, anything, "reversal potential of sodium", default=50 * mV)
    e_K: Array = quantity(mV, anything, "reversal potential of potassium", default=-90 * mV)
    e_L: Array = quantity(mV, anything, "reversal potential of the leak", default=-65 * mV)
    v_T: Array = quantity(mV, anything, "shift of the rates", default=-63 * mV)

    def gates(self, v: Array, ions: Ions) -> HHState:
        u = v - self.v_T
        return HHState(by_rates(*M(u)), by_rates(*H(u)), by_rates(*N(u)))

    def current(self, state: HHState, v: Array, ions: Ions) -> Array:
        return sum(self.carried(state, v, ions).values()) + self.g_L * (v - self.e_L)

    def carried(self, state: HHState, v: Array, ions: Ions) -> dict[str, Array]:
        return {
            "na": self.g_Na * state.m**3 * state.h * (v - self.e_Na),
            "k": self.g_K * state.n**4 * (v - self.e_K),
        }
