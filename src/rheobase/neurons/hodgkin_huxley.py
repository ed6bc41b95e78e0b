"""The squid axon of Hodgkin and Huxley as a point neuron."""

from jax import Array

from rheobase.neurons.gated import AbstractGatedNeuron
from rheobase.neurons.rates import (
    AbstractRate,
    Curve,
    ExpLinearRate,
    ExponentialRate,
    Gating,
    SigmoidRate,
)
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.units import Role, anything, mV, nF, non_negative, positive, quantity, uS

M = Gating(Curve(ExpLinearRate, 1, -40, 10), Curve(ExponentialRate, 4, -65, 18))
H = Gating(Curve(ExponentialRate, 0.07, -65, 20), Curve(SigmoidRate, 1, -35, 10))
N = Gating(Curve(ExpLinearRate, 0.1, -55, 10), Curve(ExponentialRate, 0.125, -65, 80))
"""The gates by the voltage."""


class HodgkinHuxley(AbstractGatedNeuron):
    r"""Hodgkin and Huxley's squid axon, 6.3 °C, in the modern sign of the voltage.

    C dv/dt = I - g_Na m^3 h (v - v_Na) - g_K n^4 (v - v_K) - g_L (v - v_L)
    dx/dt = alpha_x(v)(1 - x) - beta_x(v) x  for x = m, h, n, with (1/ms, mV)
    alpha_m = y/(1 - e^-y), y = (v + 40)/10;  beta_m = 4 e^(-(v + 65)/18)
    alpha_h = 0.07 e^(-(v + 65)/20);  beta_h = 1/(1 + e^(-(v + 35)/10))
    alpha_n = 0.1 y/(1 - e^-y), y = (v + 55)/10;  beta_n = 0.125 e^(-(v + 65)/80)

    v (mV), m, h, n (1), I (nA), g (uS), C (nF), shape (*n,). The six rates are fields as well, see
    `rheobase.neurons.rates`. It fires in the step in which v rises through v_th; there is no
    reset, margin = (v - v_th)/(v_th - v_rest). A run begins at v_rest with the gates at steady
    state: the default is the rest of the other defaults, with others it relaxes to their own.
    Repetitive firing begins at 0.063 nA; rest is unstable above 0.098 nA.

    Source: Hodgkin & Huxley 1952, J Physiol 117:500 (1 uF/cm², 120, 36, 0.3 mS/cm², here on
    1000 um²; rest at -64.9964 mV). Errors: `ParameterError` unless v_rest < v_th.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.HodgkinHuxley(), current=0.1 * nA, duration=100 * ms, dt=0.01 * ms,
    ...                   record=("v", "m"))
    >>> run.spikes.sum().item()
    7.0
    """

    C: Array = quantity(
        nF, positive, "membrane capacitance", default=0.01 * nF, role=Role.CAPACITANCE
    )
    g_Na: Array = quantity(uS, non_negative, "largest sodium conductance", default=1.2 * uS)
    g_K: Array = quantity(uS, non_negative, "largest potassium conductance", default=0.36 * uS)
    g_L: Array = quantity(uS, non_negative, "leak conductance", default=0.003 * uS, role=Role.LEAK)
    v_Na: Array = quantity(mV, anything, "sodium reversal", default=50 * mV)
    v_K: Array = quantity(mV, anything, "potassium reversal", default=-77 * mV)
    v_L: Array = quantity(mV, anything, "leak reversal", default=-54.387 * mV)
    v_rest: Array = quantity(
        mV, anything, "voltage at the start", default=-64.9964 * mV, below="v_th", role=Role.REST
    )
    v_th: Array = quantity(
        mV, anything, "voltage that counts as a spike", default=0 * mV, role=Role.PEAK
    )
    alpha_m: AbstractRate = M.alpha.field()
    beta_m: AbstractRate = M.beta.field()
    alpha_h: AbstractRate = H.alpha.field()
    beta_h: AbstractRate = H.beta.field()
    alpha_n: AbstractRate = N.alpha.field()
    beta_n: AbstractRate = N.beta.field()
    spike: AbstractSurrogate = FastSigmoid()

    def seen(self, v: Array) -> Array:
        return v
