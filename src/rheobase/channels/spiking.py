"""Currents that make a spike without its channels, for membranes of any shape."""

from typing import Annotated, Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from rheobase import neurons
from rheobase.channels.base import AbstractChannel, Stateless
from rheobase.channels.ions import Ions
from rheobase.channels.point_neuron import AbstractPointNeuron
from rheobase.neurons import izhikevich
from rheobase.neurons.exponential import AdaptiveState
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.units import (
    A,
    Role,
    S,
    anything,
    cm,
    ms,
    mV,
    nA,
    nF,
    non_negative,
    positive,
    quantity,
    uA,
    uF,
    uS,
)

_DENSITY = S / cm**2
_CURRENT = uA / cm**2
_STEEPEST = 10.0
"""e^10 = 22,000 times the conductance at threshold: the spike is over within a step."""


def _upstroke(v: Array, v_T: Array, delta_T: Array) -> Array:
    """delta_T e^((v - v_T)/delta_T), beyond ten slopes above v_T a line."""
    x = (v - v_T) / delta_T
    rise = jnp.exp(jnp.minimum(x, _STEEPEST))
    return delta_T * rise * (1 + jnp.maximum(x - _STEEPEST, 0))


class ExpSpike(AbstractChannel):
    r"""The exponential current at the onset of a spike: i = -g delta_T e^((v - v_T)/delta_T).

    It stands for sodium that activates at once; with `Leak` and `Fire` it makes the exponential
    integrate-and-fire neuron. From ten delta_T above v_T it goes on as a line, so that it stays
    finite; let `Fire` cut the spike below that.

    i current out of the cell (nA/um**2), v, v_T threshold, delta_T slope factor (mV), g (S/cm**2).

    Source: Fourcaud-Trocmé et al. 2003, J Neurosci 23:11628 (v_T, delta_T).

    >>> from rheobase import channels as ch
    >>> from rheobase.units import mV
    >>> sharp = ch.ExpSpike(delta_T=1.5 * mV)
    """

    g: Array = quantity(_DENSITY, non_negative, "conductance of the leak", default=1e-4 * _DENSITY)
    v_T: Array = quantity(mV, anything, "threshold of the upstroke", default=-59.9 * mV)
    delta_T: Array = quantity(mV, positive, "slope factor", default=3.48 * mV)

    def gates(self, v: Array, ions: Ions) -> Stateless:
        return Stateless()

    def current(self, state: Stateless, v: Array, ions: Ions) -> Array:
        return -self.g * _upstroke(v, self.v_T, self.delta_T)


class AdaptationState(NamedTuple):
    """Current of adaptation."""

    w: Annotated[Array, A / cm**2]


class AdEx(AbstractPointNeuron):
    r"""Adaptive exponential integrate-and-fire as a current: leak, upstroke and adaptation.

    i = g (v - e) - g delta_T e^((v - v_T)/delta_T) + w,  tau_w dw/dt = a (v - e) - w;
    at v >= v_th, v ← v_reset and w ← w + b.

    i, w (nA/um**2), v, e, v_T, delta_T, v_th, v_reset (mV), g, a (S/cm**2), b (uA/cm**2),
    tau_w (ms). It is the neuron `rb.AdEx` for each um**2, and w follows exactly at constant
    voltage.

    Source: Brette & Gerstner 2005, J Neurophysiol 94:3637, its 281 pF, 30 nS, 4 nS and 0.0805 nA
    taken for 28,100 um**2 of membrane with 1 uF/cm**2. Errors: `ParameterError` unless
    v_reset < v_th and v_T < v_th.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import uA, cm
    >>> adapting = ch.AdEx(b=0.5 * uA / cm**2)
    """

    g: Array = quantity(_DENSITY, positive, "leak conductance", default=1.0676e-4 * _DENSITY)
    e: Array = quantity(mV, anything, "leak reversal", default=-70.6 * mV)
    v_T: Array = quantity(
        mV,
        anything,
        "threshold of the upstroke",
        default=-50.4 * mV,
        below="v_th",
        role=Role.THRESHOLD,
    )
    delta_T: Array = quantity(mV, positive, "slope factor", default=2 * mV)
    v_th: Array = quantity(
        mV, anything, "voltage that counts as a spike", default=-32 * mV, role=Role.PEAK
    )
    v_reset: Array = quantity(
        mV, anything, "reset voltage", default=-70.6 * mV, below="v_th", role=Role.RESET
    )
    tau_w: Array = quantity(ms, positive, "time constant of adaptation", default=144 * ms)
    a: Array = quantity(_DENSITY, anything, "subthreshold adaptation", default=1.4235e-5 * _DENSITY)
    b: Array = quantity(_CURRENT, anything, "adaptation at a spike", default=0.28648 * _CURRENT)
    spike: AbstractSurrogate = FastSigmoid()
    through_reset: bool = eqx.field(static=True, default=True)

    @property
    def neuron(self) -> neurons.AdEx:  # pyright: ignore[reportIncompatibleVariableOverride]
        make: Any = neurons.AdEx
        R = 1 / (self.g * uS)
        return make(
            tau=R * nF,
            R=R,
            v_rest=self.e * mV,
            v_T=self.v_T * mV,
            delta_T=self.delta_T * mV,
            v_th=self.v_th * mV,
            v_reset=self.v_reset * mV,
            tau_w=self.tau_w * ms,
            a=self.a * uS,
            b=self.b * nA,
            spike=self.spike,
        )

    @property
    def c_m(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        # The neuron is that of 1 um**2, in which nA are nA/um**2, and has 1 nF.
        return 1.0

    def whole(self, state: AdaptationState, v: Array) -> AdaptiveState:
        return AdaptiveState(v, *state)

    def parted(self, state: AdaptiveState) -> AdaptationState:
        return AdaptationState(state.w)


class RecoveryState(NamedTuple):
    """The recovery variable, for the capacitance of the membrane."""

    u: Annotated[Array, mV / ms]


class Izhikevich(AbstractPointNeuron):
    r"""The simple model of Izhikevich as a current.

    i = c_m (u - quadratic v^2 - linear v - constant),  du/dt = a (b v - u);
    at v >= v_th, v ← c and u ← u + d.

    i (nA/um**2), v (mV), u (mV/ms). With the membrane's capacitance equal to c_m (uF/cm**2) and no
    other channel it is the neuron `rb.Izhikevich`. u follows exactly at constant voltage.

    Source: Izhikevich 2003, IEEE Trans Neural Netw 14:1569. Errors: `ParameterError` unless
    c < v_th.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import mV, ms
    >>> bursting = ch.Izhikevich(c=-50 * mV, d=2 * mV / ms)
    """

    a: Array = quantity(ms**-1, positive, "rate of recovery", default=0.02 / ms)
    b: Array = quantity(ms**-1, anything, "coupling of recovery to voltage", default=0.2 / ms)
    c: Array = quantity(mV, anything, "reset voltage", default=-65 * mV, below="v_th")
    d: Array = quantity(mV / ms, anything, "recovery at a spike", default=8 * mV / ms)
    quadratic: Array = quantity(
        (mV * ms) ** -1, positive, "coefficient of v^2", default=0.04 / (mV * ms)
    )
    linear: Array = quantity(ms**-1, anything, "coefficient of v", default=5 / ms)
    constant: Array = quantity(mV / ms, anything, "constant of the parabola", default=140 * mV / ms)
    v_th: Array = quantity(mV, anything, "voltage that counts as a spike", default=30 * mV)
    c_m: Array = quantity(uF / cm**2, positive, "capacitance", default=1 * uF / cm**2)
    spike: AbstractSurrogate = FastSigmoid()
    through_reset: bool = eqx.field(static=True, default=True)

    @property
    def neuron(self) -> neurons.Izhikevich:  # pyright: ignore[reportIncompatibleVariableOverride]
        make: Any = neurons.Izhikevich
        return make(
            a=self.a / ms,
            b=self.b / ms,
            c=self.c * mV,
            d=self.d * (mV / ms),
            v_th=self.v_th * mV,
            quadratic=self.quadratic / (mV * ms),
            linear=self.linear / ms,
            constant=self.constant * (mV / ms),
            spike=self.spike,
        )

    def whole(self, state: RecoveryState, v: Array) -> izhikevich.RecoveryState:
        return izhikevich.RecoveryState(v, *state)

    def parted(self, state: izhikevich.RecoveryState) -> RecoveryState:
        return RecoveryState(state.u)
