"""A threshold that rises with each spike, for any neuron with a reset."""

from typing import Annotated, Any, NamedTuple

from jax import Array

from rheobase.adaptors.base import AbstractStatefulAdaptor, require_neuron
from rheobase.neurons.base import AbstractMembrane, span
from rheobase.units import anything, ms, mV, positive, quantity


class ThresholdState(NamedTuple):
    """The neuron, and how far its threshold lies above the resting one."""

    neuron: Any
    theta: Annotated[Array, mV]


class ThresholdAdaptation(AbstractStatefulAdaptor):
    r"""A threshold v_th + theta:  dtheta/dt = -theta/tau;  at a spike theta ← theta + increment.

    theta lowers the margin by theta/(v_th - v_reset), so the neuron fires at v >= v_th + theta; an
    upstroke (`ExpIF`, `AdEx`, `QIF`, `AdQIF`), which v_th only cuts off, begins at v_T + theta or
    v_c + theta. All else is that of the neuron. A negative increment makes it more excitable.
    Around `LIF` it is `ALIF` with beta = increment. Wrapped twice it has two time constants; the
    name `theta` then means the outer one.

    theta and increment (mV), tau (ms), shape (*n,).
    Source: Bellec et al. 2018, arXiv:1803.09574; two time constants: Kobayashi et al. 2009,
    Front Comput Neurosci 3:9; of an upstroke: Platkiewicz & Brette 2010, PLoS Comput Biol
    6:e1000850. Errors: `CompositionError` for a neuron without reset.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, mV, nA
    >>> neuron = rb.ThresholdAdaptation(rb.LIF(), tau=100 * ms, increment=2 * mV)
    >>> run = rb.simulate(neuron, current=2 * nA, duration=200 * ms, dt=0.1 * ms)
    >>> bool((run.spike_times()[-1] - run.spike_times()[-2]) > run.spike_times()[0])
    True
    """

    neuron: AbstractMembrane
    tau: Array = quantity(ms, positive, "time constant of the threshold")
    increment: Array = quantity(mV, anything, "rise of the threshold at a spike")

    def __check_init__(self):
        require_neuron("ThresholdAdaptation", self.neuron, resets=True)

    def init(self) -> ThresholdState:
        return ThresholdState(self.neuron.init(), 0 * self.increment)

    def derivative(self, state: ThresholdState, current: Array) -> ThresholdState:
        lifted = self.firing.lifted(state.theta)
        inner = lifted.derivative(state.neuron, current)
        return ThresholdState(inner, -state.theta / self.tau)

    def margin(self, state: ThresholdState) -> Array:
        return super().margin(state) - state.theta / span(self.firing, state.neuron)

    def reset(self, state: ThresholdState) -> ThresholdState:
        return super().reset(state)._replace(theta=state.theta + self.increment)
