"""Leaky integrate-and-fire with a threshold that adapts."""

from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jax import Array

from rheobase.neurons.base import AbstractNeuron
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.units import MOhm, Role, anything, dimensionless, ms, mV, positive, quantity


class ThresholdState(NamedTuple):
    """A voltage and the trace of past spikes that lifts its threshold."""

    v: Annotated[Array, mV]
    a: Annotated[Array, dimensionless]


class ALIF(AbstractNeuron):
    r"""Leaky integrate-and-fire with an adaptive threshold v_th + beta a.

    tau dv/dt = -(v - v_rest) + R I;  tau_a da/dt = -a;
    at v >= v_th + beta a, v ← v_reset and a ← a + 1.

    v (mV), a (1), I (nA), all of shape (*n,). One spike lifts the threshold by beta (mV), which
    decays with tau_a. margin = (v - v_th - beta a)/(v_th - v_reset).

    Source: membrane of Dayan & Abbott 2001, fig. 5.5; tau_a and beta of the slow threshold of a
    regular-spiking neuron in Kobayashi, Tsubo & Shinomoto 2009, Front Comput Neurosci 3:9.
    Errors: `ParameterError` unless v_reset < v_th.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.ALIF(), current=2 * nA, duration=200 * ms, dt=0.1 * ms,
    ...                   record=("v", "a"))
    >>> run.spike_times().round(1)[:4]
    array([13.9, 32.4, 57.5, 94. ])
    """

    tau: Array = quantity(
        ms, positive, "membrane time constant", default=10 * ms, role=Role.TIME_CONSTANT
    )
    R: Array = quantity(
        MOhm, positive, "membrane resistance", default=10 * MOhm, role=Role.RESISTANCE
    )
    v_rest: Array = quantity(mV, anything, "resting voltage", default=-65 * mV, role=Role.REST)
    v_th: Array = quantity(
        mV, anything, "threshold without adaptation", default=-50 * mV, role=Role.THRESHOLD
    )
    v_reset: Array = quantity(
        mV, anything, "reset voltage", default=-65 * mV, below="v_th", role=Role.RESET
    )
    tau_a: Array = quantity(
        ms, positive, "time constant of the threshold", default=200 * ms, role=Role.LIFT_TIME
    )
    beta: Array = quantity(
        mV, anything, "lift of the threshold by a spike", default=2 * mV, role=Role.LIFT
    )
    spike: AbstractSurrogate = FastSigmoid()

    def init(self) -> ThresholdState:
        return ThresholdState(v=self.v_rest, a=jnp.zeros_like(self.tau_a))

    def derivative(self, state: ThresholdState, current: Array) -> ThresholdState:
        return ThresholdState(
            v=(-(state.v - self.v_rest) + self.R * current) / self.tau,
            a=-state.a / self.tau_a,
        )

    def margin(self, state: ThresholdState) -> Array:
        return (state.v - self.v_th - self.beta * state.a) / (self.v_th - self.v_reset)

    def reset(self, state: ThresholdState) -> ThresholdState:
        return ThresholdState(v=self.v_reset, a=state.a + 1)
