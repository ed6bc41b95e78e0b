"""Models that the library no longer offers, so that files with them can be read and run."""

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
    r"""Makes the reset shallower the more a neuron has fired.

    v ← v_reset + rho (v_th - v_reset), then rho ← rho + increment (1 - rho);  drho/dt = -rho/tau.

    rho and increment dimensionless, tau (ms), shape (*n,). Errors: `CompositionError` for a neuron
    without reset.
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
