"""A conductance that opens with each spike, for any neuron with a reset that receives a current."""

from typing import Annotated, Any, NamedTuple

from jax import Array

from rheobase.adaptors.base import AbstractStatefulAdaptor, require_current, require_neuron
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane
from rheobase.units import anything, ms, mV, non_negative, positive, quantity, uS


class ConductanceState(NamedTuple):
    """The neuron, and the conductance that its past spikes have opened."""

    neuron: Any
    g: Annotated[Array, uS]


class SpikeRateAdaptation(AbstractStatefulAdaptor):
    r"""An afterhyperpolarising conductance:  dg/dt = -g/tau;  at a spike g ← g + increment.

    It adds the current g (reversal - v) to what the neuron receives. After a spike the membrane is
    drawn towards the reversal potential of potassium and becomes leakier, and so faster; a current
    of adaptation (`AdEx`, `GLIF`) shifts the voltage only. Wrapped twice it has two time constants,
    such as those of the medium and of the slow afterhyperpolarisation; the name `g` then means the
    outer one.

    g and increment (uS), tau (ms), reversal (mV), shape (*n,).
    Source: Dayan & Abbott 2001, Theoretical Neuroscience, eq. 5.14 and 5.15; Benda & Herz 2003,
    Neural Comput 15:2523. Errors: `CompositionError` for a neuron without reset, and for one that
    receives no current.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, mV, nA, nS
    >>> neuron = rb.SpikeRateAdaptation(rb.LIF(), tau=100 * ms, increment=20 * nS,
    ...                                 reversal=-85 * mV)
    >>> times = rb.simulate(neuron, current=2.5 * nA, duration=200 * ms, dt=0.1 * ms).spike_times()
    >>> bool(times[-1] - times[-2] > times[1] - times[0])
    True
    """

    neuron: AbstractMembrane
    tau: Array = quantity(ms, positive, "time constant of the conductance")
    increment: Array = quantity(uS, non_negative, "what a spike adds to the conductance")
    reversal: Array = quantity(mV, anything, "reversal potential", default=-85 * mV)

    def __check_init__(self):
        require_neuron("SpikeRateAdaptation", self.neuron, resets=True)
        require_current("SpikeRateAdaptation", self.neuron)

    def init(self) -> ConductanceState:
        return ConductanceState(self.neuron.init(), 0 * self.increment)

    def derivative(self, state: ConductanceState, current: Array) -> ConductanceState:
        pull = state.g * (self.reversal - variables.get(state.neuron, "v"))
        inner = self.neuron.derivative(state.neuron, current + pull)
        return ConductanceState(inner, -state.g / self.tau)

    def reset(self, state: ConductanceState) -> ConductanceState:
        return super().reset(state)._replace(g=state.g + self.increment)
