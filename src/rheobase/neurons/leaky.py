"""Linear integrate-and-fire neurons: perfect and leaky integrator, with and without a synapse."""

from typing import Annotated, ClassVar, NamedTuple

from jax import Array

from rheobase.neurons.base import AbstractMembrane, AbstractNeuron
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.units import MOhm, Role, anything, ms, mV, nA, nF, positive, quantity


class VoltageState(NamedTuple):
    """A membrane that is its voltage alone."""

    v: Annotated[Array, mV]


class IF(AbstractNeuron):
    r"""Perfect integrate-and-fire: C dv/dt = I; fires at v >= v_th, then v ← v_reset.

    v voltage (mV), I current (nA), C capacitance (nF), all of shape (*n,). Starts at v_reset.
    It keeps every charge for ever; BrainPy's `IF` leaks and is `LIF(v_rest=0*mV, v_reset=0*mV)`.

    Source: Lapicque 1907; Dayan & Abbott 2001, ch. 5 (voltages and C = 1 nF there).
    Errors: `ParameterError` unless v_reset < v_th.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> rb.simulate(rb.IF(), current=1 * nA, duration=31 * ms, dt=0.1 * ms).spikes.sum().item()
    2.0
    """

    C: Array = quantity(nF, positive, "membrane capacitance", default=1 * nF, role=Role.CAPACITANCE)
    v_th: Array = quantity(mV, anything, "threshold", default=-50 * mV, role=Role.THRESHOLD)
    v_reset: Array = quantity(
        mV, anything, "reset voltage", default=-65 * mV, below="v_th", role=Role.RESET
    )
    spike: AbstractSurrogate = FastSigmoid()

    def init(self) -> VoltageState:
        return VoltageState(v=self.v_reset)

    def derivative(self, state: VoltageState, current: Array) -> VoltageState:
        return VoltageState(v=current / self.C)

    def margin(self, state: VoltageState) -> Array:
        return (state.v - self.v_th) / (self.v_th - self.v_reset)

    def reset(self, state: VoltageState) -> VoltageState:
        return state._replace(v=self.v_reset)


class LI(AbstractMembrane):
    r"""Leaky integrator without threshold, a readout: tau dv/dt = -(v - v_rest) + R I.

    v voltage (mV), I current (nA), shape (*n,). The defaults make 1 nA settle at 1 mV.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.LI(), current=1 * nA, duration=200 * ms, dt=1 * ms, record=("v",))
    >>> round(run.v[-1].item(), 3)
    1.0
    """

    tau: Array = quantity(
        ms, positive, "membrane time constant", default=20 * ms, role=Role.TIME_CONSTANT
    )
    R: Array = quantity(
        MOhm, positive, "membrane resistance", default=1 * MOhm, role=Role.RESISTANCE
    )
    v_rest: Array = quantity(mV, anything, "resting voltage", default=0 * mV, role=Role.REST)

    def init(self) -> VoltageState:
        return VoltageState(v=self.v_rest)

    def derivative(self, state: VoltageState, current: Array) -> VoltageState:
        return VoltageState(v=(-(state.v - self.v_rest) + self.R * current) / self.tau)


class Integrator(AbstractMembrane):
    r"""Perfect integrator without threshold, a readout: C dv/dt = I.

    v voltage (mV), I current (nA), shape (*n,). Starts at v_start.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.Integrator(), current=1 * nA, duration=9 * ms, dt=1 * ms,
    ...                   record=("v",))
    >>> run.v[-1].item()
    9.0
    """

    C: Array = quantity(nF, positive, "membrane capacitance", default=1 * nF, role=Role.CAPACITANCE)
    v_start: Array = quantity(mV, anything, "voltage at the beginning", default=0 * mV)

    def init(self) -> VoltageState:
        return VoltageState(v=self.v_start)

    def derivative(self, state: VoltageState, current: Array) -> VoltageState:
        return VoltageState(v=current / self.C)


class LIF(AbstractNeuron):
    r"""Leaky integrate-and-fire: tau dv/dt = -(v - v_rest) + R I; at v >= v_th, v ← v_reset.

    v voltage (mV), I current (nA), tau (ms), R (MOhm), all of shape (*n,). Rheobase
    (v_th - v_rest)/R; at constant I the interval is tau ln((R I + v_rest - v_reset)/(R I + v_rest
    - v_th)). v_rest may lie above v_th: the neuron then fires by itself.

    Source: Dayan & Abbott 2001, Theoretical Neuroscience, fig. 5.5 (defaults).
    Errors: `ParameterError` unless v_reset < v_th.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.LIF(), current=2 * nA, duration=100 * ms, dt=0.1 * ms)
    >>> run.spike_times().shape
    (7,)
    """

    tau: Array = quantity(
        ms, positive, "membrane time constant", default=10 * ms, role=Role.TIME_CONSTANT
    )
    R: Array = quantity(
        MOhm, positive, "membrane resistance", default=10 * MOhm, role=Role.RESISTANCE
    )
    v_rest: Array = quantity(mV, anything, "resting voltage", default=-65 * mV, role=Role.REST)
    v_th: Array = quantity(mV, anything, "threshold", default=-50 * mV, role=Role.THRESHOLD)
    v_reset: Array = quantity(
        mV, anything, "reset voltage", default=-65 * mV, below="v_th", role=Role.RESET
    )
    spike: AbstractSurrogate = FastSigmoid()

    def init(self) -> VoltageState:
        return VoltageState(v=self.v_rest)

    def derivative(self, state: VoltageState, current: Array) -> VoltageState:
        return VoltageState(v=(-(state.v - self.v_rest) + self.R * current) / self.tau)

    def margin(self, state: VoltageState) -> Array:
        return (state.v - self.v_th) / (self.v_th - self.v_reset)

    def reset(self, state: VoltageState) -> VoltageState:
        return state._replace(v=self.v_reset)


class SynapticState(NamedTuple):
    """A membrane and the current of its synapse."""

    v: Annotated[Array, mV]
    i_syn: Annotated[Array, nA]


class CubaLIF(AbstractNeuron):
    r"""LIF with an exponential synaptic current, to which spikes add.

    tau dv/dt = -(v - v_rest) + R (i_syn + I);  tau_syn d(i_syn)/dt = -i_syn;  a delta input of
    w (nA) adds w to i_syn after the step; at v >= v_th, v ← v_reset.

    v (mV), i_syn and I (nA), of shape (*n,). `current` acts on the membrane directly.

    Source: Vogels & Abbott 2005, J Neurosci 25:10786 (tau 20, tau_syn 5 ms, v_rest -60, v_th -50,
    v_reset -60 mV), with R of the leak of 10 nS in benchmark 1 of Brette et al. 2007, J Comput
    Neurosci 23:349. Errors: `ParameterError` unless v_reset < v_th.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.CubaLIF(), delta=rb.stimulus.Pulses([5 * ms], 1 * nA),
    ...                   duration=30 * ms, dt=0.1 * ms, record=("v", "i_syn"))
    """

    target: ClassVar[str] = "i_syn"

    tau: Array = quantity(
        ms, positive, "membrane time constant", default=20 * ms, role=Role.TIME_CONSTANT
    )
    tau_syn: Array = quantity(ms, positive, "synaptic time constant", default=5 * ms)
    R: Array = quantity(
        MOhm, positive, "membrane resistance", default=100 * MOhm, role=Role.RESISTANCE
    )
    v_rest: Array = quantity(mV, anything, "resting voltage", default=-60 * mV, role=Role.REST)
    v_th: Array = quantity(mV, anything, "threshold", default=-50 * mV, role=Role.THRESHOLD)
    v_reset: Array = quantity(
        mV, anything, "reset voltage", default=-60 * mV, below="v_th", role=Role.RESET
    )
    spike: AbstractSurrogate = FastSigmoid()

    def init(self) -> SynapticState:
        return SynapticState(v=self.v_rest, i_syn=0 * self.tau_syn)

    def derivative(self, state: SynapticState, current: Array) -> SynapticState:
        v, i_syn = state
        return SynapticState(
            v=(-(v - self.v_rest) + self.R * (i_syn + current)) / self.tau,
            i_syn=-i_syn / self.tau_syn,
        )

    def margin(self, state: SynapticState) -> Array:
        return (state.v - self.v_th) / (self.v_th - self.v_reset)

    def reset(self, state: SynapticState) -> SynapticState:
        return state._replace(v=self.v_reset)


class CubaLI(AbstractMembrane):
    r"""`CubaLIF` without threshold, a readout with an exponential synapse.

    tau dv/dt = -(v - v_rest) + R (i_syn + I);  tau_syn d(i_syn)/dt = -i_syn;  a delta input of
    w (nA) adds w to i_syn after the step. Units and shapes as in `CubaLIF`.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.CubaLI(), delta=rb.stimulus.Pulses([5 * ms], 1 * nA),
    ...                   duration=30 * ms, dt=0.1 * ms, record=("v",))
    """

    target: ClassVar[str] = "i_syn"

    tau: Array = quantity(
        ms, positive, "membrane time constant", default=20 * ms, role=Role.TIME_CONSTANT
    )
    tau_syn: Array = quantity(ms, positive, "synaptic time constant", default=5 * ms)
    R: Array = quantity(
        MOhm, positive, "membrane resistance", default=1 * MOhm, role=Role.RESISTANCE
    )
    v_rest: Array = quantity(mV, anything, "resting voltage", default=0 * mV, role=Role.REST)

    def init(self) -> SynapticState:
        return SynapticState(v=self.v_rest, i_syn=0 * self.tau_syn)

    def derivative(self, state: SynapticState, current: Array) -> SynapticState:
        v, i_syn = state
        return SynapticState(
            v=(-(v - self.v_rest) + self.R * (i_syn + current)) / self.tau,
            i_syn=-i_syn / self.tau_syn,
        )
