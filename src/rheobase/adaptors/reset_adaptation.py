"""A reset that is the shallower the more a neuron has fired, for any neuron with a reset."""

from typing import Annotated, Any, NamedTuple

from jax import Array

from rheobase.adaptors.base import AbstractStatefulAdaptor, require_neuron
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane, span
from rheobase.units import dimensionless, ms, positive, probability, quantity


class ResetState(NamedTuple):
    """The neuron, and the part of its repolarisation that is used up."""

    neuron: Any
    rho: Annotated[Array, dimensionless]


class ResetAdaptation(AbstractStatefulAdaptor):
    r"""A reset by a part of the way.

    v ← v_reset + rho (v_th - v_reset), then rho ← rho + increment (1 - rho);  drho/dt = -rho/tau.

    rho is the part of the repolarising currents that spikes have inactivated, 0 to 1: the faster a
    cell has fired, the shallower the trough after a spike. v_th - v_reset is 1/(∂margin/∂v); of an
    upstroke (`ExpIF`, `AdEx`, ...) v_th is where it is cut off. All else is that of the neuron.

    rho and increment dimensionless, tau (ms), shape (*n,).
    Source: a reset that depends on the firing before it as in the GLIF models of Teeter et al.
    2018, Nat Commun 9:709; by an inactivation as that of A-type currents, Connor & Stevens 1971,
    J Physiol 213:31. Errors: `CompositionError` for a neuron without reset.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> neuron = rb.ResetAdaptation(rb.LIF(), tau=100 * ms, increment=0.1)
    >>> run = rb.simulate(neuron, current=2 * nA, duration=200 * ms, dt=0.1 * ms)
    >>> bool((run.spike_times()[-1] - run.spike_times()[-2]) < run.spike_times()[0])
    True
    """

    neuron: AbstractMembrane
    tau: Array = quantity(ms, positive, "time constant of the recovery")
    increment: Array = quantity(dimensionless, probability, "part of the rest a spike uses up")

    def __check_init__(self):
        require_neuron("ResetAdaptation", self.neuron, resets=True)

    def init(self) -> ResetState:
        return ResetState(self.neuron.init(), 0 * self.increment)

    def derivative(self, state: ResetState, current: Array) -> ResetState:
        return ResetState(super().derivative(state.neuron, current), -state.rho / self.tau)

    def reset(self, state: ResetState) -> ResetState:
        inner, rho = self.firing.reset(state.neuron), state.rho
        v = variables.get(inner, "v") + rho * span(self.firing, state.neuron)
        return ResetState(variables.replace(inner, "v", v), rho + self.increment * (1 - rho))
