"""The time loop of a network: arrivals, one step of every population, delivery of its spikes."""

from dataclasses import replace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.cable import Cell
from rheobase.cable.arguments import Clamps, Probes, probes
from rheobase.compilation import Compiled
from rheobase.errors import ArgumentError, KeyRequired, ShapeError, UnknownName
from rheobase.kernels.once import once
from rheobase.loop import scan
from rheobase.network import adjoint, clamps, fused
from rheobase.network.cells import CellsState, CoupledCells, sites_of
from rheobase.network.inputs import drives, summed
from rheobase.network.network import Network
from rheobase.network.projection import Projection, ProjectionState
from rheobase.network.recording import NetworkRecording
from rheobase.neurons import variables
from rheobase.progress import CHUNKS, pieces
from rheobase.record import Record, Recording, RunState, join, require_everywhere
from rheobase.step import step
from rheobase.steppers import AbstractImplicit, AbstractStepper
from rheobase.synapses import Coupled
from rheobase.units import Quantity, Unit, mV, to_internal

_LARGEST = 1 << 23
"""Numbers in an array that has a row for each step of a piece of a run."""
_LONGEST = 1 << 20
"""Steps of a piece."""
_STEEPEST = 1e12
"""Where the cotangent of a spike saturates."""


class NetworkState(NamedTuple):
    """Everything that a network carries from step to step."""

    systems: dict[str, Any]
    """Neurons and synapses of each population."""
    projections: tuple[ProjectionState, ...]
    memories: tuple[Any, ...]
    """Memory of each drive."""


def simulate(
    network: Network,
    stepper: AbstractStepper,
    rule: AbstractImplicit,
    dt: float,
    steps: int,
    record: Any,
    clamp: Any,
    init: dict[str, dict[str, Quantity]] | None,
    state: RunState | None,
    key: Array | None,
    progress: bool,
) -> NetworkRecording:
    """`rheobase.simulate` for a network: checks the arguments by population and runs."""
    held = clamps.clamped(network, clamp, dt, None if state is not None else steps * dt)
    records = _records(network, record, held)
    network.check(dt)
    for system in network.systems.values():
        if isinstance(system, Coupled):
            stepper.check(system, dt)
    if state is None:
        dtype = jnp.result_type(float)
        cells = any(isinstance(one, CoupledCells) for one in network.systems.values())
        starting = _begin_at_once if cells else begin
        started = starting(network, dt, _initial(network, init), held, dtype)
        state = RunState(started, jnp.zeros((), jnp.int32), None, None, key)
    elif init is not None:
        raise ShapeError("`state` already holds the initial values: leave out `init`.")
    else:
        state = state if key is None else state._replace(key=key)
        memories = clamps.continued(network, held, state.neuron.memories)
        state = state._replace(neuron=state.neuron._replace(memories=memories))
    clamps.require_key(held, state.key)
    wanting = [f"the drive of {d.population!r}" for d in network.drives if d.stimulus.random]
    wanting += [f"population {name!r}" for name, s in network.systems.items() if s.random]
    if wanting and state.key is None:
        raise KeyRequired(
            f"{' and '.join(wanting)} draws random numbers. "
            f"Write simulate(..., key=jax.random.key(0))."
        )

    dtype = jax.tree.leaves(eqx.filter(state.neuron.systems, eqx.is_inexact_array))[0].dtype
    if any(isinstance(x, Tracer) for x in jax.tree.leaves((network, state))):
        if not held and adjoint.takes(network, stepper, records, state):
            return _derivable(network, stepper, records, state, dt, steps)
        whole = run(network, stepper, rule, records, held, state, dt, steps)
        return replace(_thinned(whole, records, 0), network=network)
    units = {name: _units(network, name, one) for name, one in records.items()}
    # In pieces, so that what they record can move to the host.
    compiled = fused.takes(network, stepper, dtype)
    length = most = _length(network, records, compiled)
    if progress:
        length = min(length, -(-steps // CHUNKS))
    if compiled:
        size = fused.size_of(network, most, dt, state.key)

        def part(begin: RunState, steps: int) -> NetworkRecording:
            return fused.run(network, stepper, records, units, begin, dt, steps, size)

    else:

        def part(begin: RunState, steps: int) -> NetworkRecording:
            return run(network, stepper, rule, records, held, begin, dt, steps).on_host()

    first = int(state.step)

    def thinned(begin: RunState, steps: int) -> NetworkRecording:
        return _thinned(part(begin, steps), records, int(begin.step) - first)

    parts, final = pieces(thinned, state, steps, dt, length, progress)
    joined = {name: join([p.populations[name] for p in parts]) for name in parts[0].populations}
    return NetworkRecording(joined, final, network)


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
    return NetworkRecording(recordings, final, network)


def _length(network: Network, records: dict[str, Any], compiled: bool) -> int:
    """Steps of a piece, so that no array that has a row for each of them is too large."""
    widths = [1]
    for name, record in records.items():
        n = network.populations[name].n
        if isinstance(record, Probes):
            n *= record.widest
        probes = n if record.indices is None else len(record.indices)
        rows = record.spikes == "raster" or (record.spikes == "events" and not compiled)
        widths += [len(record.variables) * probes, n if rows else 1]
    return max(1, min(_LONGEST, _LARGEST // max(widths)))


def _records(network: Network, record: Any, held: dict[str, Clamps]) -> dict[str, Any]:
    """What to record of each population; nothing said: the spikes of all, as events."""
    if not record:
        return {name: Record(spikes="events") for name in network.populations}
    if not isinstance(record, dict):
        raise ArgumentError(
            f"`record` of a network goes by population, got {record!r}. "
            f'Write record={{"{next(iter(network.populations))}": ("spikes",)}}.'
        )
    records = {}
    for name, wanted in record.items():
        _require_population(network, name)
        cell = network.populations[name].neuron
        if isinstance(cell, Cell):
            one = wanted if isinstance(wanted, Record) else Record(wanted, spikes="events")
            records[name] = probes(cell, one, held.get(name, Clamps(())))
            continue
        one = wanted if isinstance(wanted, Record) else Record(wanted, spikes="events")
        require_everywhere(one)
        known = list(variables.units(cell.init()))
        for variable in one.variables:
            if variable not in known:
                raise UnknownName(f"variable of {name!r} (in `record`)", variable, known)
        records[name] = one
    return records


def _initial(network: Network, init: Any) -> dict[str, dict[str, Array]]:
    """Initial values in internal units."""
    values: dict[str, dict[str, Array]] = {}
    for name, given in (init or {}).items():
        _require_population(network, name)
        neuron = network.populations[name].neuron
        if isinstance(neuron, Cell):
            values[name] = {"v": _voltages(name, network.populations[name].n, given)}
            continue
        units = variables.units(neuron.init())
        for variable, value in given.items():
            if variable not in units:
                raise UnknownName(f"variable of {name!r} (in `init`)", variable, units)
            example = f'simulate(..., init={{"{name}": {{"{variable}": ...}}}})'
            array = to_internal(value, units[variable], variable, example)
            values.setdefault(name, {})[variable] = array
    return values


def _voltages(name: str, n: int, given: dict[str, Any]) -> Array:
    """The voltage at which cells settle, for all of them or for each, (n,)."""
    for variable in given:
        if variable != "v":
            raise UnknownName(f"variable of the cells {name!r} (in `init`)", variable, ["v"])
    example = f'simulate(..., init={{"{name}": {{"v": ...}}}})'
    v = to_internal(given["v"], mV, "v", example)
    if v.shape not in ((), (n,)):
        raise ShapeError(
            f"`init` of the cells {name!r} has the shape {v.shape}: give one voltage at which "
            f"they settle, or one for each of the {n}."
        )
    return v


def _require_population(network: Network, name: str) -> None:
    if name not in network.populations:
        raise UnknownName("population", name, network.populations)


def begin(
    network: Network, dt: float, init: Any, held: dict[str, Clamps], dtype: Any
) -> NetworkState:
    """The state at the start, nothing on its way; in numpy, as JAX would compile each piece."""

    def full(x, n):
        one = x if isinstance(x, Tracer) else np.asarray(x)
        kind = dtype if jnp.issubdtype(one.dtype, jnp.floating) else one.dtype
        wide = jnp.broadcast_to if isinstance(x, Tracer) else np.broadcast_to
        return wide(one.astype(kind), (n,))

    systems = {}
    for name, system in network.systems.items():
        if isinstance(system, CoupledCells):
            v = (init or {}).get(name, {}).get("v")
            systems[name] = system.start(network.populations[name].n, dtype, v)
            continue
        state = on_host(system).init()
        for variable, value in (init or {}).get(name, {}).items():
            state = variables.replace(state, variable, value)
        n = network.populations[name].n
        systems[name] = jax.tree.map(lambda x, n=n: full(x, n), state)
    return NetworkState(
        systems,
        tuple(
            p.begin(_voltage(systems[p.pre], p), dt, dtype) if p.voltages else p.start(dt, dtype)
            for p in network.projections
        ),
        tuple(
            d.stimulus.start((network.populations[d.population].n,), dtype) for d in network.drives
        )
        + clamps.start(network, held, dtype),
    )


_begin_at_once = Compiled(begin)
"""For cells, whose start is more work than the compilation of one program."""


@jax.custom_vjp
def bounded(spikes: Array) -> Array:
    """Spikes whose cotangent saturates, so that gradients stay finite.

    A chaotic network multiplies it in each step back in time, beyond what float32 can hold.
    """
    return spikes


bounded.defvjp(
    lambda spikes: (spikes, None), lambda _, back: (jnp.clip(back, -_STEEPEST, _STEEPEST),)
)


def on_host(tree: Any) -> Any:
    """The same with numpy arrays, where they are known: JAX compiles each operation on its own."""
    return jax.tree.map(lambda x: x if isinstance(x, Tracer) else np.asarray(x), tree)


@Compiled
def run(
    network: Network,
    stepper: AbstractStepper,
    rule: AbstractImplicit,
    records: dict[str, Any],
    held: dict[str, Clamps],
    start: RunState,
    dt: float,
    steps: int,
) -> NetworkRecording:
    """The compiled program."""
    state = start.neuron
    dtype = next(
        x.dtype for x in jax.tree.leaves(state.systems) if jnp.issubdtype(x.dtype, jnp.floating)
    )
    numbers = start.step + jnp.arange(steps, dtype=jnp.int32)
    inputs = [
        *drives(network, numbers, dt, dtype, start.key),
        *clamps.inputs(network, held, numbers, dt, dtype, start.key),
    ]

    def body(carry, x):
        systems, sending, memories, sums = carry
        arriving = tuple(p.arriving for p in sending)
        number, series = x
        given = [
            one.at(number, now, memory)
            for one, now, memory in zip(inputs, series, memories, strict=True)
        ]
        now: list = [
            once(value) if drive.stimulus.random else value
            for drive, (value, _) in zip(network.drives, given, strict=False)
        ]
        done: dict[str, Any] = {}
        for place, (name, system) in enumerate(network.systems.items()):
            current, delta = summed(network, name, now, jnp.zeros((), dtype))
            ready = system.arrive(systems[name], _arrived(network, name, arriving, now))
            if isinstance(system, CoupledCells):
                into = _into_cells(network, name, now)
                fixed = clamps.of(held, given[len(now) :], name)
                done[name] = system.advance(ready, into, *fixed, dt, records.get(name), rule)
                continue
            kicks = [
                a
                for p, a in zip(network.projections, arriving, strict=True)
                if p.post == name and p.kind is None
            ]
            for kick in kicks:
                delta = kick if delta is None else delta + kick
            key = None
            if system.random and start.key is not None:
                key = jax.random.fold_in(jax.random.fold_in(start.key, place), number)
            done[name] = step(system, stepper, ready, current, delta, dt, key, False)
        spikes: dict[str, Any] = {
            n: None if d.spike is None else bounded(once(d.spike)) for n, d in done.items()
        }
        sent = [
            p.read(state, _voltage(done[p.pre].state, p), dt)
            if p.voltages
            else p.send(state, spikes[p.pre], spikes[p.post], number, dt)
            for p, state in zip(network.projections, sending, strict=True)
        ]
        kept, totals = {}, {}
        for name, record in records.items():
            if isinstance(record, Probes):
                traces = done[name].traces
            else:
                named = dict(variables.items(done[name].reached)) if record.variables else {}
                traces = {v: _chosen(named[v], record) for v in record.variables}
            raster = None
            if record.spikes == "raster" and spikes[name] is not None:
                raster = spikes[name]
            if record.spikes == "events" and spikes[name] is not None:
                raster = spikes[name] > 0
            kept[name] = (raster, traces)
            totals[name] = sums[name] + spikes[name] if sums[name] is not None else None
        carry = (
            {name: d.state for name, d in done.items()},
            tuple(sent),
            tuple(memory for _, memory in given),
            totals,
        )
        return carry, kept

    sums = {
        name: jnp.zeros(network.populations[name].n, dtype) if r.spikes == "count" else None
        for name, r in records.items()
    }
    carry = (*state, sums)
    xs = (numbers, tuple(one.series for one in inputs))
    (*reached, sums), kept = scan(body, carry, xs, steps)
    final = RunState(
        NetworkState(*reached),
        start.step + steps,
        None,
        None,
        start.key,
    )
    recordings = {}
    for name, record in records.items():
        raster, traces = kept[name]
        recordings[name] = Recording(
            traces=traces,
            raster=raster,
            sums=sums[name],
            fractions=None,
            final=final,
            start=start.step,
            dt=dt,
            every=1,
            steps=steps,
            units=_units(network, name, record),
        )
    return NetworkRecording(recordings, final)


def _voltage(state: Any, p: Projection) -> Array:
    """The presynaptic voltages that a connection sees, (n_pre,)."""
    if isinstance(state, CellsState):
        return state.neuron.v[:, p.source]
    return variables.get(state, "v")


def _into_cells(network: Network, name: str, values: list) -> list[tuple[int, Array]]:
    """The currents (nA) of the drives of a population of cells, by node."""
    cell = network.populations[name].neuron
    drives = zip(network.drives, network.driven, values, strict=True)
    return [
        (sites_of(cell, drive.at)[0], jnp.asarray(value))
        for drive, kind, value in drives
        if drive.population == name and kind is None and isinstance(cell, Cell)
    ]


def _chosen(value: Array, record: Record) -> Array:
    return value if record.indices is None else value[..., list(record.indices)]


def _arrived(
    network: Network, name: str, arriving: tuple[Array, ...], now: list
) -> tuple[Array, ...]:
    """Total weight at each kind of synapse of a population, from connections and drives."""
    totals: list = [None] * len(network.systems[name].synapses)
    sources = [(p.post, p.kind, x) for p, x in zip(network.projections, arriving, strict=True)]
    drives = zip(network.drives, network.driven, now, strict=True)
    sources += [(drive.population, kind, x) for drive, kind, x in drives]
    for post, kind, arrived in sources:
        if post == name and kind is not None:
            totals[kind] = arrived if totals[kind] is None else totals[kind] + arrived
    return tuple(totals)


def _units(network: Network, name: str, record: Any) -> dict[str, Unit]:
    """Units of what is recorded of a population."""
    if isinstance(record, Probes):
        return dict(record.units)
    if not record.variables:
        return {}
    units = variables.units(network.systems[name].init())
    return {variable: units[variable] for variable in record.variables}
