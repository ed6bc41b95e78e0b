"""The layer 5 pyramidal cell of Hay et al. 2011: all its channels but the leak.

Rates are those of the publications, where a temperature is named at that of the model, 34 °C, by
2.3^((34 - 21)/10) from recordings at 21 °C. v in mV, times in ms, rates in 1/ms. Calcium is kept
by `CaDynamics` (the model calls it CaDynamics_E2), and e_Ca is the Nernst potential.

Source: Hay, Hill, Schürmann, Markram & Segev 2011, PLoS Comput Biol 7:e1002107, and the articles
that each channel names.
"""

import jax.numpy as jnp
from jax import Array

from rheobase.channels.base import AbstractChannel, by_rates, by_time_constant
from rheobase.channels.ions import Ions
from rheobase.channels.pospischil import high_threshold
from rheobase.channels.rates import exp_linear, exponential, sigmoid
from rheobase.channels.states import Activation, ActivationInactivation
from rheobase.units import S, anything, cm, mM, mV, non_negative, positive, quantity

_DENSITY = S / cm**2
_WARM = 2.3 ** ((34 - 21) / 10)


def _gaussian(v: Array, centre: float, width: float) -> Array:
    x = jnp.clip((v - centre) / width, -6, 6)  # e^-36 = 2e-16 is nothing
    return jnp.exp(-x * x)


def _opening(v: Array, centre: float) -> tuple[Array, Array]:
    """Rates of the activation of the fast sodium channels."""
    x = (v - centre) / 6
    return _WARM * 1.092 * exp_linear(x), _WARM * 0.744 * exp_linear(-x)


def _sodium(v: Array, v_m: float, v_h: float) -> ActivationInactivation:
    """Gates of the two fast sodium channels, with the centres of their rates."""
    x = (v - v_h) / 6
    inactivation = by_rates(_WARM * 0.09 * exp_linear(-x), _WARM * 0.09 * exp_linear(x))
    return ActivationInactivation(m=by_rates(*_opening(v, v_m)), h=inactivation)


class NaTa_t(AbstractChannel):
    r"""Fast sodium of the axon: i = g m^3 h (v - e).

    alpha_m = 0.182 (v + 38)/(1 - e^(-(v + 38)/6)), beta_m = -0.124 (v + 38)/(1 - e^((v + 38)/6)),
    alpha_h = -0.015 (v + 66)/(1 - e^((v + 66)/6)), beta_h = 0.015 (v + 66)/(1 - e^(-(v + 66)/6)),
    all times 2.3^1.3; i (nA/um**2), e (mV), g (S/cm**2).

    Source: Colbert & Pan 2002, Nat Neurosci 5:533.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> axon = ch.NaTa_t(g=3.1 * S / cm**2)
    """

    ion = "na"

    g: Array = quantity(_DENSITY, non_negative, "conductance", default=1 * _DENSITY)
    e: Array = quantity(mV, anything, "reversal potential", default=50 * mV)

    def gates(self, v: Array, ions: Ions) -> ActivationInactivation:
        return _sodium(v, -38, -66)

    def current(self, state: ActivationInactivation, v: Array, ions: Ions) -> Array:
        return self.g * state.m**3 * state.h * (v - self.e)


class NaTs2_t(AbstractChannel):
    r"""Fast sodium of soma and dendrites: `NaTa_t` with m 6 mV and h 6 mV further up.

    i = g m^3 h (v - e); i (nA/um**2), e (mV), g (S/cm**2).

    Source: Colbert & Pan 2002, Nat Neurosci 5:533.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> soma = ch.NaTs2_t(g=0.98 * S / cm**2)
    """

    ion = "na"

    g: Array = quantity(_DENSITY, non_negative, "conductance", default=0.98 * _DENSITY)
    e: Array = quantity(mV, anything, "reversal potential", default=50 * mV)

    def gates(self, v: Array, ions: Ions) -> ActivationInactivation:
        return _sodium(v, -32, -60)

    def current(self, state: ActivationInactivation, v: Array, ions: Ions) -> Array:
        return self.g * state.m**3 * state.h * (v - self.e)


class Nap_Et2(AbstractChannel):
    r"""Persistent sodium: i = g m^3 h (v - e).

    m_inf = 1/(1 + e^(-(v + 52.6)/4.6)), tau_m = 6/(alpha_m + beta_m) of `NaTa_t`,
    h_inf = 1/(1 + e^((v + 48.8)/10)), tau_h = 1/(alpha_h + beta_h)/2.3^1.3 with
    alpha_h = -2.88e-6 (v + 17)/(1 - e^((v + 17)/4.63)),
    beta_h = 6.94e-6 (v + 64.4)/(1 - e^(-(v + 64.4)/2.63)); i (nA/um**2), e (mV), g (S/cm**2).

    Source: Magistretti & Alonso 1999, J Gen Physiol 114:491.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> persistent = ch.Nap_Et2(g=0.0017 * S / cm**2)
    """

    ion = "na"

    g: Array = quantity(_DENSITY, non_negative, "conductance", default=0.0017 * _DENSITY)
    e: Array = quantity(mV, anything, "reversal potential", default=50 * mV)

    def gates(self, v: Array, ions: Ions) -> ActivationInactivation:
        opening, closing = _opening(v, -38)
        alpha = 2.88e-6 * 4.63 * exp_linear(-(v + 17) / 4.63)
        beta = 6.94e-6 * 2.63 * exp_linear((v + 64.4) / 2.63)
        return ActivationInactivation(
            m=by_time_constant(sigmoid((v + 52.6) / 4.6), 6 / (opening + closing)),
            h=by_time_constant(sigmoid(-(v + 48.8) / 10), 1 / (alpha + beta) / _WARM),
        )

    def current(self, state: ActivationInactivation, v: Array, ions: Ions) -> Array:
        return self.g * state.m**3 * state.h * (v - self.e)


class K_Pst(AbstractChannel):
    r"""Slow potassium of soma and axon: i = g m^2 h (v - e), with u = v + 10.

    m_inf = 1/(1 + e^(-(u + 1)/12)), tau_m = 1.25 + 175.03 e^(0.026 u) where u < -50, else
    1.25 + 13 e^(-0.026 u); h_inf = 1/(1 + e^((u + 54)/11)),
    tau_h = 360 + (1010 + 24 (u + 55)) e^(-((u + 75)/48)^2); times over 2.3^1.3.

    i (nA/um**2), e (mV), g (S/cm**2).

    Source: Korngreen & Sakmann 2000, J Physiol 525:621; u corrects the junction potential.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> slow = ch.K_Pst(g=0.0022 * S / cm**2)
    """

    ion = "k"

    g: Array = quantity(_DENSITY, non_negative, "conductance", default=0.0022 * _DENSITY)
    e: Array = quantity(mV, anything, "reversal potential", default=-85 * mV)

    def gates(self, v: Array, ions: Ions) -> ActivationInactivation:
        u = v + 10
        below = 175.03 * exponential(0.026 * jnp.minimum(u, -50))
        above = 13 * exponential(-0.026 * jnp.maximum(u, -50))
        tau_m = 1.25 + jnp.where(u < -50, below, above)
        tau_h = 360 + (1010 + 24 * (u + 55)) * _gaussian(u, -75, 48)
        return ActivationInactivation(
            m=by_time_constant(sigmoid((u + 1) / 12), tau_m / _WARM),
            h=by_time_constant(sigmoid(-(u + 54) / 11), tau_h / _WARM),
        )

    def current(self, state: ActivationInactivation, v: Array, ions: Ions) -> Array:
        return self.g * state.m**2 * state.h * (v - self.e)


class K_Tst(AbstractChannel):
    r"""Fast potassium of soma and axon: i = g m^4 h (v - e), with u = v + 10.

    m_inf = 1/(1 + e^(-u/19)), tau_m = 0.34 + 0.92 e^(-((u + 71)/59)^2),
    h_inf = 1/(1 + e^((u + 66)/10)), tau_h = 8 + 49 e^(-((u + 73)/23)^2); times over 2.3^1.3.

    i (nA/um**2), e (mV), g (S/cm**2).

    Source: Korngreen & Sakmann 2000, J Physiol 525:621; u corrects the junction potential.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> fast = ch.K_Tst(g=0.081 * S / cm**2)
    """

    ion = "k"

    g: Array = quantity(_DENSITY, non_negative, "conductance", default=0.081 * _DENSITY)
    e: Array = quantity(mV, anything, "reversal potential", default=-85 * mV)

    def gates(self, v: Array, ions: Ions) -> ActivationInactivation:
        u = v + 10
        tau_m = 0.34 + 0.92 * _gaussian(u, -71, 59)
        tau_h = 8 + 49 * _gaussian(u, -73, 23)
        return ActivationInactivation(
            m=by_time_constant(sigmoid(u / 19), tau_m / _WARM),
            h=by_time_constant(sigmoid(-(u + 66) / 10), tau_h / _WARM),
        )

    def current(self, state: ActivationInactivation, v: Array, ions: Ions) -> Array:
        return self.g * state.m**4 * state.h * (v - self.e)


class SKv3_1(AbstractChannel):
    r"""Potassium of fast repolarisation, Kv3.1: i = g m (v - e).

    m_inf = 1/(1 + e^(-(v - 18.7)/9.7)), tau_m = 4/(1 + e^(-(v + 46.56)/44.14)); i (nA/um**2),
    e (mV), g (S/cm**2).

    Source: Rettig et al. 1992, EMBO J 11:2473.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> fast = ch.SKv3_1(g=0.69 * S / cm**2)
    """

    ion = "k"

    g: Array = quantity(_DENSITY, non_negative, "conductance", default=0.69 * _DENSITY)
    e: Array = quantity(mV, anything, "reversal potential", default=-85 * mV)

    def gates(self, v: Array, ions: Ions) -> Activation:
        tau = 4 * sigmoid((v + 46.56) / 44.14)
        return Activation(m=by_time_constant(sigmoid((v - 18.7) / 9.7), tau))

    def current(self, state: Activation, v: Array, ions: Ions) -> Array:
        return self.g * state.m * (v - self.e)


class SK_E2(AbstractChannel):
    r"""Potassium opened by calcium, small conductance: i = g m (v - e).

    m_inf = 1/(1 + (half/[Ca])^4.8), tau_m = 1 ms; [Ca] (mM) below the membrane, half (mM),
    i (nA/um**2), e (mV), g (S/cm**2).

    Source: Köhler et al. 1996, Science 273:1709.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> adapting = ch.SK_E2(g=0.044 * S / cm**2)
    """

    ion = "k"

    g: Array = quantity(_DENSITY, non_negative, "conductance", default=0.044 * _DENSITY)
    e: Array = quantity(mV, anything, "reversal potential", default=-85 * mV)
    half: Array = quantity(mM, positive, "calcium of half activation", default=0.00043 * mM)

    def gates(self, v: Array, ions: Ions) -> Activation:
        # By the logarithm: finite, with its slope, however little calcium there is.
        excess = jnp.log(jnp.maximum(ions.ca.inside, 1e-9) / self.half)
        inf = sigmoid(4.8 * excess) + 0 * v
        return Activation(m=by_time_constant(inf, jnp.ones_like(inf)))

    def current(self, state: Activation, v: Array, ions: Ions) -> Array:
        return self.g * state.m * (v - self.e)


class Im(AbstractChannel):
    r"""Muscarinic potassium: i = g m (v - e).

    alpha_m = 0.0033 e^(0.1 (v + 35)), beta_m = 0.0033 e^(-0.1 (v + 35)), times 2.3^1.3;
    i (nA/um**2), e (mV), g (S/cm**2).

    Source: Adams et al. 1982, J Physiol 330:537.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> apical = ch.Im(g=6.75e-5 * S / cm**2)
    """

    ion = "k"

    g: Array = quantity(_DENSITY, non_negative, "conductance", default=6.75e-5 * _DENSITY)
    e: Array = quantity(mV, anything, "reversal potential", default=-85 * mV)

    def gates(self, v: Array, ions: Ions) -> Activation:
        x = 0.1 * (v + 35)
        scale = 0.0033 * _WARM
        return Activation(m=by_rates(scale * exponential(x), scale * exponential(-x)))

    def current(self, state: Activation, v: Array, ions: Ions) -> Array:
        return self.g * state.m * (v - self.e)


class Ih(AbstractChannel):
    r"""Unspecific cations at hyperpolarisation: i = g m (v - e).

    alpha_m = 0.00643 (v + 154.9)/(e^((v + 154.9)/11.9) - 1), beta_m = 0.193 e^(v/33.1);
    i (nA/um**2), e (mV), g (S/cm**2).

    Source: Kole et al. 2006, J Neurosci 26:1677.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> sag = ch.Ih(g=2e-4 * S / cm**2)
    """

    g: Array = quantity(_DENSITY, non_negative, "conductance", default=2e-4 * _DENSITY)
    e: Array = quantity(mV, anything, "reversal potential", default=-45 * mV)

    def gates(self, v: Array, ions: Ions) -> Activation:
        alpha = 0.00643 * 11.9 * exp_linear(-(v + 154.9) / 11.9)
        return Activation(m=by_rates(alpha, 0.193 * exponential(v / 33.1)))

    def current(self, state: Activation, v: Array, ions: Ions) -> Array:
        return self.g * state.m * (v - self.e)


class Ca_HVA(AbstractChannel):
    r"""High-threshold calcium: i = g m^2 h (v - e_Ca), m and h as in `CaL`.

    e_Ca Nernst potential of the ions, i (nA/um**2), g (S/cm**2).

    Source: Reuveni et al. 1993, J Neurosci 13:4609.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> tuft = ch.Ca_HVA(g=5.5e-4 * S / cm**2)
    """

    ion = "ca"

    g: Array = quantity(_DENSITY, non_negative, "conductance", default=9.9e-4 * _DENSITY)

    def gates(self, v: Array, ions: Ions) -> ActivationInactivation:
        return high_threshold(v)

    def current(self, state: ActivationInactivation, v: Array, ions: Ions) -> Array:
        return self.g * state.m**2 * state.h * (v - ions.ca.reversal)


class Ca_LVAst(AbstractChannel):
    r"""Low-threshold calcium: i = g m^2 h (v - e_Ca), with u = v + 10.

    m_inf = 1/(1 + e^(-(u + 30)/6)), tau_m = 5 + 20/(1 + e^((u + 25)/5)),
    h_inf = 1/(1 + e^((u + 80)/6.4)), tau_h = 20 + 50/(1 + e^((u + 40)/7)); times over 2.3^1.3.

    e_Ca Nernst potential of the ions, i (nA/um**2), g (S/cm**2).

    Source: Avery & Johnston 1996, J Neurosci 16:5567; time constants of Randall & Tsien 1997,
    Neuropharmacology 36:879; u corrects the junction potential.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> tuft = ch.Ca_LVAst(g=0.0187 * S / cm**2)
    """

    ion = "ca"

    g: Array = quantity(_DENSITY, non_negative, "conductance", default=0.00343 * _DENSITY)

    def gates(self, v: Array, ions: Ions) -> ActivationInactivation:
        u = v + 10
        tau_m = 5 + 20 * sigmoid(-(u + 25) / 5)
        tau_h = 20 + 50 * sigmoid(-(u + 40) / 7)
        return ActivationInactivation(
            m=by_time_constant(sigmoid((u + 30) / 6), tau_m / _WARM),
            h=by_time_constant(sigmoid(-(u + 80) / 6.4), tau_h / _WARM),
        )

    def current(self, state: ActivationInactivation, v: Array, ions: Ions) -> Array:
        return self.g * state.m**2 * state.h * (v - ions.ca.reversal)
