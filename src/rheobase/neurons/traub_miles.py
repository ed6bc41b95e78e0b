"""The pyramidal cell of Traub and Miles, reduced to one compartment and two currents."""

from jax import Array

from rheobase.neurons.gated import AbstractGatedNeuron
from rheobase.neurons.rates import (
    AbstractRate,
    Curve,
    ExpLinearRate,
    ExponentialRate,
    FallingLinearRate,
    Gating,
    SigmoidRate,
)
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.units import Role, anything, mV, nF, non_negative, positive, quantity, uS

M = Gating(Curve(ExpLinearRate, 1.28, 13, 4), Curve(FallingLinearRate, 1.4, 40, 5))
H = Gating(Curve(ExponentialRate, 0.128, 17, 18), Curve(SigmoidRate, 4, 40, 5))
N = Gating(Curve(ExpLinearRate, 0.16, 15, 5), Curve(ExponentialRate, 0.5, 10, 40))
"""The gates by the voltage above v_T."""


class TraubMiles(AbstractGatedNeuron):
    r"""A cortical or hippocampal neuron with the sodium and potassium currents of Traub and Miles.

    C dv/dt = I - g_Na m^3 h (v - v_Na) - g_K n^4 (v - v_K) - g_L (v - v_L)
    dx/dt = alpha_x(u)(1 - x) - beta_x(u) x  for x = m, h, n, u = v - v_T, with (1/ms, mV)
    alpha_m = 1.28 y/(1 - e^-y), y = (u - 13)/4;  beta_m = 1.4 y/(e^y - 1), y = (u - 40)/5
    alpha_h = 0.128 e^(-(u - 17)/18);  beta_h = 4/(1 + e^(-(u - 40)/5))
    alpha_n = 0.16 y/(1 - e^-y), y = (u - 15)/5;  beta_n = 0.5 e^(-(u - 10)/40)

    v (mV), m, h, n (1), I (nA), g (uS), C (nF), shape (*n,). The six rates are fields, as those of
    `HodgkinHuxley`; v_T shifts all of them, and so the threshold. It fires in the step in which v
    rises through v_th; there is no reset, margin = (v - v_th)/(v_th - v_rest). A run begins at
    v_rest with the gates at steady state: the default is the rest of the other defaults.
    Repetitive firing begins at 0.019 nA; with v_L = -60 mV it fires without any current.

    Source: Traub & Miles 1991, Neuronal Networks of the Hippocampus, as reduced for benchmark 3
    of Brette et al. 2007, J Comput Neurosci 23:349 (1 uF/cm², 100, 30, 0.05 mS/cm² on 20,000 um²).
    Errors: `ParameterError` unless v_rest < v_th.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.TraubMiles(), current=0.5 * nA, duration=100 * ms, dt=0.02 * ms)
    >>> run.spikes.sum().item()
    8.0
    """

    C: Array = quantity(
        nF, positive, "membrane capacitance", default=0.2 * nF, role=Role.CAPACITANCE
    )
    g_Na: Array = quantity(uS, non_negative, "largest sodium conductance", default=20 * uS)
    g_K: Array = quantity(uS, non_negative, "largest potassium conductance", default=6 * uS)
    g_L: Array = quantity(uS, non_negative, "leak conductance", default=0.01 * uS, role=Role.LEAK)
    v_Na: Array = quantity(mV, anything, "sodium reversal", default=50 * mV)
    v_K: Array = quantity(mV, anything, "potassium reversal", default=-90 * mV)
    v_L: Array = quantity(mV, anything, "leak reversal", default=-65 * mV)
    v_T: Array = quantity(mV, anything, "shift of the rates", default=-63 * mV)
    v_rest: Array = quantity(
        mV, anything, "voltage at the start", default=-64.7646 * mV, below="v_th", role=Role.REST
    )
    v_th: Array = quantity(
        mV, anything, "voltage that counts as a spike", default=-20 * mV, role=Role.THRESHOLD
    )
    alpha_m: AbstractRate = M.alpha.field()
    beta_m: AbstractRate = M.beta.field()
    alpha_h: AbstractRate = H.alpha.field()
    beta_h: AbstractRate = H.beta.field()
    alpha_n: AbstractRate = N.alpha.field()
    beta_n: AbstractRate = N.beta.field()
    spike: AbstractSurrogate = FastSigmoid()

    def seen(self, v: Array) -> Array:
        return v - self.v_T
