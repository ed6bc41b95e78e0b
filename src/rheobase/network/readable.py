"""What can be recorded of point neurons with synapses, and of connections, by name.

A population offers the variables of its neurons by their own names, those of its synapses as
`"Exponential.g"`, and of each synapse what follows from them: `g`, the conductance, current or
voltage in the unit of its weights, and `i`, its current into the membrane (nA). Synapses of one
class and other constants are told apart by a number, `"Conductance"` and `"Conductance2"`, in the
order in which connections and drives ask for them. On cells they are recorded by location, as
channels are.
"""

from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from rheobase.network.known import rest
from rheobase.neurons import variables
from rheobase.synapses import AbstractSynapse, Coupled
from rheobase.synapses.coupled import labels
from rheobase.systems.projection import Projection, ProjectionState
from rheobase.units import Unit, dimensionless, state_units


class _Read(NamedTuple):
    """A synapse of a population with the name under which it is recorded."""

    label: str
    synapse: AbstractSynapse
    place: int
    resistance: Array | None


def _synapses(system: Coupled) -> list[_Read]:
    names = labels(system.synapses)
    return [
        _Read(label, synapse, place, system.resistances[place])
        for place, (label, synapse) in enumerate(zip(names, system.synapses, strict=True))
    ]


def readable(system: Coupled) -> dict[str, Unit]:
    """The unit of everything that can be recorded of a population of points."""
    state = rest(system)
    units = variables.units(state.neuron)
    for one in _synapses(system):
        unit = one.synapse.weight_unit(one.resistance)
        offered = one.synapse.readable(state.synapses[one.place], unit)
        units |= {f"{one.label}.{name}": unit for name, unit in offered.items()}
    return units


def needed(system: Coupled, names: tuple[str, ...]) -> tuple[str, ...]:
    """The variables from which what is recorded under these names follows."""
    stand = system.named(rest(system))
    asked = dict.fromkeys(name for name in names if name in stand)
    for one in _following(system, names):
        asked |= dict.fromkeys(name for name in stand if name.startswith(f"{one.label}."))
        asked["v"] = None
    return tuple(asked)


def _following(system: Coupled, names: tuple[str, ...]) -> list[_Read]:
    """The synapses of which something is recorded that is no variable."""
    stand = system.named(rest(system))
    asked = {name.partition(".")[0] for name in names if name not in stand}
    return [one for one in _synapses(system) if one.label in asked]


def followed(
    system: Coupled, names: tuple[str, ...], indices: tuple[int, ...] | None, traces: dict[str, Any]
) -> dict[str, Any]:
    """What is recorded under these names, from the variables (time, n) that it follows from."""
    found = dict(traces)
    for one in _following(system, names):
        inner = rest(system).synapses[one.place]
        state = type(inner)(*(traces[f"{one.label}.{name}"] for name in inner._fields))
        synapse, resistance = _of_neurons((one.synapse, one.resistance), indices)

        def at(state: Any, v: Array, synapse=synapse, resistance=resistance) -> tuple[Array, Array]:
            current = synapse.current(state, v)
            return synapse.output(state), current if resistance is None else current / resistance

        g, i = jax.vmap(at)(state, traces["v"])
        found |= {f"{one.label}.g": g, f"{one.label}.i": i}
    return {name: found[name] for name in names}


def _of_neurons(tree: Any, indices: tuple[int, ...] | None) -> Any:
    """Parameters of the recorded neurons."""
    if indices is None:
        return tree
    chosen = np.asarray(indices)
    return jax.tree.map(lambda x: x[chosen] if np.ndim(x) else x, tree)


def of_connection(p: Projection) -> dict[str, Unit]:
    """What can be recorded of a connection: its weights, and the state of its terminals."""
    found = {"weight": p.unit.internal()}
    if p.release is not None:
        state = p.release.init()
        own = state_units(type(state))
        found |= {name: own.get(name, dimensionless) for name in state._fields}
    return found


def read_connection(p: Projection, state: ProjectionState, name: str) -> Any:
    """One of these, (synapses,) for the weight and (n_pre,) for the state of the terminals."""
    if name == "weight":
        changed = p.weight if state.weight is None else state.weight
        return np.broadcast_to(np.asarray(changed), (p.synapses,))
    return np.asarray(getattr(state.release, name))
