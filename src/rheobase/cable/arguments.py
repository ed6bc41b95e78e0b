"""What a user says of places on a cell, checked and turned into numbers of nodes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.arguments import stimulus_in
from rheobase.cable.clamp import VoltageClamp
from rheobase.errors import ArgumentError, ParameterError, UnknownName, brief
from rheobase.morphology import Location
from rheobase.neurons import variables
from rheobase.record import Record
from rheobase.stimulus import AbstractStimulus
from rheobase.systems.cable import Cable, Inserted
from rheobase.systems.cells import CoupledCells, OnCell
from rheobase.systems.imposed import Clamped, Clamps
from rheobase.systems.probes import Probe, Probes
from rheobase.units import Unit, mV, nA

if TYPE_CHECKING:
    from rheobase.cable.cell import Cell

_EXAMPLES = {
    "current": "simulate(..., current={place: {}})",
    "clamp": 'simulate(..., clamp={"v": {place: {}}})',
}

PASSIVE = {"v": mV, "i_membrane": nA}
"""What every compartment has: its voltage, and the current out through its membrane."""


CURRENT = "i"
"""The current of a mechanism out of a compartment, beside its variables: "HH.i"."""


def nodes_at(cell: "Cell", given: Any, what: str) -> list[int]:
    """Nodes of one location, of several, of a region, or of all compartments."""
    if isinstance(given, str):
        where = cell.compartments.where(given)
        if where.sum() > 1 and what in _EXAMPLES:
            return [cell.node(given)]
        return [int(i) for i in where.nonzero()[0]]
    if isinstance(given, Location):
        return [cell.node(given)]
    if isinstance(given, Iterable):
        return [node for one in given for node in nodes_at(cell, one, what)]
    raise ArgumentError(f"`{what}` goes by location, got {brief(given)}. Write cell.at('soma').")


def currents(cell: "Cell", given: Any, dt: float) -> dict[int, AbstractStimulus]:
    """Stimuli in nA by node."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ArgumentError(
            f"`current` of a cell goes by location, got {brief(given)}. "
            "Write current={cell.at('soma'): 1*nA}."
        )
    found: dict[int, AbstractStimulus] = {}
    for place, value in given.items():
        (node,) = nodes_at(cell, place, "current")
        one = _stimulus(value, nA, "current", dt)
        found[node] = found[node] + one if node in found else one
    return found


def _stimulus(value: Any, unit: Unit, name: str, dt: float) -> AbstractStimulus:
    one = stimulus_in(value, unit, name, _EXAMPLES[name])
    one.check(dt)
    return one.ready(dt)


def clamps(cell: "Cell", given: Any, dt: float) -> Clamps:
    """What is clamped, by variable and location."""
    if given is None:
        return Clamps(())
    if not isinstance(given, dict) or not all(isinstance(x, dict) for x in given.values()):
        raise ArgumentError(
            f"`clamp` goes by variable and location, got {brief(given)}. "
            'Write clamp={"v": {cell.at("soma"): rb.VoltageClamp(-20*mV)}}.'
        )
    found = []
    for name, places in given.items():
        for place, value in places.items():
            (node,) = nodes_at(cell, place, "clamp")
            if name == "v":
                soft = isinstance(value, VoltageClamp)
                one = _stimulus(value.command if soft else value, mV, "clamp", dt)
                found.append(Clamped(node, one, value.series_resistance if soft else None))
                continue
            mechanism, variable, unit = _variable(cell, name, node, "clamp")
            one = _stimulus(value, unit, "clamp", dt)
            found.append(Clamped(node, one, None, mechanism, variable))
    return Clamps(tuple(found))


def _names(cell: "Cell", argument: str) -> dict[str, Unit]:
    """Every variable of the channels of a cell, and its unit; to be recorded, currents too."""
    found = {}
    for one in cell.mechanisms:
        state = jax.eval_shape(_begun, cell.cable, one)
        found |= {f"{one.name}.{name}": unit for name, unit in variables.units(state).items()}
        if argument == "record":
            found.setdefault(f"{one.name}.{CURRENT}", nA)
    return found


def _begun(cable: Cable, one: Inserted) -> Any:
    """The state of a mechanism at the start."""
    nodes = np.asarray(one.nodes)

    def here(x: Array) -> Array:
        return jnp.broadcast_to(x[nodes] if jnp.ndim(x) else x, nodes.shape)

    return one.channel.init(here(cable.v_init), jax.tree.map(here, cable.solutions.ions()))


def _variable(cell: "Cell", name: str, node: int, argument: str) -> tuple[int, str, Unit]:
    """The mechanism, its variable and the unit of it, of a name such as "HH.m" at a node."""
    known = _names(cell, argument)
    if name not in known:
        raise UnknownName(
            f"variable of this cell (in `{argument}`)", name, [*PASSIVE, "clamp", *known]
        )
    channel, _, variable = name.partition(".")
    for k, one in enumerate(cell.mechanisms):
        if one.name == channel and node in one.nodes:
            return k, variable, known[name]
    region = cell.compartments.region[node]
    raise ParameterError(
        f"there is no {channel} at this place of {region}, so that {name!r} cannot be had there. "
        f"Write cell.insert(ch.{channel}(), at={region!r}), or choose another location."
    )


def probes(cell: "Cell", record: Any, held: Clamps, synapses: CoupledCells | None = None) -> Probes:
    """What to record, from `{"v": [locations]}`, names of variables, or a `Record`."""
    on_cell = {} if synapses is None else synapses.readable()
    every, spikes = 1, "raster"
    if isinstance(record, Record):
        if record.indices is not None:
            raise ArgumentError(
                'a cell is recorded by location: write record={"v": [cell.at("soma")]}.'
            )
        every, spikes, places = record.every, record.spikes, record.places
        names = record.variables
        record = names if places is None else dict(zip(names, places, strict=True))
    if not isinstance(record, dict):
        names = (record,) if isinstance(record, str) else tuple(record)
        record = {name: "all" for name in names if name != "spikes"}
    groups, units = [], []
    for name, places in record.items():
        if name == "clamp":
            groups.append((name, _clamp_probes(nodes_at(cell, places, "record"), held)))
            units.append((name, nA))
            continue
        everywhere = isinstance(places, str)
        nodes = nodes_at(cell, places, "record")
        if name in PASSIVE:
            groups.append((name, (Probe(tuple(nodes), None, name),)))
            units.append((name, PASSIVE[name]))
            continue
        if name in on_cell:
            groups.append((name, (_synaptic_probe(cell, name, nodes, everywhere, on_cell[name]),)))
            units.append((name, on_cell[name].unit))
            continue
        if name not in _names(cell, "record"):
            raise UnknownName("variable of this cell (in `record`)", name,
                              [*PASSIVE, "clamp", *_names(cell, "record"), *on_cell])  # fmt: skip
        if everywhere:
            own = {i for m in cell.mechanisms if m.name == name.split(".")[0] for i in m.nodes}
            nodes = [node for node in nodes if node in own]
        group: list[Probe] = []
        for node in nodes:
            mechanism, variable, _ = _variable(cell, name, node, "record")
            if group and group[-1].mechanism == mechanism:
                group[-1] = group[-1]._replace(nodes=(*group[-1].nodes, node))
            else:
                group.append(Probe((node,), mechanism, variable))
        groups.append((name, tuple(group)))
        units.append((name, _names(cell, "record")[name]))
    return Probes(tuple(groups), tuple(units), every, spikes)


def _synaptic_probe(
    cell: "Cell", name: str, nodes: list[int], everywhere: bool, found: OnCell
) -> Probe:
    """The synapses at these nodes; of a region, or of all, those that there are."""
    for node in () if everywhere else nodes:
        if node not in found.sites:
            where = sorted({cell.compartments.region[k] for k in found.sites})
            raise ParameterError(
                f"there is no {name.partition('.')[0]} at this place of "
                f"{cell.compartments.region[node]}: those of this population are on "
                f"{', '.join(where)}. Write record={{{name!r}: 'all'}}."
            )
    places = tuple(k for node in dict.fromkeys(nodes) for k in _all_of(node, found.sites))
    return Probe(places, None, found.variable, kind=found.kind)


def _all_of(node: int, sites: tuple[int, ...]) -> list[int]:
    return [k for k, site in enumerate(sites) if site == node]


def _clamp_probes(nodes: list[int], held: Clamps) -> tuple[Probe, ...]:
    found = []
    for node in nodes:
        here = [k for k, c in enumerate(held.all) if c.node == node and c.mechanism is None]
        if not here:
            raise ParameterError(
                "there is no voltage clamp at this place whose current could be recorded. "
                'Write clamp={"v": {place: rb.VoltageClamp(-20*mV)}}.'
            )
        found.append(Probe((node,), clamp=here[0]))
    return tuple(found)
