"""What a synapse is: how arriving spikes become an input of the membrane."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
from jax import Array


class AbstractSynapse(eqx.Module):
    """The time course that a spike leaves at the membrane.

    Linear in its spikes, so that one state for each postsynaptic neuron serves all synapses of a
    kind. The unit of the weights is that of `output`: nA or mV (a current or a voltage that it would
    hold), uS where a reversal potential makes it a conductance.
    """

    @abstractmethod
    def init(self) -> Any:
        """The state at rest, a NamedTuple."""

    @abstractmethod
    def arrive(self, state: Any, weight: Array) -> Any:
        """The state after spikes of this total weight have arrived."""

    @abstractmethod
    def derivative(self, state: Any) -> Any:
        """d(state)/dt, per ms."""

    @abstractmethod
    def output(self, state: Any) -> Array:
        """The conductance, current or voltage of the synapse, in the unit of its weights."""

    @property
    def reversal(self) -> Array | None:
        """Reversal potential (mV) of a conductance; None for a current."""
        return None

    def current(self, state: Any, v: Array) -> Array:
        """Current into the membrane (nA) at voltage v, or the voltage that the weights are in."""
        output = self.output(state)
        return output if self.reversal is None else output * (self.reversal - v)
