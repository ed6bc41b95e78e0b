"""What a user says of the parts of a network, checked before anything is made."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rheobase import memory
from rheobase.arguments import (
    arrivals_of,
    require_parameters,
    require_positive,
    require_support,
    require_width,
)
from rheobase.cable.members import Receiver
from rheobase.connectivity import Sides
from rheobase.connectivity.storage import LARGEST
from rheobase.errors import ArgumentError, ShapeError
from rheobase.network.connection import bytes_of, kind, measured_in
from rheobase.stimulus.base import distributions
from rheobase.synapses import AbstractSynapse
from rheobase.systems.source import AbstractSource
from rheobase.units import Unit, UnitError, ms, mV, nA, uS

if TYPE_CHECKING:
    from rheobase.network.network import Drive, Population


def require_spikes(populations: dict[str, "Population"], connections: Any, drives: Any) -> None:
    """Refuse connections from what never fires, plastic ones to it, and any input of a source."""
    _require_no_input(populations, connections, drives)
    for c in connections:
        if not c.voltages and not _fires(populations, c.pre):
            raise ArgumentError(
                f"population {c.pre!r} never fires and cannot be presynaptic: take a neuron with a "
                "threshold, or a cell.insert(ch.SpikeDetector(), at='soma')."
            )
        for post in c.post if c.rules else ():
            if not _fires(populations, post):
                raise ArgumentError(
                    f"population {post!r} never fires, so that the plasticity of the "
                    f"connection from {c.pre!r} has no postsynaptic spikes."
                )
            if len(populations[post].neuron.sites(c.at)) > 1:
                raise ArgumentError(
                    f"the plastic connection from {c.pre!r} ends on several compartments of "
                    f"{post!r}: give one location, at=cell.at('soma')."
                )


def _require_no_input(populations: dict[str, "Population"], connections: Any, drives: Any) -> None:
    sources = {name for name, p in populations.items() if isinstance(p.neuron, AbstractSource)}
    reached = [post for c in connections for post in c.post] + [d.population for d in drives]
    for name in reached:
        if name in sources:
            raise ArgumentError(
                f"population {name!r} is a SpikeSource, which fires at given times and receives "
                "nothing: connect it to neurons, rb.Population(rb.LIF(), n)."
            )
    for c in connections:
        if c.voltages and "v" not in populations[c.pre].neuron.units:
            raise ArgumentError(
                f"population {c.pre!r} is made of {populations[c.pre].neuron.title} and has no "
                f"voltage that {type(c.synapse).__name__} could transmit. Take a synapse that "
                "spikes drive, such as rb.Exponential(tau=5*ms)."
            )


def _fires(populations: dict[str, "Population"], name: str) -> bool:
    outputs = populations[name].neuron.outputs
    if outputs > 1:
        raise ArgumentError(
            f"population {name!r} sends the spikes of one compartment of each cell, but {outputs} "
            "of them fire. Write cell.insert(ch.SpikeDetector(), at='soma'), or ch.Fire()."
        )
    return outputs == 1


def require_conductance(drive: "Drive") -> None:
    """Refuse a drive that would make a conductance, or the current of a gate, negative."""
    why = drive.synapse.never_negative if isinstance(drive.synapse, AbstractSynapse) else None
    if why is None:
        return
    for one in distributions(drive.stimulus):
        require_support(one, drive.name, why)
    if distributions(drive.stimulus):
        return
    extent = drive.stimulus.extent()
    if extent is not None:
        require_positive(extent[0], f"the lowest value of {drive.name}", drive.stimulus.unit, why)


def _adds_to(drive: "Drive", neuron: Receiver) -> tuple[Unit, ...]:
    """The units in which what a drive adds arrives at once; none of a current."""
    if isinstance(drive.synapse, AbstractSynapse):
        return nA, mV, uS
    jump = neuron.units.get(neuron.target)
    return () if jump is None or drive.is_current(neuron.receives) else (jump,)


def arriving(drive: "Drive", neuron: Receiver) -> "Drive":
    """A drive as the loops take it: what adds to a synapse or a variable arrives once."""
    unit = drive.stimulus.unit
    for own in _adds_to(drive, neuron):
        if unit.same_dimension(own) or unit.same_dimension(own * ms**-1):
            return replace(drive, stimulus=arrivals_of(drive.stimulus, own, drive.name))
    return drive


def check_drive(drive: "Drive", neuron: Receiver, n: int) -> None:
    """Refuse a drive that does not fit the population: its width, and its unit without a synapse.

    That of a drive through a synapse is checked where the synapse gets its place.
    """
    require_conductance(drive)
    require_width(drive.name, drive.stimulus.shape, (n,), f"population {drive.population!r}")
    if drive.synapse is not None:
        return
    unit, receives, jump = drive.stimulus.unit, neuron.receives, neuron.units.get(neuron.target)
    if unit.same_dimension(receives) or (jump is not None and unit.same_dimension(jump)):
        return
    if jump is None:
        raise UnitError(
            f"{drive.name} is {measured_in(unit)}, but a cell receives a current, measured in "
            f"{receives}. Write ...*{receives}, or give a synapse with a time course for spikes "
            "that arrive."
        )
    raise UnitError(
        f"{drive.name} is {measured_in(unit)}, but {type(neuron).__name__} receives a current, "
        f"measured in {receives}, or a delta input to {neuron.target!r}, measured in {jump}. Write "
        f"...*{receives}."
    )


def driven(drive: "Drive", population: "Population", kinds: dict[str, list]) -> int | None:
    """Through which synapse of the population a drive acts; None for none."""
    drive = arriving(drive, population.receiving)
    check_drive(drive, population.receiving, population.n)
    sites = population.receiving.sites(drive.at)
    if drive.synapse is None:
        return None
    unit, known = drive.stimulus.unit, kinds[drive.population]
    if isinstance(drive.synapse, AbstractSynapse):
        whose = f"population {drive.population!r}"
        shape = population.receiving.synapse_shape(population.n, sites)
        require_parameters(drive.synapse, shape, whose)
    return kind(drive.synapse, unit, drive.name, population.receiving, sites, known)


def require_memory(populations: dict[str, "Population"], plans: list) -> None:
    """Refuse more synapses than there is memory for."""
    needed = 0.0
    for connection, post, *_ in plans:
        sides = sides_of(connection.pre, post, populations)
        expected = connection.connectivity.expected(sides)
        if expected > LARGEST:
            raise ShapeError(
                f"the connection from {connection.pre!r} to {post!r} would have {expected:,.0f} "
                f"synapses, more than the {LARGEST:,} that one can hold. Lower their number, or "
                f"split a population in two."
            )
        needed += bytes_of(connection, sides)
    memory.require(
        needed, "the synapses need", "Lower the probability or the size of the populations."
    )


def sides_of(pre: str, post: str, populations: dict[str, "Population"]) -> Sides:
    """The two populations of a connection."""
    one, two = populations[pre], populations[post]
    return Sides(one.n, two.n, pre == post, one.positions, two.positions)
