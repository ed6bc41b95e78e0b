"""A network as a circuit: its populations, connections, drives and clamps in a run."""

from typing import Any, NamedTuple

import jax
from jax import Array

from rheobase.compilation import Compiled
from rheobase.cycles import reached
from rheobase.network import clamps
from rheobase.network.arguments import units_of
from rheobase.network.call import dtype_of
from rheobase.network.inputs import own_key
from rheobase.network.network import Network
from rheobase.network.recording import NetworkRecording, recording_of_populations
from rheobase.network.state import NetworkState
from rheobase.network.steps import Steps
from rheobase.record import RunState, Span, recording_of
from rheobase.run.run import Way
from rheobase.run.run import run as run_circuit
from rheobase.steppers import AbstractImplicit, AbstractStepper, stepper_of
from rheobase.systems.base import AbstractSystem
from rheobase.systems.cells import Cells, CoupledCells
from rheobase.systems.circuit import HELD, KICK, Circuit, Fed, Moving
from rheobase.systems.imposed import Clamps
from rheobase.systems.point import Point
from rheobase.systems.source import AbstractStepSource, Source


class Setting(NamedTuple):
    """The steppers, steps and derivatives of a run."""

    stepper: AbstractStepper
    """For neurons that have none of their own."""
    rule: AbstractImplicit
    """For cells."""
    lengths: Steps
    mix: float | None = None
    """None where spikes stand at the end of their step; else those of point neurons are located in
    it, and connections carry so much of their surrogate derivative."""
    cut: bool = False
    """True where derivatives end at spikes sent within a cycle of populations."""

    @property
    def on_grid(self) -> bool:
        """Tell whether all steps have one length and spikes stand at their ends."""
        return not self.lengths.parts and self.mix is None


class Wanted(NamedTuple):
    """Records and clamps by population."""

    records: dict[str, Any]
    held: dict[str, Clamps]


@Compiled
def run(
    network: Network, setting: Setting, wanted: Wanted, start: RunState, steps: int, way: Way
) -> NetworkRecording:
    """The compiled program: the circuit of a network over so many steps of the longest."""
    lengths = setting.lengths
    circuit = circuit_of(network, setting, wanted, start.key)
    moving = Moving(*start.neuron)
    ran = run_circuit(circuit, moving, start.step, steps, way, dtype_of(start.neuron))
    state = NetworkState(*ran.moving[:3])
    final = RunState(state, start.step.after(steps), None, None, start.key)
    recordings = {}
    for name, record in wanted.records.items():
        many = lengths.number(name)
        first = start.step if many == 1 else start.step.times(many)
        span = Span(first, lengths.each(name), steps * many)
        recordings[name] = recording_of(
            ran.kept[name], span, units_of(network, name, record), final
        )
    return recording_of_populations(recordings, final)


def circuit_of(network: Network, setting: Setting, wanted: Wanted, key: Array | None) -> Circuit:
    """Build the circuit of a network, with a random key for each part."""
    systems = {
        name: _system(network, setting, wanted, name, _own(key, place))
        for place, name in enumerate(network.systems)
    }
    inputs = [
        Fed(
            drive.stimulus,
            None if key is None else own_key(key, i),
            drive.population,
            _way(network, i),
            (network.populations[drive.population].n,),
        )
        for i, drive in enumerate(network.drives)
    ]
    for i, (name, one) in enumerate(clamps.stimuli(wanted.held)):
        own = None if key is None else jax.random.fold_in(key, 2000 + i)
        inputs.append(Fed(one, own, name, HELD, (network.populations[name].n,)))
    rates = setting.lengths.rates(network.populations)
    cut = in_cycles(network) if setting.cut else ()
    return Circuit(systems, network.projections, tuple(inputs), rates, shared=True, cut=cut)


def in_cycles(network: Network) -> tuple[bool, ...]:
    """Tell for each connection whether its population can be reached from its target."""
    pairs = [(p.pre, p.post) for p in network.projections]
    leads = reached(network.populations, pairs)
    return tuple(pre in leads[post] for pre, post in pairs)


def _own(key: Array | None, place: int) -> Array | None:
    return None if key is None else jax.random.fold_in(key, place)


def _way(network: Network, drive: int) -> str | int:
    """Tell how a drive acts: through a synapse, as a current, or at the end of the step."""
    kind, one = network.driven[drive], network.drives[drive]
    if kind is not None:
        return kind
    return HELD if one.is_current(network.systems[one.population].receives) else KICK


def _system(
    network: Network, setting: Setting, wanted: Wanted, name: str, key: Array | None
) -> AbstractSystem:
    """A population in a run."""
    system, record = network.systems[name], wanted.records.get(name)
    if isinstance(system, AbstractStepSource):
        return Source(source=system, record=record)
    if isinstance(system, CoupledCells):
        receiving = network.populations[name].receiving
        drives = zip(network.drives, network.driven, strict=True)
        into = tuple(
            receiving.sites(drive.at)[0]
            for drive, kind in drives
            if drive.population == name and kind is None
        )
        clamped = wanted.held.get(name, Clamps(()))
        return Cells(cells=system, rule=setting.rule, record=record, into=into, clamps=clamped)
    stepper, own = stepper_of(system, setting.stepper), key if system.random else None
    mix = setting.mix if system.continuous else None
    return Point(
        neuron=system, stepper=stepper, record=record, key=own, substep=mix is not None, mix=mix
    )
