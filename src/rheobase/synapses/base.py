"""What a synapse is: how arriving spikes become an input of the membrane."""

from abc import abstractmethod
from typing import Any, ClassVar

import jax.numpy as jnp
from jax import Array

from rheobase.declared import AbstractDeclared
from rheobase.units import Unit, mV, nA, state_units, uS

NO_NEGATIVE_CONDUCTANCE = (
    "a conductance is never negative. Inhibition has a positive weight and a reversal potential "
    "below rest: write rb.Conductance(rb.Exponential(tau=5*ms), reversal=-80*mV)."
)


class AbstractSynapse(AbstractDeclared):
    """The time course that a spike leaves at the membrane.

    Linear in its spikes, so that one state for each postsynaptic neuron serves all synapses of a
    kind. The unit of the weights is that of `output`: nA or mV (a current or the voltage that it
    would hold), uS where a reversal potential makes it a conductance.
    """

    electrical: ClassVar[bool] = False
    """Whether it transmits voltages and no spikes."""
    on_chip: ClassVar[bool] = False
    """Whether it is a circuit of a neuron on a chip."""

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
    def release(self) -> "AbstractRelease | None":
        """Return what the terminals make of presynaptic spikes; None: they pass on unchanged."""
        return None

    @property
    def graded(self) -> bool:
        """Tell whether the presynaptic voltage drives it, spike or no spike."""
        return isinstance(self.release, AbstractGradedRelease)

    @property
    def reversal(self) -> Array | None:
        """Reversal potential (mV) of a conductance; None for a current."""
        return None

    @property
    def conducts(self) -> bool:
        """Tell whether its weights are conductances, which are never negative."""
        return self.electrical or self.reversal is not None

    def weight_unit(self, resistance: Array | None = None) -> Unit:
        """The unit of its weights, which are voltages where it acts through a resistance."""
        if self.conducts:
            return uS
        return nA if resistance is None else mV

    def readable(self, state: Any, unit: Unit) -> dict[str, Unit]:
        """The unit of everything that can be recorded in such a state; `unit`: of its weights."""
        own = state_units(type(state))
        return {name: own.get(name, unit) for name in state._fields} | {"g": unit, "i": nA}

    @property
    def never_negative(self) -> str | None:
        """Why its weights are not negative, and what inhibits; None where they may be."""
        return NO_NEGATIVE_CONDUCTANCE if self.conducts else None

    def current(self, state: Any, v: Array) -> Array:
        """Current into the membrane (nA) at voltage v, or the voltage that the weights are in."""
        output = self.output(state)
        return output if self.reversal is None else output * (self.reversal - v)


class AbstractRelease(AbstractDeclared):
    """Turns the spikes of a neuron into what its terminals release, a state for each neuron.

    Short-term plasticity and receptor kinetics are of this kind, since all synapses of a neuron
    see the same spikes at the same time.
    """

    @abstractmethod
    def init(self) -> Any:
        """The state at rest, a NamedTuple."""

    @abstractmethod
    def step(self, state: Any, spikes: Array, dt: float) -> tuple[Array, Any]:
        """Return the factor of the weights at the end of a step of dt (ms), and the state there.

        `spikes` are those that arrive at its end.
        """


class AbstractGradedRelease(AbstractRelease):
    """Opens with the voltage of a presynaptic neuron: `step` takes voltages (mV) for spikes."""

    @abstractmethod
    def settled(self, v: Array) -> Any:
        """The state in which it settles at a presynaptic voltage."""

    def init(self) -> Any:
        return self.settled(jnp.zeros(()))
