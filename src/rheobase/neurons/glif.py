"""Generalised linear integrate-and-fire with spike-triggered currents and a moving threshold."""

from typing import Annotated, Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from rheobase.neurons.base import AbstractNeuron
from rheobase.neurons.patterns import MIHALAS_NIEBUR, find, names
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.units import (
    Hz,
    MOhm,
    Role,
    anything,
    dimensionless,
    ms,
    mV,
    nA,
    non_negative,
    positive,
    quantity,
)


class GLIFState(NamedTuple):
    """A voltage, its two internal currents and its threshold."""

    v: Annotated[Array, mV]
    I1: Annotated[Array, nA]
    I2: Annotated[Array, nA]
    v_th: Annotated[Array, mV]


class GLIF(AbstractNeuron):
    r"""The generalised linear integrate-and-fire neuron of Mihalas and Niebur.

    tau dv/dt = -(v - v_rest) + R (I1 + I2 + I);  dI1/dt = -k1 I1;  dI2/dt = -k2 I2
    dv_th/dt = a (v - v_rest) - b (v_th - v_th_inf)
    at v >= v_th: I1 ← R1 I1 + A1, I2 ← R2 I2 + A2, v ← v_reset, v_th ← max(v_th_reset, v_th).

    v and v_th (mV), I1, I2 and I (nA), a, b, k1, k2 (1/ms), A1, A2 (nA), R1, R2 (1), shape (*n,).
    C = tau/R is 1 nF, so that 1 nA is 1 V/s of the article's I/C. The threshold moves, therefore
    margin = (v - v_th)/max(v_th - v_reset, (v_th_inf - v_reset)/100): its sign is that of v - v_th
    wherever v_th goes. The dynamics are affine, so `Exact` integrates them.
    `GLIF.pattern(name)` has the twenty published parameter sets.

    Source: Mihalas & Niebur 2009, Neural Comput 21:704, table 1 (defaults: tonic spiking).
    Errors: `ParameterError` unless v_reset < v_th_reset and v_reset < v_th_inf.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.GLIF.pattern("adaptation"), current=2 * nA, duration=200 * ms,
    ...                   dt=0.1 * ms, record=("v", "v_th"))
    """

    tau: Array = quantity(
        ms, positive, "membrane time constant C/G", default=20 * ms, role=Role.TIME_CONSTANT
    )
    R: Array = quantity(
        MOhm, positive, "membrane resistance 1/G", default=20 * MOhm, role=Role.RESISTANCE
    )
    v_rest: Array = quantity(mV, anything, "resting voltage", default=-70 * mV, role=Role.REST)
    v_reset: Array = quantity(
        mV,
        anything,
        "reset voltage",
        default=-70 * mV,
        below=("v_th_reset", "v_th_inf"),
        role=Role.RESET,
    )
    v_th_inf: Array = quantity(
        mV, anything, "threshold at rest", default=-50 * mV, role=Role.THRESHOLD
    )
    v_th_reset: Array = quantity(mV, anything, "least threshold after a spike", default=-60 * mV)
    a: Array = quantity(ms**-1, anything, "pull of the voltage on the threshold", default=0 / ms)
    b: Array = quantity(ms**-1, non_negative, "decay of the threshold", default=0.01 / ms)
    k1: Array = quantity(ms**-1, non_negative, "decay of I1", default=0.2 / ms)
    k2: Array = quantity(ms**-1, non_negative, "decay of I2", default=0.02 / ms)
    R1: Array = quantity(dimensionless, anything, "part of I1 that outlives a spike", default=0.0)
    R2: Array = quantity(dimensionless, anything, "part of I2 that outlives a spike", default=1.0)
    A1: Array = quantity(nA, anything, "what a spike adds to I1", default=0 * nA)
    A2: Array = quantity(nA, anything, "what a spike adds to I2", default=0 * nA)
    spike: AbstractSurrogate = FastSigmoid()

    @classmethod
    def patterns(cls) -> tuple[str, ...]:
        """The names of the published firing patterns."""
        return names(MIHALAS_NIEBUR)

    @classmethod
    def pattern(cls, name: str) -> "GLIF":
        """The neuron of a published firing pattern; `rb.patterns.protocol` has its stimulus."""
        row = find("GLIF", MIHALAS_NIEBUR, name)
        make: Any = cls
        return make(a=row.a * Hz, A1=row.A1 * nA, A2=row.A2 * nA)

    def init(self) -> GLIFState:
        return GLIFState(v=self.v_rest, I1=0 * self.A1, I2=0 * self.A2, v_th=self.v_th_inf)

    def derivative(self, state: GLIFState, current: Array) -> GLIFState:
        v, I1, I2, v_th = state
        return GLIFState(
            v=(-(v - self.v_rest) + self.R * (I1 + I2 + current)) / self.tau,
            I1=-self.k1 * I1,
            I2=-self.k2 * I2,
            v_th=self.a * (v - self.v_rest) - self.b * (v_th - self.v_th_inf),
        )

    def margin(self, state: GLIFState) -> Array:
        least = 0.01 * (self.v_th_inf - self.v_reset)
        span = jnp.maximum(state.v_th - self.v_reset, least)
        return (state.v - state.v_th) / span

    def reset(self, state: GLIFState) -> GLIFState:
        return GLIFState(
            v=self.v_reset,
            I1=self.R1 * state.I1 + self.A1,
            I2=self.R2 * state.I2 + self.A2,
            v_th=jnp.maximum(self.v_th_reset, state.v_th),
        )
