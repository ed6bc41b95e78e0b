"""Exponential integrate-and-fire neurons, whose upstroke is an exponential of the voltage."""

from typing import Annotated, Any, ClassVar, NamedTuple, Self

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from rheobase.neurons.base import AbstractNeuron, Onset, approached
from rheobase.neurons.leaky import VoltageState
from rheobase.neurons.patterns import NAUD, find, names
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.units import MOhm, Role, anything, ms, mV, nA, nS, pA, pF, positive, quantity, uS

_STEEPEST = 40.0
"""exp(40) = 2e17 carries every upstroke past any threshold and stays finite in float32."""


def upstroke(v: Array, v_th: Array, v_T: Array, delta_T: Array) -> tuple[Array, Array]:
    """v bounded at the threshold, and delta_T exp((v - v_T)/delta_T) there; finite for any v.

    The argument is bounded before the exponential, so that value and derivative are finite; by a
    choice, since the derivative of `jnp.minimum` divides.
    """
    v = jnp.where(v < v_th, v, v_th)
    steps = (v - v_T) / delta_T
    return v, delta_T * jnp.exp(jnp.where(steps < _STEEPEST, steps, _STEEPEST))


def growth(z: Array) -> Array:
    """-log(1 - z)/z, how dv/dt = e^v grows in a step of z = dt e^v, and φ where z < 0.

    To the third order in z, with its pole at 1, where the voltage is infinite: within 2 % of a step
    everywhere.
    """
    decay, left, rise, beyond = approached(z)
    rising = 1 - rise * (1 / 2 + rise * (1 / 6 + rise * (5 / 24)))
    return decay * rising / (left * (1 - rise)) + beyond / 8


class ExpIF(AbstractNeuron):
    r"""Exponential integrate-and-fire.

    tau dv/dt = -(v - v_rest) + delta_T exp((v - v_T)/delta_T) + R I;  at v >= v_th, v ← v_reset.

    v (mV), I (nA), shape (*n,). v is bounded at v_th on the right-hand side and held there in the
    step of a spike, so that no current and no time step makes it overflow.

    Source: Fourcaud-Trocmé et al. 2003, J Neurosci 23:11628 (defaults: fit to a Wang-Buzsaki
    neuron; leak resistance for 0.1 mS/cm² on 20,000 um²).
    Errors: `ParameterError` unless v_reset < v_th and v_T < v_th.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.ExpIF(), current=0.5 * nA, duration=100 * ms, dt=0.05 * ms)
    """

    onset: ClassVar[Onset] = Onset.UPSTROKE

    tau: Array = quantity(
        ms, positive, "membrane time constant", default=10 * ms, role=Role.TIME_CONSTANT
    )
    R: Array = quantity(
        MOhm, positive, "membrane resistance", default=50 * MOhm, role=Role.RESISTANCE
    )
    v_rest: Array = quantity(mV, anything, "resting voltage", default=-65 * mV, role=Role.REST)
    v_T: Array = quantity(
        mV,
        anything,
        "threshold of the upstroke",
        default=-59.9 * mV,
        below="v_th",
        role=Role.THRESHOLD,
    )
    delta_T: Array = quantity(
        mV, positive, "slope factor of the upstroke", default=3.48 * mV, role=Role.SLOPE
    )
    v_th: Array = quantity(
        mV, anything, "voltage that counts as a spike", default=-30 * mV, role=Role.PEAK
    )
    v_reset: Array = quantity(
        mV, anything, "reset voltage", default=-68 * mV, below="v_th", role=Role.RESET
    )
    spike: AbstractSurrogate = FastSigmoid()

    def lifted(self, by: Array) -> Self:
        return eqx.tree_at(lambda n: n.v_T, self, self.v_T + by)

    def init(self) -> VoltageState:
        return VoltageState(v=self.v_rest)

    def derivative(self, state: VoltageState, current: Array) -> VoltageState:
        v, rise = upstroke(state.v, self.v_th, self.v_T, self.delta_T)
        return VoltageState(v=(-(v - self.v_rest) + rise + self.R * current) / self.tau)

    def growth(self, z: Array) -> Array:
        return growth(z)

    def margin(self, state: VoltageState) -> Array:
        return (state.v - self.v_th) / (self.v_th - self.v_reset)

    def reset(self, state: VoltageState) -> VoltageState:
        return state._replace(v=self.v_reset)


class AdaptiveState(NamedTuple):
    """A voltage and its adaptation current."""

    v: Annotated[Array, mV]
    w: Annotated[Array, nA]


class AdEx(AbstractNeuron):
    r"""Adaptive exponential integrate-and-fire.

    tau dv/dt = -(v - v_rest) + delta_T exp((v - v_T)/delta_T) - R w + R I
    tau_w dw/dt = a (v - v_rest) - w;  at v >= v_th, v ← v_reset and w ← w + b.

    v (mV), w and I (nA), a (uS), b (nA), shape (*n,). In the form of the literature C = tau/R and
    g_L = 1/R. v is bounded at v_th on the right-hand side and held there in the step of a spike.
    v_th only cuts the spike: above v_T + 5 delta_T its choice moves spikes by less than
    tau e^-5. Rheobase for a slow current, saddle-node case a R < tau/tau_w:
    (1/R + a)(v_T - v_rest - delta_T + delta_T ln(1 + a R)).

    `AdEx.pattern(name)` has the eight parameter sets of Naud et al. 2008.

    Source: Brette & Gerstner 2005, J Neurophysiol 94:3637 (defaults: C 281 pF, g_L 30 nS).
    Errors: `ParameterError` unless v_reset < v_th and v_T < v_th.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.AdEx(), current=1 * nA, duration=200 * ms, dt=0.1 * ms,
    ...                   record=("v", "w"))
    """

    onset: ClassVar[Onset] = Onset.UPSTROKE

    tau: Array = quantity(
        ms, positive, "membrane time constant C/g_L", default=9.3667 * ms, role=Role.TIME_CONSTANT
    )
    R: Array = quantity(
        MOhm, positive, "membrane resistance 1/g_L", default=33.333 * MOhm, role=Role.RESISTANCE
    )
    v_rest: Array = quantity(mV, anything, "leak reversal E_L", default=-70.6 * mV, role=Role.REST)
    v_T: Array = quantity(
        mV,
        anything,
        "threshold of the upstroke",
        default=-50.4 * mV,
        below="v_th",
        role=Role.THRESHOLD,
    )
    delta_T: Array = quantity(
        mV, positive, "slope factor of the upstroke", default=2 * mV, role=Role.SLOPE
    )
    v_th: Array = quantity(
        mV, anything, "voltage that counts as a spike", default=20 * mV, role=Role.PEAK
    )
    v_reset: Array = quantity(
        mV, anything, "reset voltage", default=-70.6 * mV, below="v_th", role=Role.RESET
    )
    tau_w: Array = quantity(
        ms, positive, "time constant of adaptation", default=144 * ms, role=Role.ADAPTATION_TIME
    )
    a: Array = quantity(
        uS, anything, "subthreshold adaptation", default=0.004 * uS, role=Role.COUPLING
    )
    b: Array = quantity(nA, anything, "adaptation at a spike", default=0.0805 * nA, role=Role.JUMP)
    spike: AbstractSurrogate = FastSigmoid()

    @classmethod
    def patterns(cls) -> tuple[str, ...]:
        """The names of the published firing patterns."""
        return names(NAUD)

    @classmethod
    def pattern(cls, name: str) -> "AdEx":
        """The neuron of a published firing pattern; `rb.patterns.protocol` has its stimulus."""
        row = find("AdEx", NAUD, name)
        g_L = row.g_L * nS
        make: Any = cls
        return make(
            tau=row.C * pF / g_L,
            R=1 / g_L,
            v_rest=row.E_L * mV,
            v_T=row.V_T * mV,
            delta_T=row.Delta_T * mV,
            v_th=0 * mV,
            v_reset=row.V_r * mV,
            tau_w=row.tau_w * ms,
            a=row.a * nS,
            b=row.b * pA,
        )

    def lifted(self, by: Array) -> Self:
        return eqx.tree_at(lambda n: n.v_T, self, self.v_T + by)

    def init(self) -> AdaptiveState:
        return AdaptiveState(v=self.v_rest, w=0 * self.b)

    def derivative(self, state: AdaptiveState, current: Array) -> AdaptiveState:
        v, rise = upstroke(state.v, self.v_th, self.v_T, self.delta_T)
        return AdaptiveState(
            v=(-(v - self.v_rest) + rise - self.R * state.w + self.R * current) / self.tau,
            w=(self.a * (v - self.v_rest) - state.w) / self.tau_w,
        )

    def growth(self, z: Array) -> Array:
        return growth(z)

    def margin(self, state: AdaptiveState) -> Array:
        return (state.v - self.v_th) / (self.v_th - self.v_reset)

    def reset(self, state: AdaptiveState) -> AdaptiveState:
        return state._replace(v=self.v_reset, w=state.w + self.b)
