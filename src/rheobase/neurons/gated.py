"""What the neurons with the three gates of Hodgkin and Huxley have in common."""

from abc import abstractmethod
from typing import Annotated, ClassVar, NamedTuple

import equinox as eqx
from jax import Array

from rheobase.neurons.base import AbstractNeuron, Onset
from rheobase.neurons.rates import AbstractRate, gate, within_reach
from rheobase.units import dimensionless, mV


class GatedState(NamedTuple):
    """A voltage, activation and inactivation of sodium, activation of potassium."""

    v: Annotated[Array, mV]
    m: Annotated[Array, dimensionless]
    h: Annotated[Array, dimensionless]
    n: Annotated[Array, dimensionless]


class AbstractGatedNeuron(AbstractNeuron):
    r"""C dv/dt = I - g_Na m^3 h (v - v_Na) - g_K n^4 (v - v_K) - g_L (v - v_L).

    dx/dt = alpha_x(u)(1 - x) - beta_x(u) x for x = m, h, n. A final class has the parameters, and
    says by `seen` which voltage u its rates see. It fires in the step in which v rises through
    v_th, and is not reset.
    """

    onset: ClassVar[Onset] = Onset.EDGE

    C: eqx.AbstractVar[Array]
    g_Na: eqx.AbstractVar[Array]
    g_K: eqx.AbstractVar[Array]
    g_L: eqx.AbstractVar[Array]
    v_Na: eqx.AbstractVar[Array]
    v_K: eqx.AbstractVar[Array]
    v_L: eqx.AbstractVar[Array]
    v_rest: eqx.AbstractVar[Array]
    v_th: eqx.AbstractVar[Array]
    alpha_m: eqx.AbstractVar[AbstractRate]
    beta_m: eqx.AbstractVar[AbstractRate]
    alpha_h: eqx.AbstractVar[AbstractRate]
    beta_h: eqx.AbstractVar[AbstractRate]
    alpha_n: eqx.AbstractVar[AbstractRate]
    beta_n: eqx.AbstractVar[AbstractRate]

    @abstractmethod
    def seen(self, v: Array) -> Array:
        """The voltage (mV) by which the rates go, at membrane voltage v (mV)."""

    def init(self) -> GatedState:
        u = self.seen(self.v_rest)
        return GatedState(
            v=self.v_rest,
            m=self.alpha_m(u) / (self.alpha_m(u) + self.beta_m(u)),
            h=self.alpha_h(u) / (self.alpha_h(u) + self.beta_h(u)),
            n=self.alpha_n(u) / (self.alpha_n(u) + self.beta_n(u)),
        )

    def derivative(self, state: GatedState, current: Array) -> GatedState:
        v = within_reach(state.v, self.v_rest, self.v_th)
        u = self.seen(v)
        m, h, n = map(gate, state[1:])
        sodium = self.g_Na * m**3 * h * (v - self.v_Na)
        potassium = self.g_K * n**4 * (v - self.v_K)
        leak = self.g_L * (state.v - self.v_L)
        return GatedState(
            v=(current - sodium - potassium - leak) / self.C,
            m=self.alpha_m(u) * (1 - m) - self.beta_m(u) * m,
            h=self.alpha_h(u) * (1 - h) - self.beta_h(u) * h,
            n=self.alpha_n(u) * (1 - n) - self.beta_n(u) * n,
        )

    def margin(self, state: GatedState) -> Array:
        return (state.v - self.v_th) / (self.v_th - self.v_rest)

    def reset(self, state: GatedState) -> GatedState:
        return state
