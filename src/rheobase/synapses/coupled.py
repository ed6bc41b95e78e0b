"""A neuron together with the synapses on it: one system for the stepper, linearised as one."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from jax import Array

from rheobase.adaptors.base import AbstractStatefulAdaptor
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane
from rheobase.synapses.base import AbstractSynapse


def labels(synapses: Sequence[AbstractSynapse]) -> list[str]:
    """The names of synapses, those of one class told apart by a number."""
    kinds = [type(synapse).__name__ for synapse in synapses]
    numbers = [kinds[: place + 1].count(kind) for place, kind in enumerate(kinds)]
    return [kind if k == 1 else f"{kind}{k}" for kind, k in zip(kinds, numbers, strict=True)]


class CoupledState(NamedTuple):
    """The neuron, and the state of each kind of synapse on it."""

    neuron: Any
    synapses: tuple[Any, ...]


class Coupled(AbstractStatefulAdaptor):
    """A neuron with synapses: their currents add to its input, from the same old state.

    A refractory neuron is held; its synapses go on. `Network` makes one of each population.

    >>> import rheobase as rb
    >>> from rheobase.synapses import Coupled
    >>> Coupled(rb.LIF(), (rb.Exponential(),), (None,)).init().synapses[0].g.item()
    0.0
    """

    neuron: AbstractMembrane
    synapses: tuple[AbstractSynapse, ...]
    resistances: tuple[Array | None, ...]
    """MOhm for synapses whose weights are voltages, else None."""

    def __init__(
        self,
        neuron: AbstractMembrane,
        synapses: tuple[AbstractSynapse, ...],
        resistances: tuple[Array | None, ...],
    ):
        self.neuron, self.synapses, self.resistances = neuron, synapses, resistances

    @property
    def own_stepper(self) -> Any:
        return self.neuron.own_stepper

    def init(self) -> CoupledState:
        return CoupledState(self.neuron.init(), tuple(s.init() for s in self.synapses))

    def derivative(self, state: CoupledState, current: Array) -> CoupledState:
        v = variables.get(state.neuron, "v")
        pairs = zip(self.synapses, state.synapses, self.resistances, strict=True)
        for synapse, inner, resistance in pairs:
            given = synapse.current(inner, v)
            current = current + (given if resistance is None else given / resistance)
        return CoupledState(
            self.neuron.derivative(state.neuron, current),
            tuple(s.derivative(x) for s, x in zip(self.synapses, state.synapses, strict=True)),
        )

    def made_of(self, neuron: AbstractMembrane) -> "Coupled":
        """The same synapses on other neurons."""
        found = tuple(None if one is None else neuron.resistance for one in self.resistances)
        return replace(self, neuron=neuron, resistances=found)

    def arrive(self, state: CoupledState, arrived: tuple[Array, ...]) -> CoupledState:
        """The state after spikes of these total weights have arrived at each kind of synapse."""
        triples = zip(self.synapses, state.synapses, arrived, strict=True)
        return state._replace(synapses=tuple(s.arrive(x, w) for s, x, w in triples))

    def named(self, state: CoupledState) -> dict[str, Array]:
        """The variables of a state by name, those of synapses as "Exponential.g"."""
        found = dict(variables.items(state.neuron))
        for label, inner in zip(labels(self.synapses), state.synapses, strict=True):
            found |= {f"{label}.{name}": value for name, value in variables.items(inner)}
        return found


@functools.singledispatch
def coupled(neuron: AbstractMembrane, kinds: Sequence[tuple]) -> Any:
    """The neurons of a population with the kinds of synapses on them; of others, what they say.

    `kinds`: of each the synapse, the resistance that its weights act through, its places on a cell.
    """
    return Coupled(neuron, tuple(s for s, _, _ in kinds), tuple(r for _, r, _ in kinds))
