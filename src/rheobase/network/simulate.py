"""`simulate` for a network: which loop runs it, and in which pieces."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.errors import ArgumentError, KeyRequired
from rheobase.network import adjoint, clamps, fused, readable
from rheobase.network.arguments import connections_of, initial_values, records_of, units_of
from rheobase.network.call import dtype_of
from rheobase.network.circuit import Setting, Wanted, run
from rheobase.network.known import check
from rheobase.network.network import Network
from rheobase.network.recording import NetworkRecording, recording_of_populations
from rheobase.network.rows import bounded
from rheobase.network.snapshots import Snapshots
from rheobase.network.state import begin, begin_at_once, continued, is_located, timed, untimed
from rheobase.network.steps import Steps
from rheobase.origin import require_origin
from rheobase.progress import CHUNKS, Pace, pieces, require_memory
from rheobase.record import Kept, Record, RunState, Span, join, recording_of, require_state
from rheobase.run.run import Way
from rheobase.steppers import stepper_of
from rheobase.synapses import Coupled
from rheobase.systems.cells import CoupledCells
from rheobase.systems.imposed import Clamps
from rheobase.systems.probes import Probes
from rheobase.time import Clock
from rheobase.units import Quantity

_LARGEST = 1 << 23
"""Numbers in an array that has a row for each step of a piece of a run."""
_LONGEST = 1 << 20
"""Steps of a piece."""
_IN_STEPS = ("`substep=True`", "located spikes")
_LADDER = tuple(1 << k for k in range(10, 20, 3))
"""Steps of a piece of a shorter run."""


class Begun(NamedTuple):
    """From what a run begins, as the user says it."""

    init: dict[str, dict[str, Quantity]] | None
    state: RunState | None
    key: Array | None


def simulate(
    network: Network,
    setting: Setting,
    steps: int,
    record: Any,
    clamp: Any,
    begun: Begun,
    way: Way,
    progress: bool = False,
) -> NetworkRecording:
    """`rheobase.simulate` for a network: checks the arguments by population and runs."""
    lengths = setting.lengths
    held = clamps.clamped(network, clamp, lengths)
    asked, joined = records_of(network, record, held), connections_of(network, record)
    records = {name: _base(network, name, one) for name, one in asked.items()}
    wanted = Wanted(records, held)
    require_steps(network, setting)
    given, network = network, bounded(network).ready(lengths)
    origin = network.origin(setting.stepper, setting.rule, lengths)
    if setting.mix is not None:
        origin = replace(origin, parts=(_IN_STEPS, *(origin.parts or ())))
    network = network.at(lengths)
    if setting.mix is not None:
        network = _from_the_crossing(network, lengths)
    if begun.state is not None:
        require_state(begun.state, begun.init)
        require_origin(begun.state.origin, origin)
    start = _started(network, setting, held, begun)._replace(origin=None)
    if any(isinstance(x, Tracer) for x in jax.tree.leaves((network, start))):
        if joined:
            raise ArgumentError(
                "connections are recorded between calls of the time loop, which cannot be done "
                "inside of jit, grad or vmap. Record them in a plain simulate(...)."
            )
        if way.truncate is None and _derivable(network, setting, wanted, start):
            whole = _derived(network, setting, records, start, steps)
            return whole.of(given, origin)
        whole = run(network, setting, wanted, start, steps, way)
        whole = _thinned(whole, records, lengths, 0)
        return _followed(whole, asked, network).of(given, origin)
    # In pieces, so that what they record can move to the host.
    part, length, pace = _part(network, setting, wanted, start, steps)
    if progress:
        length = min(length, -(-steps // CHUNKS))
    require_memory(_bytes(network, records, lengths, start, steps), steps, length, pace)
    first, dt = int(start.step), lengths.dt
    snapshots = Snapshots(network, joined, dt, start)

    def thinned(begin: RunState, steps: int) -> NetworkRecording:
        piece = _thinned(part(begin, steps), records, lengths, int(begin.step) - first)
        snapshots.take(piece.final)
        return piece

    parts, final = pieces(thinned, start, steps, dt, snapshots.between(length), pace, progress)
    whole = {name: join([p.populations[name] for p in parts]) for name in parts[0].populations}
    told = _followed(recording_of_populations(whole, final), asked, network)
    if joined:
        told = replace(told, connections=snapshots.recordings(final))
    return told.of(given, origin)


def require_steps(network: Network, setting: Setting) -> None:
    """Refuse steps that a part of a network cannot take, as far as its arrays are known."""
    lengths = setting.lengths
    network.check(lengths)
    for name, system in network.systems.items():
        if isinstance(system, Coupled):
            check(system, stepper_of(system, setting.stepper), lengths.each(name))
            if setting.mix is not None and system.continuous:
                system.check_substep(lengths.each(name))
        else:
            system.check(lengths.each(name))


def _from_the_crossing(network: Network, lengths: Steps) -> Network:
    """The network whose delays count from the crossing of the threshold.

    A spike stands at the end of its step, and acts in the step after it; a delay comes on top. What
    is sent in parts acts a step after the crossing, so one step of each delay is over by then.
    """
    # What is known stays known inside of jit: how long spikes are kept follows from it.
    with jax.ensure_compile_time_eval():
        shorter = {
            i: jnp.maximum(p.delay - lengths.each(p.pre), 0)
            for i, p in enumerate(network.projections)
            if p.delay is not None and not p.whole and is_located(network.systems[p.pre])
        }
    if not shorter:
        return network
    return eqx.tree_at(
        lambda n: [n.projections[i].delay for i in shorter], network, list(shorter.values())
    )


def _base(network: Network, name: str, record: Any) -> Any:
    """What the time loop keeps, from which all that is asked of a population follows."""
    system = network.systems[name]
    if not isinstance(system, Coupled) or not record.variables:
        return record
    kept = readable.needed(system, record.variables)
    return Record(kept, record.indices, record.every, record.spikes)


def _followed(run: NetworkRecording, wanted: dict[str, Any], network: Network) -> NetworkRecording:
    """The recording with what was asked for, and nothing else."""
    populations = {}
    for name, one in run.populations.items():
        system, record = network.systems[name], wanted[name]
        if isinstance(system, Coupled) and tuple(one.traces) != record.variables:
            traces = readable.followed(system, record.variables, record.indices, one.traces)
            one = replace(one, traces=traces, units=units_of(network, name, record))
        populations[name] = one
    same = all(populations[name] is one for name, one in run.populations.items())
    return run if same else replace(run, populations=populations)


def _started(network: Network, setting: Setting, held: dict[str, Clamps], begun: Begun) -> RunState:
    """The state from which a run goes on, with its key."""
    state, key, lengths = begun.state, begun.key, setting.lengths
    dtype = jnp.result_type(float)
    if state is None:
        values = initial_values(network, begun.init)
        cells = any(isinstance(one, CoupledCells) for one in network.systems.values())
        # How many steps a ring has must be known outside of a trace.
        at_once = cells and all(p.delay is None for p in network.projections)
        started = (begin_at_once if at_once else begin)(network, lengths, values, held, dtype)
        if setting.mix is not None:
            started = timed(network, started, None)
        state = RunState(started, Clock.of(0), None, None, key)
    else:
        was = state.neuron
        found = untimed(was) if setting.mix is not None else was
        found = continued(network, lengths, held, found, dtype)
        if setting.mix is not None:
            found = timed(network, found, was)
        state = state._replace(neuron=found, key=state.key if key is None else key)
    clamps.require_key(held, state.key)
    wanting = [f"the drive of {d.population!r}" for d in network.drives if d.stimulus.random]
    wanting += [f"population {name!r}" for name, s in network.systems.items() if s.random]
    if wanting and state.key is None:
        raise KeyRequired(
            f"{' and '.join(wanting)} draws random numbers. "
            f"Write simulate(..., key=jax.random.key(0))."
        )
    return state


def _part(
    network: Network, setting: Setting, wanted: Wanted, start: RunState, steps: int
) -> tuple[Callable[[RunState, int], NetworkRecording], int, Pace]:
    """What runs a piece, by the compiled loop where it can, the most steps of one, and its pace."""
    lengths, records, stepper = setting.lengths, wanted.records, setting.stepper
    dt, dtype = lengths.dt, dtype_of(start.neuron)
    compiled = setting.on_grid and fused.takes(network, stepper, records, dt, dtype)
    pace = Pace(_seconds(network, lengths, start, 3e-9 if compiled else 2e-8), free=compiled)
    length = _length(network, records, lengths, compiled, min(steps, 8 * pace.steps()))
    if compiled:
        units = {name: units_of(network, name, one) for name, one in records.items()}
        size = fused.size_of(network, length, dt, start.key)

        def part(begin: RunState, steps: int) -> NetworkRecording:
            return fused.run(network, stepper, records, units, begin, dt, steps, size)

    else:

        def part(begin: RunState, steps: int) -> NetworkRecording:
            return run(network, setting, wanted, begin, steps, Way()).on_host()

    return part, length, pace


def _seconds(network: Network, lengths: Steps, start: RunState, each: float) -> float:
    """About what a step takes: every variable moves, and two of a hundred neurons fire."""
    total = 0.0
    for name, state in start.neuron.systems.items():
        total += lengths.number(name) * sum(x.size for x in jax.tree.leaves(state)) * each
    for p in network.projections:
        sent = p.synapses * (1.0 if p.voltages else 0.02)
        total += lengths.number(p.post) * sent * 2e-9
    return total


def _bytes(
    network: Network, records: dict[str, Any], lengths: Steps, start: RunState, steps: int
) -> float:
    """How large what is recorded will be."""
    item, size = np.dtype(dtype_of(start.neuron)).itemsize, 0.0
    for name, record in records.items():
        each = record.bytes_of_step(network.populations[name].n, item)
        size += lengths.number(name) * each
    return steps * size


def _thinned(
    run: NetworkRecording, records: dict[str, Record], lengths: Steps, done: int
) -> NetworkRecording:
    """The recording of a piece, after `done` steps, with every k-th step of its variables only."""
    if all(record.every == 1 for record in records.values()):
        return run
    populations = {}
    for name, one in run.populations.items():
        every = records[name].every
        kept = slice((-done * lengths.number(name) - 1) % every, None, every)
        traces = {variable: values[kept] for variable, values in one.traces.items()}
        populations[name] = replace(one, traces=traces, every=every) if every > 1 else one
    return replace(run, populations=populations)


def _derivable(network: Network, setting: Setting, wanted: Wanted, start: RunState) -> bool:
    """Whether the compiled loop knows the derivative of a run."""
    lengths = setting.lengths
    if wanted.held or setting.cut or not setting.on_grid:
        return False
    return adjoint.takes(network, setting.stepper, wanted.records, start, lengths.dt)


def _derived(
    network: Network, setting: Setting, records: dict[str, Record], begin: RunState, steps: int
) -> NetworkRecording:
    """A run by the compiled loop inside of a program that may be differentiated."""
    dt = setting.lengths.dt
    final, made = adjoint.run(network, setting.stepper, records, begin, dt, steps)
    recordings = {}
    for name, record in records.items():
        raster = made[name] if record.spikes == "raster" else None
        sums = made[name] if record.spikes == "count" else None
        recordings[name] = recording_of(
            Kept({}, raster, sums), Span(begin.step, dt, steps), {}, final
        )
    return recording_of_populations(recordings, final)


def _length(
    network: Network, records: dict[str, Any], lengths: Steps, compiled: bool, most: int
) -> int:
    """Steps of a piece, so that no array that has a row for each of them is too large.

    A short run has smaller arrays, of few sizes, since each size is a program of its own.
    """
    widths = [1]
    for name, record in records.items():
        n, many = network.populations[name].n, lengths.number(name)
        if isinstance(record, Probes):
            n *= record.widest
        probes = n if record.indices is None else len(record.indices)
        rows = record.spikes == "raster" or (record.spikes == "events" and not compiled)
        widths += [many * len(record.variables) * probes, many * n if rows else 1]
    enough = next((size for size in _LADDER if size >= most), _LONGEST)
    return max(1, min(enough, _LARGEST // max(widths)))
