"""Quadratic integrate-and-fire neurons, whose upstroke is a parabola of the voltage."""

from typing import ClassVar, Self

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from rheobase.neurons.base import AbstractNeuron, Onset, approached
from rheobase.neurons.exponential import AdaptiveState
from rheobase.neurons.leaky import VoltageState
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.units import MOhm, Role, anything, ms, mV, nA, positive, quantity, uS

_DEEPEST = 1e4
"""In spans from threshold to reset: a voltage that no membrane has, and whose square is finite."""


def bounded(v: Array, v_th: Array, v_reset: Array) -> tuple[Array, Array]:
    """v at most at the threshold; and the same far below reset no deeper than `_DEEPEST`.

    A parabola with one of each as its factors is a straight line there: a current that throws v
    down does not make its square, or the derivative of that, overflow.
    """
    v, low = jnp.where(v < v_th, v, v_th), v_reset - _DEEPEST * (v_th - v_reset)
    return v, jnp.where(v > low, v, low)


def growth(z: Array) -> Array:
    """1/(1 - z/2), how dv/dt = v^2 grows in a step of z = 2 v dt, and φ where z < 0."""
    decay, left, rise, beyond = approached(z, pole=2.0)
    return decay / (left * (1 - rise)) + beyond


class QIF(AbstractNeuron):
    r"""Quadratic integrate-and-fire.

    tau dv/dt = c (v - v_rest)(v - v_c) + R I;  at v >= v_th, v ← v_reset.

    v (mV), I (nA), c (1/mV), shape (*n,). v_c is the voltage beyond which the upstroke runs away
    without current. With c (v_c - v_rest) = 1, as in the defaults, tau and R are those of the
    membrane at rest. v is bounded at v_th on the right-hand side and held there in the step of a
    spike. Rheobase I_rh = c (v_c - v_rest)^2/(4 R); above it, with q = sqrt(c R (I - I_rh)) and
    x = c (v - (v_rest + v_c)/2)/q, the interval is tau (arctan x_th - arctan x_reset)/q.

    Source: Ermentrout & Kopell 1986, SIAM J Appl Math 46:233; defaults from the regular-spiking
    neuron of `AdQIF`, without its adaptation. Errors: `ParameterError` unless v_reset < v_th and
    v_c < v_th.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.QIF(), current=0.1 * nA, duration=100 * ms, dt=0.05 * ms)
    >>> run.spikes.sum().item()
    2.0
    """

    onset: ClassVar[Onset] = Onset.UPSTROKE

    tau: Array = quantity(
        ms, positive, "membrane time constant", default=50 / 7 * ms, role=Role.TIME_CONSTANT
    )
    R: Array = quantity(
        MOhm, positive, "membrane resistance", default=500 / 7 * MOhm, role=Role.RESISTANCE
    )
    v_rest: Array = quantity(mV, anything, "resting voltage", default=-60 * mV, role=Role.REST)
    v_c: Array = quantity(
        mV, anything, "voltage of no return", default=-40 * mV, below="v_th", role=Role.THRESHOLD
    )
    c: Array = quantity(mV**-1, positive, "curvature of the parabola", default=0.05 / mV)
    v_th: Array = quantity(
        mV, anything, "voltage that counts as a spike", default=35 * mV, role=Role.PEAK
    )
    v_reset: Array = quantity(
        mV, anything, "reset voltage", default=-50 * mV, below="v_th", role=Role.RESET
    )
    spike: AbstractSurrogate = FastSigmoid()

    def lifted(self, by: Array) -> Self:
        return eqx.tree_at(lambda n: n.v_c, self, self.v_c + by)

    def init(self) -> VoltageState:
        return VoltageState(v=self.v_rest)

    def derivative(self, state: VoltageState, current: Array) -> VoltageState:
        v, near = bounded(state.v, self.v_th, self.v_reset)
        rise = self.c * (v - self.v_rest) * (near - self.v_c)
        return VoltageState(v=(rise + self.R * current) / self.tau)

    def growth(self, z: Array) -> Array:
        return growth(z)

    def margin(self, state: VoltageState) -> Array:
        return (state.v - self.v_th) / (self.v_th - self.v_reset)

    def reset(self, state: VoltageState) -> VoltageState:
        return state._replace(v=self.v_reset)


class AdQIF(AbstractNeuron):
    r"""Adaptive quadratic integrate-and-fire.

    tau dv/dt = c (v - v_rest)(v - v_c) - R w + R I
    tau_w dw/dt = a (v - v_rest) - w;  at v >= v_th, v ← v_reset and w ← w + b.

    v (mV), w and I (nA), a (uS), b (nA), c (1/mV), shape (*n,). v is bounded at v_th on the
    right-hand side and held there in the step of a spike. Rheobase for a slow current where
    a R < tau/tau_w: (c (v_c - v_rest) + a R)^2/(4 c R).

    Source: Izhikevich 2007, Dynamical Systems in Neuroscience, eq. 8.5-8.6 and fig. 8.12: C 100 pF,
    k 0.7 nS/mV, v_r -60, v_t -40, v_peak 35 mV, a 0.03/ms, b -2 nS, c -50 mV, d 100 pA. In the
    letters here R = 1/(k (v_t - v_r)), tau = R C, c = k R, tau_w = 1/a, a = b, b = d.
    Errors: `ParameterError` unless v_reset < v_th and v_c < v_th.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.AdQIF(), current=0.1 * nA, duration=500 * ms, dt=0.1 * ms,
    ...                   record=("v", "w"))
    """

    onset: ClassVar[Onset] = Onset.UPSTROKE

    tau: Array = quantity(
        ms, positive, "membrane time constant", default=50 / 7 * ms, role=Role.TIME_CONSTANT
    )
    R: Array = quantity(
        MOhm, positive, "membrane resistance", default=500 / 7 * MOhm, role=Role.RESISTANCE
    )
    v_rest: Array = quantity(mV, anything, "resting voltage", default=-60 * mV, role=Role.REST)
    v_c: Array = quantity(
        mV, anything, "voltage of no return", default=-40 * mV, below="v_th", role=Role.THRESHOLD
    )
    c: Array = quantity(mV**-1, positive, "curvature of the parabola", default=0.05 / mV)
    v_th: Array = quantity(
        mV, anything, "voltage that counts as a spike", default=35 * mV, role=Role.PEAK
    )
    v_reset: Array = quantity(
        mV, anything, "reset voltage", default=-50 * mV, below="v_th", role=Role.RESET
    )
    tau_w: Array = quantity(
        ms, positive, "time constant of adaptation", default=100 / 3 * ms, role=Role.ADAPTATION_TIME
    )
    a: Array = quantity(
        uS, anything, "subthreshold adaptation", default=-0.002 * uS, role=Role.COUPLING
    )
    b: Array = quantity(nA, anything, "adaptation at a spike", default=0.1 * nA, role=Role.JUMP)
    spike: AbstractSurrogate = FastSigmoid()

    def lifted(self, by: Array) -> Self:
        return eqx.tree_at(lambda n: n.v_c, self, self.v_c + by)

    def init(self) -> AdaptiveState:
        return AdaptiveState(v=self.v_rest, w=0 * self.b)

    def derivative(self, state: AdaptiveState, current: Array) -> AdaptiveState:
        v, near = bounded(state.v, self.v_th, self.v_reset)
        rise = self.c * (v - self.v_rest) * (near - self.v_c)
        return AdaptiveState(
            v=(rise - self.R * state.w + self.R * current) / self.tau,
            w=(self.a * (v - self.v_rest) - state.w) / self.tau_w,
        )

    def growth(self, z: Array) -> Array:
        return growth(z)

    def margin(self, state: AdaptiveState) -> Array:
        return (state.v - self.v_th) / (self.v_th - self.v_reset)

    def reset(self, state: AdaptiveState) -> AdaptiveState:
        return state._replace(v=self.v_reset, w=state.w + self.b)
