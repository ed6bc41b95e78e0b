"""The barnacle muscle fibre of Morris and Lecar: two variables, both kinds of excitability."""

from typing import Annotated, ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from rheobase.neurons.base import AbstractNeuron, Onset
from rheobase.neurons.rates import gate, within_reach
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.units import (
    Role,
    anything,
    dimensionless,
    ms,
    mV,
    nF,
    non_negative,
    positive,
    quantity,
    uS,
)

_FASTEST = 10.0
"""cosh(10) = 11,000 times phi is at once for every membrane."""


class MorrisLecarState(NamedTuple):
    """A voltage and the activation of potassium."""

    v: Annotated[Array, mV]
    w: Annotated[Array, dimensionless]


class MorrisLecar(AbstractNeuron):
    r"""Morris and Lecar's calcium spikes.

    C dv/dt = I - g_Ca m_inf(v)(v - v_Ca) - g_K w (v - v_K) - g_L (v - v_L)
    dw/dt = phi cosh((v - v3)/(2 v4)) (w_inf(v) - w)
    m_inf = (1 + tanh((v - v1)/v2))/2;  w_inf = (1 + tanh((v - v3)/v4))/2

    v (mV), w (1), I (nA), g (uS), C (nF), phi (1/ms), shape (*n,). It fires in the step in which v
    rises through v_th; there is no reset, margin = (v - v_th)/(v_th - v_rest). A run begins at
    v_rest with w at steady state. The defaults are class 2: rest loses its stability in a Hopf
    bifurcation at 0.94 nA. Class 1 (saddle-node, 0.4 nA) is g_Ca=0.04*uS, v3=12*mV, v4=17.4*mV,
    phi=1/(15*ms).

    Source: Morris & Lecar 1981, Biophys J 35:193; parameters of Rinzel & Ermentrout 1998, in Koch &
    Segev, Methods in Neuronal Modeling, ch. 7 (20 uF/cm², 4.4, 8, 2 mS/cm²; here on 1000 um²).
    Errors: `ParameterError` unless v_rest < v_th.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.MorrisLecar(), current=1 * nA, duration=500 * ms, dt=0.1 * ms,
    ...                   record=("v", "w"))
    >>> run.spikes.sum().item()
    6.0
    """

    onset: ClassVar[Onset] = Onset.EDGE

    C: Array = quantity(
        nF, positive, "membrane capacitance", default=0.2 * nF, role=Role.CAPACITANCE
    )
    g_Ca: Array = quantity(uS, non_negative, "largest calcium conductance", default=0.044 * uS)
    g_K: Array = quantity(uS, non_negative, "largest potassium conductance", default=0.08 * uS)
    g_L: Array = quantity(uS, non_negative, "leak conductance", default=0.02 * uS, role=Role.LEAK)
    v_Ca: Array = quantity(mV, anything, "calcium reversal", default=120 * mV)
    v_K: Array = quantity(mV, anything, "potassium reversal", default=-84 * mV)
    v_L: Array = quantity(mV, anything, "leak reversal", default=-60 * mV)
    v1: Array = quantity(mV, anything, "half activation of calcium", default=-1.2 * mV)
    v2: Array = quantity(mV, positive, "width of that activation", default=18 * mV)
    v3: Array = quantity(mV, anything, "half activation of potassium", default=2 * mV)
    v4: Array = quantity(mV, positive, "width of that activation", default=30 * mV)
    phi: Array = quantity(ms**-1, positive, "least rate of potassium", default=0.04 / ms)
    v_rest: Array = quantity(
        mV, anything, "voltage at the start", default=-60.8554 * mV, below="v_th", role=Role.REST
    )
    v_th: Array = quantity(
        mV, anything, "voltage that counts as a spike", default=0 * mV, role=Role.THRESHOLD
    )
    spike: AbstractSurrogate = FastSigmoid()

    def _w_inf(self, v: Array) -> Array:
        return (1 + jnp.tanh((v - self.v3) / self.v4)) / 2

    def init(self) -> MorrisLecarState:
        return MorrisLecarState(v=self.v_rest, w=self._w_inf(self.v_rest))

    def derivative(self, state: MorrisLecarState, current: Array) -> MorrisLecarState:
        v = within_reach(state.v, self.v_rest, self.v_th)
        w = gate(state.w)
        m_inf = (1 + jnp.tanh((v - self.v1) / self.v2)) / 2
        calcium = self.g_Ca * m_inf * (v - self.v_Ca)
        potassium = self.g_K * w * (v - self.v_K)
        leak = self.g_L * (state.v - self.v_L)
        x = jnp.clip((v - self.v3) / (2 * self.v4), -_FASTEST, _FASTEST)
        return MorrisLecarState(
            v=(current - calcium - potassium - leak) / self.C,
            w=self.phi * jnp.cosh(x) * (self._w_inf(v) - w),
        )

    def margin(self, state: MorrisLecarState) -> Array:
        return (state.v - self.v_th) / (self.v_th - self.v_rest)

    def reset(self, state: MorrisLecarState) -> MorrisLecarState:
        return state
