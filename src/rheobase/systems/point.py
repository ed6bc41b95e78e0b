"""Point neurons with their synapses, their stepper, and what is recorded of them."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.errors import require_key
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.record import Record
from rheobase.step import step
from rheobase.steppers import AbstractStepper
from rheobase.systems.base import AbstractSystem, Arriving, Moved
from rheobase.time import Clock, fold_in


class Point(AbstractSystem):
    """A population of point neurons, of any shape."""

    neuron: AbstractMembrane
    stepper: AbstractStepper
    record: Record | None
    key: Array | None
    """Of the neurons that draw random numbers, folded with the number of each step."""
    substep: bool = eqx.field(static=True, default=False)
    """Whether spikes are located in their step."""

    def step(self, state: Any, arriving: Arriving, number: Clock, dt: float) -> Moved:
        neuron = self.neuron
        key = fold_in(require_key(self.key), number) if neuron.random else None
        ready = neuron.arrive(state, arriving.through)
        current = jnp.zeros((), form(state)[1])
        for value in arriving.held:
            current = current + value
        kick = arriving.kick
        done = step(neuron, self.stepper, ready, current, kick, dt, key, self.substep)
        return Moved(done.spike, done.fraction, self._read(done.reached), done.state)

    def fires(self, state: Any) -> tuple[int, ...] | None:
        return None if self.neuron.onset is Onset.NEVER else form(state)[0]

    def voltage(self, state: Any, node: int) -> Array:
        return variables.get(state, "v")

    def _read(self, reached: Any) -> dict[str, Array]:
        record = self.record
        if record is None or not record.variables:
            return {}
        named, chosen = self.neuron.named(reached), record.indices
        return {
            name: named[name] if chosen is None else named[name][..., list(chosen)]
            for name in record.variables
        }


def form(state: Any) -> tuple[tuple[int, ...], Any]:
    """Tell the shape and the floating-point type of a population, from its state."""
    leaf = next(x for x in jax.tree.leaves(state) if jnp.issubdtype(x.dtype, jnp.floating))
    return leaf.shape, leaf.dtype
