"""The neurons of a network on the chip, with the delay lines and the depression behind them."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from rheobase.devices.dynapse2 import compatible, physical
from rheobase.devices.dynapse2.neuron import Neuron
from rheobase.devices.dynapse2.projection import Depression, Projection, by_gate
from rheobase.errors import ArgumentError
from rheobase.neurons import variables
from rheobase.neurons.base import reset_by
from rheobase.record import Record
from rheobase.systems.base import AbstractSystem, Arriving, Moved
from rheobase.time import Clock


class CoreState(NamedTuple):
    """What the neurons carry from step to step."""

    neurons: Any
    past: Float[Array, "steps batch streams"]
    """What was sent in the last steps, as many as the longest delay has."""
    resource: Float[Array, "batch n"] | None
    """What depression has left of each neuron; None without depression."""


class Core(AbstractSystem):
    """Neurons that share a batch of inputs; what they send is side by side by delay line."""

    neuron: Neuron
    synapses: Projection | None
    """Of the neurons onto each other; None for none."""
    depression: Depression
    record: Record | None
    gates: tuple[tuple[str, ...], ...] = eqx.field(static=True)
    """Those of each of its inputs, whose weights stand side by side."""
    lines: tuple[int, ...] = eqx.field(static=True)
    """Steps of each delay line."""

    def step(self, state: CoreState, arriving: Arriving, number: Clock, dt: float) -> Moved:
        neuron = self.neuron
        weighted: dict[str, Array] = {}
        for gates, given in zip(self.gates, arriving.held, strict=True):
            weighted |= by_gate(given, gates)
        reached = self._advance(state.neurons, weighted, dt)
        spike = neuron.spike(neuron.margin(reached))
        after = neuron.count(reset_by(neuron, spike, reached), spike, dt)
        if neuron.mode == "compatible":
            # The peer's count: more than one spike in a step far above threshold.
            surplus = jnp.maximum(compatible.spikes(neuron, reached) - 1, 0)
            spike = spike + jax.lax.stop_gradient(surplus)
            after = after._replace(fired=spike)
        named = dict(variables.items(reached))
        traces = (
            {} if self.record is None else {name: named[name] for name in self.record.variables}
        )
        if self.synapses is None:
            return Moved(spike, None, traces, state._replace(neurons=after))
        source, left = spike, state.resource
        if left is not None:
            left, seen = self.depression.step(left, spike, dt)
            source = jnp.concatenate([spike, seen], axis=-1)
        longer = source[None]
        if len(state.past):
            longer = jnp.concatenate([state.past, longer])
        sent = self.synapses.delayed(self.lines, longer, 1)[0]
        return Moved(spike, None, traces, CoreState(after, longer[1:], left), sent)

    def _advance(self, state: Any, weighted: dict[str, Array], dt: float) -> Any:
        current = jnp.zeros_like(state.Imem)
        if self.neuron.mode == "physical":
            return physical.advance(self.neuron, state, current, weighted, dt)
        return compatible.advance(self.neuron, state, current, weighted["sum"], dt)

    def fires(self, state: CoreState) -> tuple[int, ...]:
        return state.neurons.Imem.shape

    @property
    def in_parts(self) -> bool:
        return self.synapses is not None

    def voltage(self, state: CoreState, node: int) -> Array:
        raise ArgumentError("a neuron of the chip has currents and no voltage.")
