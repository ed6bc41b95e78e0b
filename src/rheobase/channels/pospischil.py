"""The minimal set for classes of cortical and thalamic neurons, each channel of one ion.

The names of the gates are m for activation and h for inactivation throughout; the article calls
them n for potassium, p for the slow potassium, q and r, s and u for the two of calcium. The leak
of the set is `Leak`.
"""

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.channels.base import AbstractChannel, by_rates, by_time_constant
from rheobase.channels.ions import Ions
from rheobase.channels.rates import exp_linear, exponential, sigmoid
from rheobase.channels.states import Activation, ActivationInactivation, Inactivation
from rheobase.neurons.traub_miles import H, M, N
from rheobase.units import S, anything, cm, ms, mV, non_negative, positive, quantity


class Na(AbstractChannel):
    r"""Sodium of the spike: i = g m^3 h (v - e).

    m and h as in `TraubMiles`, by u = v - v_T; i (nA/um**2), v, v_T, e (mV), g (S/cm**2).

    Source: Pospischil et al. 2008, Biol Cybern 99:427, eq. 4.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import mV
    >>> sodium = ch.Na(v_T=-55 * mV)
    """

    ion = "na"

    g: Array = quantity(S / cm**2, non_negative, "conductance", default=0.05 * S / cm**2)
    e: Array = quantity(mV, anything, "reversal potential", default=50 * mV)
    v_T: Array = quantity(mV, anything, "shift of the rates", default=-60 * mV)

    def gates(self, v: Array, ions: Ions) -> ActivationInactivation:
        u = v - self.v_T
        return ActivationInactivation(by_rates(*M(u)), by_rates(*H(u)))

    def current(self, state: ActivationInactivation, v: Array, ions: Ions) -> Array:
        return self.g * state.m**3 * state.h * (v - self.e)


class K(AbstractChannel):
    r"""Potassium of the spike: i = g m^4 (v - e).

    m as n in `TraubMiles`, by u = v - v_T; i (nA/um**2), v, v_T, e (mV), g (S/cm**2).

    Source: Pospischil et al. 2008, Biol Cybern 99:427, eq. 5.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> potassium = ch.K(g=0.01 * S / cm**2)
    """

    ion = "k"

    g: Array = quantity(S / cm**2, non_negative, "conductance", default=0.005 * S / cm**2)
    e: Array = quantity(mV, anything, "reversal potential", default=-90 * mV)
    v_T: Array = quantity(mV, anything, "shift of the rates", default=-60 * mV)

    def gates(self, v: Array, ions: Ions) -> Activation:
        return Activation(by_rates(*N(v - self.v_T)))

    def current(self, state: Activation, v: Array, ions: Ions) -> Array:
        return self.g * state.m**4 * (v - self.e)


class Km(AbstractChannel):
    r"""Slow potassium, which adapts the rate of spikes: i = g m (v - e).

    m_inf = 1/(1 + e^(-(v + 35)/10)), tau_m = tau_max/(3.3 e^((v + 35)/20) + e^(-(v + 35)/20))

    i (nA/um**2), v, e (mV), g (S/cm**2), tau_max (ms).

    Source: Yamada et al. 1989, in Methods in Neuronal Modeling; Pospischil et al. 2008, Biol
    Cybern 99:427, eq. 6.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import ms
    >>> slow = ch.Km(tau_max=1000 * ms)
    """

    ion = "k"

    g: Array = quantity(S / cm**2, non_negative, "conductance", default=4e-6 * S / cm**2)
    e: Array = quantity(mV, anything, "reversal potential", default=-90 * mV)
    tau_max: Array = quantity(ms, positive, "scale of the time constant", default=4000 * ms)

    def gates(self, v: Array, ions: Ions) -> Activation:
        x = (v + 35) / 20
        tau = self.tau_max / (3.3 * exponential(x) + exponential(-x))
        return Activation(m=by_time_constant(sigmoid((v + 35) / 10), tau))

    def current(self, state: Activation, v: Array, ions: Ions) -> Array:
        return self.g * state.m * (v - self.e)


class CaL(AbstractChannel):
    r"""High-threshold calcium: i = g m^2 h (v - e).

    alpha_m = 0.055 (-27 - v)/(e^((-27 - v)/3.8) - 1), beta_m = 0.94 e^((-75 - v)/17),
    alpha_h = 0.000457 e^((-13 - v)/50), beta_h = 0.0065/(e^((-15 - v)/28) + 1)  (1/ms, mV)

    i (nA/um**2), v, e (mV), g (S/cm**2).

    Source: Reuveni et al. 1993, J Neurosci 13:4609; Pospischil et al. 2008, Biol Cybern 99:427,
    eq. 7.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> calcium = ch.CaL(g=2e-4 * S / cm**2)
    """

    ion = "ca"

    g: Array = quantity(S / cm**2, non_negative, "conductance", default=1e-4 * S / cm**2)
    e: Array = quantity(mV, anything, "reversal potential", default=120 * mV)

    def gates(self, v: Array, ions: Ions) -> ActivationInactivation:
        return high_threshold(v)

    def current(self, state: ActivationInactivation, v: Array, ions: Ions) -> Array:
        return self.g * state.m**2 * state.h * (v - self.e)


def high_threshold(v: Array) -> ActivationInactivation:
    """The gates of high-threshold calcium by Reuveni et al. 1993."""
    return ActivationInactivation(
        m=by_rates(0.209 * exp_linear((v + 27) / 3.8), 0.94 * exponential(-(v + 75) / 17)),
        h=by_rates(0.000457 * exponential(-(v + 13) / 50), 0.0065 * sigmoid((v + 15) / 28)),
    )


class CaT(AbstractChannel):
    r"""Low-threshold calcium, of bursts: i = g m_inf(v)^2 h (v - e).

    m_inf = 1/(1 + e^(-(u - half)/width)), h_inf = 1/(1 + e^((u + 81)/4)),
    tau_h = (30.8 + (211.4 + e^((u + 113.2)/5))/(1 + e^((u + 84)/3.2)))/3.7,  u = v + v_x

    i (nA/um**2), v, v_x, half, width, e (mV), g (S/cm**2), tau_h (ms).

    Source: Destexhe et al. 1996, J Neurophysiol 76:2049, for tau_h; Pospischil et al. 2008, Biol
    Cybern 99:427, eq. 8, which prints it with 30.8 inside of the fraction: it would then vanish
    above -40 mV, where the measured one stays above 8 ms.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> bursting = ch.CaT(g=4e-4 * S / cm**2)
    """

    ion = "ca"

    g: Array = quantity(S / cm**2, non_negative, "conductance", default=4e-5 * S / cm**2)
    e: Array = quantity(mV, anything, "reversal potential", default=120 * mV)
    v_x: Array = quantity(mV, anything, "shift of the curves", default=2 * mV)
    half: Array = quantity(mV, anything, "u of half activation", default=-57 * mV)
    width: Array = quantity(mV, positive, "slope of the activation", default=6.2 * mV)

    def gates(self, v: Array, ions: Ions) -> Inactivation:
        u = v + self.v_x
        x = (u + 84) / 3.2
        # The quotient of two exponentials as one, which is small where both of them are large.
        rise = jnp.exp((u + 113.2) / 5 - jax.nn.softplus(x))
        tau = (30.8 + 211.4 * sigmoid(-x) + rise) / 3.7
        return Inactivation(h=by_time_constant(sigmoid(-(u + 81) / 4), tau))

    def current(self, state: Inactivation, v: Array, ions: Ions) -> Array:
        m = sigmoid((v + self.v_x - self.half) / self.width)
        return self.g * m**2 * state.h * (v - self.e)
