"""`simulate` for a network: which loop runs it, and in which pieces."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.cable.arguments import Clamps, Probes
from rheobase.errors import ArgumentError, KeyRequired
from rheobase.network import adjoint, clamps, fused, mixed, readable
from rheobase.network.arguments import connections_of, initial_values, records_of, units_of
from rheobase.network.call import dtype_of
from rheobase.network.cells import CoupledCells
from rheobase.network.general import run
from rheobase.network.known import check
from rheobase.network.network import Network
from rheobase.network.recording import NetworkRecording
from rheobase.network.rows import bounded
from rheobase.network.snapshots import Snapshots
from rheobase.network.state import begin, begin_at_once, continued
from rheobase.network.steps import Steps
from rheobase.origin import require_origin
from rheobase.progress import CHUNKS, Pace, pieces, require_memory
from rheobase.record import Record, Recording, RunState, join, require_state
from rheobase.steppers import AbstractImplicit, AbstractStepper, stepper_of
from rheobase.synapses import Coupled
from rheobase.time import Clock
from rheobase.units import Quantity

_LARGEST = 1 << 23
"""Numbers in an array that has a row for each step of a piece of a run."""
_LONGEST = 1 << 20
"""Steps of a piece."""
_LADDER = tuple(1 << k for k in range(10, 20, 3))
"""Steps of a piece of a shorter run."""


def simulate(
    network: Network,
    stepper: AbstractStepper,
    rule: AbstractImplicit,
    lengths: Steps,
    steps: int,
    record: Any,
    clamp: Any,
    init: dict[str, dict[str, Quantity]] | None,
    state: RunState | None,
    key: Array | None,
    progress: bool,
) -> NetworkRecording:
    """`rheobase.simulate` for a network: checks the arguments by population and runs."""
    dt = lengths.dt
    held = clamps.clamped(network, clamp, dt)
    wanted, joined = records_of(network, record, held), connections_of(network, record)
    records = {name: _base(network, name, one) for name, one in wanted.items()}
    network.check(lengths)
    given, network = network, bounded(network).ready(lengths)
    for name, system in network.systems.items():
        if isinstance(system, Coupled):
            check(system, stepper_of(system, stepper), lengths.each(name))
        else:
            system.check(lengths.each(name))
    origin, network = network.origin(stepper, rule, lengths), network.at(lengths)
    if state is not None:
        require_state(state, init)
        require_origin(state.origin, origin)
    start = _started(network, lengths, init, held, state, key)._replace(origin=None)
    if lengths.parts:
        if joined or held:
            raise ArgumentError(
                "connections are not recorded, and cells not clamped, in a network whose "
                "populations make steps of different lengths. Give one dt for all."
            )
        whole = mixed.run(network, stepper, rule, records, start, lengths, steps)
        if not any(isinstance(x, Tracer) for x in jax.tree.leaves((network, start))):
            whole = whole.on_host()
        return _followed(_thinned(whole, records, 0), wanted, network).of(given, origin)
    if any(isinstance(x, Tracer) for x in jax.tree.leaves((network, start))):
        if joined:
            raise ArgumentError(
                "connections are recorded between calls of the time loop, which cannot be done "
                "inside of jit, grad or vmap. Record them in a plain simulate(...)."
            )
        if not held and adjoint.takes(network, stepper, records, start, dt):
            return _derivable(network, stepper, records, start, dt, steps).of(given, origin)
        whole = run(network, stepper, rule, records, held, start, dt, steps)
        return _followed(_thinned(whole, records, 0), wanted, network).of(given, origin)
    # In pieces, so that what they record can move to the host.
    part, length, pace = _part(network, stepper, rule, records, held, start, dt, steps)
    if progress:
        length = min(length, -(-steps // CHUNKS))
    require_memory(_bytes(network, records, start, steps), steps, length, pace)
    first = int(start.step)
    snapshots = Snapshots(network, joined, dt, start)

    def thinned(begin: RunState, steps: int) -> NetworkRecording:
        piece = _thinned(part(begin, steps), records, int(begin.step) - first)
        snapshots.take(piece.final)
        return piece

    parts, final = pieces(thinned, start, steps, dt, snapshots.between(length), pace, progress)
    whole = {name: join([p.populations[name] for p in parts]) for name in parts[0].populations}
    told = _followed(NetworkRecording(whole, final), wanted, network)
    return replace(told, connections=snapshots.recordings(final)).of(given, origin)


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
    return replace(run, populations=populations)


def _started(
    network: Network,
    lengths: Steps,
    init: Any,
    held: dict[str, Clamps],
    state: RunState | None,
    key: Array | None,
) -> RunState:
    """The state from which a run goes on, with its key."""
    if state is None:
        values = initial_values(network, init)
        cells = any(isinstance(one, CoupledCells) for one in network.systems.values())
        # How many steps a ring has must be known outside of a trace.
        at_once = cells and all(p.delay is None for p in network.projections)
        started = (begin_at_once if at_once else begin)(
            network, lengths, values, held, jnp.result_type(float)
        )
        state = RunState(started, Clock.of(0), None, None, key)
    else:
        state = state._replace(
            neuron=continued(network, lengths, held, state.neuron, jnp.result_type(float)),
            key=state.key if key is None else key,
        )
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
    network: Network,
    stepper: AbstractStepper,
    rule: AbstractImplicit,
    records: dict[str, Any],
    held: dict[str, Clamps],
    start: RunState,
    dt: float,
    steps: int,
) -> tuple[Callable[[RunState, int], NetworkRecording], int, Pace]:
    """What runs a piece, by the compiled loop where it can, the most steps of one, and its pace."""
    compiled = fused.takes(network, stepper, records, dt, dtype_of(start.neuron))
    pace = Pace(_seconds(network, start, 3e-9 if compiled else 2e-8), free=compiled)
    length = _length(network, records, compiled, steps, 8 * pace.steps())
    if compiled:
        units = {name: units_of(network, name, one) for name, one in records.items()}
        size = fused.size_of(network, length, dt, start.key)

        def part(begin: RunState, steps: int) -> NetworkRecording:
            return fused.run(network, stepper, records, units, begin, dt, steps, size)

    else:

        def part(begin: RunState, steps: int) -> NetworkRecording:
            return run(network, stepper, rule, records, held, begin, dt, steps).on_host()

    return part, length, pace


def _seconds(network: Network, start: RunState, each: float) -> float:
    """About what a step takes: every variable moves, and two of a hundred neurons fire."""
    size = sum(x.size for x in jax.tree.leaves(start.neuron.systems))
    sent = sum(p.synapses * (1.0 if p.voltages else 0.02) for p in network.projections)
    return size * each + sent * 2e-9


def _bytes(network: Network, records: dict[str, Any], start: RunState, steps: int) -> float:
    """How large what is recorded will be."""
    item, size = np.dtype(dtype_of(start.neuron)).itemsize, 0.0
    for name, record in records.items():
        n = network.populations[name].n
        if isinstance(record, Probes):
            size += record.bytes_of_step(n, item)
            continue
        probes = n if record.indices is None else len(record.indices)
        raster = n * (record.spikes == "raster")
        size += item * (len(record.variables) * probes / record.every + raster)
    return steps * size


def _thinned(run: NetworkRecording, records: dict[str, Record], done: int) -> NetworkRecording:
    """The recording of a piece, after `done` steps, with every k-th step of its variables only."""
    populations = {}
    for name, one in run.populations.items():
        every = records[name].every
        kept = slice((-done - 1) % every, None, every)
        traces = {variable: values[kept] for variable, values in one.traces.items()}
        populations[name] = replace(one, traces=traces, every=every) if every > 1 else one
    return replace(run, populations=populations)


def _derivable(network, stepper, records, begin, dt, steps) -> NetworkRecording:
    """A run by the compiled loop inside of a program that may be differentiated."""
    final, made = adjoint.run(network, stepper, records, begin, dt, steps)
    recordings = {
        name: Recording(
            traces={},
            raster=made[name] if record.spikes == "raster" else None,
            sums=made[name] if record.spikes == "count" else None,
            fractions=None,
            final=final,
            start=begin.step,
            dt=dt,
            every=1,
            steps=steps,
            units={},
        )
        for name, record in records.items()
    }
    return NetworkRecording(recordings, final)


def _length(
    network: Network, records: dict[str, Any], compiled: bool, steps: int, most: int
) -> int:
    """Steps of a piece, so that no array that has a row for each of them is too large.

    A short run has smaller arrays, of few sizes, since each size is a program of its own.
    """
    widths = [1]
    for name, record in records.items():
        n = network.populations[name].n
        if isinstance(record, Probes):
            n *= record.widest
        probes = n if record.indices is None else len(record.indices)
        rows = record.spikes == "raster" or (record.spikes == "events" and not compiled)
        widths += [len(record.variables) * probes, n if rows else 1]
    enough = next((size for size in _LADDER if size >= min(steps, most)), _LONGEST)
    return max(1, min(enough, _LARGEST // max(widths)))
