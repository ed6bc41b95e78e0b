"""What a stepper is: a rule that advances every state variable together by one time step."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
from jax import Array

from rheobase.declared import AbstractDeclared
from rheobase.neurons.base import AbstractMembrane


class Flow(NamedTuple):
    """d(state)/dt of a neuron at a fixed input: what a stepper integrates."""

    neuron: AbstractMembrane
    current: Array

    def __call__(self, state: Any) -> Any:
        """The derivative at a state, of the same structure."""
        return self.neuron.derivative(state, self.current)


class AbstractStepper(AbstractDeclared):
    """An integration rule; it knows of a model only the flow of its state."""

    @abstractmethod
    def advance(self, flow: Flow, state: Any, dt: jax.Array | float) -> Any:
        """The state a time `dt` (ms) later, `flow` being d(state)/dt at the step's input.

        Integer variables (counters) are returned as they are.
        """

    def seen(self, flow: Flow, state: Any, dt: jax.Array | float) -> Any | None:
        """Where the voltage moves by dt φ(z) f with f and its slope taken at one state: that state.

        None of a rule that moves it in another way.
        """
        return None

    @abstractmethod
    def check(self, neuron: AbstractMembrane, dt: float) -> None:
        """Refuse a neuron or a time step (ms) that this rule cannot take, and say why."""


def variables_only(
    flow: Callable[[Any], Any], state: Any
) -> tuple[list, Callable[[list], list], Callable]:
    """The continuous variables of a state, their flow, and the way back to a whole state."""
    moving, fixed = eqx.partition(state, eqx.is_inexact_array)
    leaves, structure = jax.tree.flatten(moving)

    def whole(leaves):
        return eqx.combine(jax.tree.unflatten(structure, leaves), fixed)

    def rate(leaves):
        return jax.tree.leaves(eqx.filter(flow(whole(leaves)), moving_spec))

    moving_spec = jax.tree.map(eqx.is_inexact_array, state)
    return leaves, rate, whole
