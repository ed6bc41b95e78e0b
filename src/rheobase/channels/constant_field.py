"""Calcium through channels that follow the constant-field equation."""

from jax import Array

from rheobase.channels.base import AbstractChannel, by_rates
from rheobase.channels.ions import Ions
from rheobase.channels.rates import exp_linear, exponential
from rheobase.channels.states import Activation
from rheobase.units import cm, mM, non_negative, positive, quantity, s


class CaL_GHK(AbstractChannel):
    r"""High-threshold calcium by Goldman, Hodgkin and Katz.

    i = p m^2 k/(k + [Ca]_i) z F x ([Ca]_i - [Ca]_o e^-x)/(1 - e^-x),  x = z F v/(R T)

    alpha_m = 15.69 (81.5 - v)/(e^((81.5 - v)/10) - 1), beta_m = 0.29 e^(-v/10.86)  (1/ms, mV)

    i current out of the cell (nA/um**2), v (mV), p permeability (cm/s), [Ca]_i below the membrane,
    which inactivates by k, and [Ca]_o (mM), F Faraday's constant, R gas constant, T temperature.

    Source: Jaffe et al. 1994, J Neurophysiol 71:1065 (gates); Hille 2001, Ion Channels of Excitable
    Membranes, ch. 14 (current).

    >>> from rheobase import channels as ch
    >>> from rheobase.units import cm, s
    >>> calcium = ch.CaL_GHK(p=5e-4 * cm / s)
    """

    ion = "ca"

    p: Array = quantity(cm / s, non_negative, "largest permeability", default=1e-4 * cm / s)
    k: Array = quantity(mM, positive, "calcium of half inactivation", default=0.001 * mM)

    def gates(self, v: Array, ions: Ions) -> Activation:
        alpha = 156.9 * exp_linear((v - 81.5) / 10)
        return Activation(m=by_rates(alpha, 0.29 * exponential(-v / 10.86)))

    def current(self, state: Activation, v: Array, ions: Ions) -> Array:
        open_ = state.m**2 * self.k / (self.k + ions.ca.inside)
        return self.p * open_ * ions.ca.constant_field(v)
