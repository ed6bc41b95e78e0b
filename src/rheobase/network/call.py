"""The call of the compiled loop of a network: its state taken apart and put together again."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.kernels import layout, library
from rheobase.kernels.layout import RecordedOperands
from rheobase.network.inputs import (
    constant,
    drives,
    own_number,
    series,
    summed,
    through_synapses,
)
from rheobase.network.known import rest
from rheobase.network.linear import is_linear
from rheobase.network.network import Drive, Network
from rheobase.network.program import Form, Program, program
from rheobase.record import Record
from rheobase.steppers import AbstractStepper
from rheobase.stimulus.poisson import Tabled
from rheobase.synapses import Coupled
from rheobase.systems.projection import Projection, ProjectionState
from rheobase.systems.source import StepSource
from rheobase.time import Clock, whole_steps

NOTHING = Record(spikes=None)


class Operands:
    """Numbers, operands and results of a call, in the order in which the loop reads them."""

    def __init__(self, header: layout.CallHeader):
        self.numbers: list[int] = list(header)
        self.operands: list = []
        self.results: list = []
        self.aliases: dict[int, int] = {}
        self.given: list[tuple[Any, tuple[str, ...]]] = []
        """Records with results, and the names of these."""

    def give(self, record: Any, fresh: bool = False) -> None:
        """The arrays of a record of `rheobase.kernels.layout`.

        `fresh`: what else changes in place is a result alone, and may be given as its shape.
        """
        roles = layout.roles(type(record))
        for array, role in zip(record, roles, strict=True):
            if role != layout.GIVEN:
                if role == layout.IN_PLACE and not fresh:
                    self.aliases[len(self.operands)] = len(self.results)
                self.results.append(jax.ShapeDtypeStruct(array.shape, array.dtype))
            if role != layout.MADE and not fresh:
                self.operands.append(array)
        names = (n for n, role in zip(record._fields, roles, strict=True) if role != layout.GIVEN)
        self.given.append((record, tuple(names)))

    def made(self, results: list) -> Iterator[Any]:
        """The records that have results, with these in their places."""
        left = iter(results)
        return iter(
            [
                record._replace(**{name: next(left) for name in names})
                for record, names in self.given
                if names
            ]
        )


class Inside(NamedTuple):
    """What the compiled loop knows of a network, the same in all steps."""

    network: Network
    records: dict[str, Record]
    shown: dict[str, list[int]]
    """The recorded ones among the continuous variables of each population."""
    constants: dict[str, Any]
    """Each population in numbers."""
    rules: tuple[tuple[Any, ...], ...]
    """The rules of each projection in numbers."""
    dt: float
    key: Array | None
    programs: dict[str, Program]
    """The step of each population that is not linear."""

    def steps(
        self, state: Any, courses: dict[str, RecordedOperands], now: Array, block: int
    ) -> tuple[Any, dict[str, RecordedOperands], Array]:
        """State and recordings after some steps, and how many they were.

        `now`: the number of the first step in two words, how many to do, at most `block`, and how
        many the recordings hold already, uint32, (4,). Recordings may be shapes of new ones.
        """
        network, dt = self.network, self.dt
        dtype = dtype_of(state)
        drawn = drawn_by_loop(network, self.key, dt, dtype)
        clock = Clock(now[0], now[1]).ahead(block if computed(network, dt, self.key) else 1)
        inputs = drives(network, clock, dt, dtype, self.key)
        values, memories = series(inputs, state.memories, clock, now[2].astype(jnp.int32))
        values = [None if i in drawn else value for i, value in enumerate(values)]
        state = state._replace(memories=memories)
        return _call(self, state, courses, (values, drawn), now)

    def steps_at_once(
        self, state: Any, courses: dict[str, RecordedOperands], now: np.ndarray
    ) -> tuple[Any, dict[str, RecordedOperands], np.ndarray]:
        """The same where the loop needs no input but constants: in numpy, but for the loop."""
        network, dt = self.network, self.dt
        dtype = dtype_of(state)
        drawn = drawn_by_loop(network, self.key, dt, dtype)
        values = [
            None if i in drawn else constant(network, i, dt, dtype)
            for i in range(len(network.drives))
        ]
        state = jax.tree.map(np.asarray, state)
        return _call(self, state, courses, (values, drawn), now)


def dtype_of(state: Any) -> Any:
    """The floating-point type of the state of a network."""
    return jax.tree.leaves(eqx.filter(state.systems, eqx.is_inexact_array))[0].dtype


def _is_drawn(network: Network, drive: Drive, dt: float, key: Array | None) -> bool:
    """Whether the compiled loop itself draws this drive: spikes of one rate for all neurons.

    It knows JAX's default generator, whose keys are two numbers.
    """
    stimulus = drive.stimulus
    acts_on_state = not drive.is_current(network.systems[drive.population].receives)
    return (
        isinstance(stimulus, Tabled)
        and stimulus.shape == ()
        and acts_on_state
        and key is not None
        and jax.random.key_data(key).shape == (2,)
        and jax.config.jax_threefry_partitionable  # pyright: ignore[reportAttributeAccessIssue]
    )


def computed(network: Network, dt: float, key: Array | None) -> list[Drive]:
    """The drives whose values the compiled loop is given."""
    return [d for d in network.drives if not _is_drawn(network, d, dt, key)]


def drawn_by_loop(network: Network, key: Any, dt: float, dtype: Any) -> dict[int, tuple[Any, ...]]:
    """Of each drive that the loop draws the key of the run with its number, and its table."""
    found = {}
    for i, drive in enumerate(network.drives):
        if _is_drawn(network, drive, dt, key) and isinstance(drive.stimulus, Tabled):
            own = np.asarray([own_number(i)], np.int32)
            bits = jax.random.key_data(key)
            bits = bits if isinstance(bits, Tracer) else np.asarray(bits)
            bits = _of(bits).concatenate([bits.astype(np.int32), own])
            one = drive.stimulus
            amplitude = one.amplitude.value.astype(dtype).reshape(1)
            found[i] = bits, amplitude, one.coarse, one.fine
    return found


def programs(
    network: Network, stepper: AbstractStepper, records: dict[str, Any], dt: float, dtype: Any
) -> dict[str, Program] | None:
    """The programs of the populations that are not linear; None where one has none."""
    found = {}
    for name, system in network.systems.items():
        if isinstance(system, StepSource):
            continue
        if not isinstance(system, Coupled) or system.own_stepper is not None:
            return None
        if is_linear(system, stepper):
            continue
        to = [(d, k) for d, k in zip(network.drives, network.driven, strict=True)
              if d.population == name and k is None]  # fmt: skip
        currents = [d.is_current(system.receives) for d, _ in to]
        jumps = any(p.post == name and p.kind is None for p in network.projections)
        shown = tuple(shown_of(system, records.get(name, NOTHING).variables))
        form = Form(dt, str(jnp.dtype(dtype)), any(currents), jumps or not all(currents), shown)
        made = program(system, stepper, form)
        if made is None:
            return None
        found[name] = made
    return found


def _of(*arrays: Any) -> Any:
    """The library of these arrays: numpy where it is that of all."""
    return np if all(isinstance(x, np.ndarray) for x in arrays) else jnp


def _call(
    inside: Inside, state: Any, courses: dict[str, RecordedOperands], given: Any, now: Any
) -> Any:
    """Some steps: the compiled loop, with the state taken apart for it and put together again."""
    network, rules, dt = inside.network, inside.rules, inside.dt
    names = list(network.systems)
    fresh = all(isinstance(x, jax.ShapeDtypeStruct) for x in jax.tree.leaves(courses))
    call = Operands(layout.CallHeader(len(names), len(network.projections), int(fresh)))
    done: Any = jax.ShapeDtypeStruct((1,), np.int32)
    call.give(layout.CallOperands(now, done))
    for name in names:
        _give_population(call, inside, state, name, given)
        call.give(courses[name], fresh)
    for p, sending, learns in zip(network.projections, state.projections, rules, strict=True):
        _give_synapses(call, names, p, sending, learns, dt)

    results = library.steps("run", call, dt, dtype_of(state))
    made = call.made([x if isinstance(x, Tracer) else np.asarray(x) for x in results])
    steps = next(made).done[0]
    systems, recorded, arrived = {}, {}, {}
    for name in names:
        after = next(made)
        systems[name] = joined(state.systems[name], list(after.state), after.remaining)
        arrived[name], recorded[name] = after.arriving, next(made)
    projections, carried = [], set()
    for p, sending in zip(network.projections, state.projections, strict=True):
        # What arrives next is known by its kind: the first projection of the kind carries it.
        place = p.post, row_of(p, len(network.systems[p.post].synapses))
        arriving: Any = arrived[p.post][place[1]]
        arriving = np.zeros(arriving.shape, arriving.dtype) if place in carried else arriving
        carried.add(place)
        ring = next(made).ring
        weight = None if sending.weight is None else next(made).weight
        rules = tuple(_unstacked(one, next(made).traces) for one in sending.rules)
        ring = None if sending.ring is None else ring
        projections.append(ProjectionState(arriving, ring, sending.release, weight, rules))
    return state._replace(systems=systems, projections=tuple(projections)), recorded, steps


def _give_population(call: Operands, inside: Inside, state: Any, name: str, given: Any) -> None:
    """The numbers and operands of a population, without what is recorded of it."""
    network, (values, drawn) = inside.network, given
    system, program = network.systems[name], inside.programs.get(name)
    n, kinds = network.populations[name].n, len(system.synapses)
    leaves, counters = split(state.systems[name])
    here = [i for i in drawn if network.drives[i].population == name]
    source = isinstance(system, StepSource)
    header = layout.PopulationHeader(len(leaves), kinds, source=int(source), drawn=len(here))
    if program is not None:
        header = header._replace(
            instructions=program.instructions, slots=program.slots, counters=len(counters)
        )
    kinds_of = [network.driven[i] for i in here]
    call.numbers += [
        *header,
        *(() if program is None else program.code),
        *(layout.DELTA_INPUT if kind is None else kind for kind in kinds_of),
    ]
    nothing: Any = np.zeros((1, 1), leaves[0].dtype)
    current, delta = summed(network, name, values, nothing)
    call.give(
        layout.PopulationOperands(
            *inside.constants[name],
            state=_of(*leaves).stack(leaves),
            remaining=counters[0] if counters else np.zeros(n, np.int32),
            arriving=arriving_of(network, state.projections, name, kinds),
            current=current,
            delta=nothing if delta is None else delta,
            probed=_probed(inside.records.get(name, NOTHING), n),
            shown=np.asarray(inside.shown[name], np.int32),
        )
    )
    for driven in through_synapses(network, name, values, nothing):
        call.give(layout.DriveOperands(driven))
    if isinstance(system, StepSource):
        call.give(layout.SourceOperands(*system.listed))
    for i in here:
        call.give(layout.DrawnOperands(*drawn[i]))


class Rows(NamedTuple):
    """Who is connected to whom, and how: the first operands of a projection."""

    start: Array
    target: Array
    weight: Array
    delay: Any


def rows_of(
    p: Projection, names: list[str], weight: Array, sending: ProjectionState, dt: float
) -> tuple[layout.ProjectionHeader, Rows]:
    """The numbers of a projection between the populations of these names, and its rows."""
    delay: Any = np.zeros(1, np.int32)
    kind = layout.Delays.NONE
    if p.delay is not None and sending.ring is not None:
        kind = layout.Delays.SHARED if p.delay.shape == (1,) else layout.Delays.EACH
        delay = _delays(p.delay, dt) if kind is layout.Delays.EACH else delay
    header = layout.ProjectionHeader(
        names.index(p.pre), names.index(p.post), row_of(p, layout.DELTA_INPUT), int(kind)
    )
    return header, Rows(p.to.start, p.to.target, weight, delay)


_delays = jax.jit(whole_steps, static_argnames="dt")


def _give_synapses(
    call: Operands,
    names: list[str],
    p: Projection,
    sending: ProjectionState,
    rules: tuple[Any, ...],
    dt: float,
) -> None:
    """The numbers and operands of a projection, and of its rules."""
    dtype = sending.arriving.dtype
    weight = p.weight if p.weight.dtype == dtype else p.weight.astype(dtype)
    header, rows = rows_of(p, names, weight, sending, dt)
    call.numbers += header._replace(rules=len(p.rules))
    ring = np.zeros((0, 0), dtype) if sending.ring is None else sending.ring.astype(dtype)
    call.give(layout.ProjectionOperands(*rows, ring))
    if sending.weight is not None and p.by_post is not None:
        to, synapse = p.by_post.to, p.by_post.synapse
        call.give(layout.PlasticOperands(to.start, to.target, synapse, sending.weight))
    for numbers, traces in zip(rules, sending.rules, strict=True):
        parts = jax.tree.leaves(traces)
        call.give(layout.RuleOperands(numbers, _of(*parts).concatenate(parts)))
        before, behind = jax.tree.leaves(traces.pre), jax.tree.leaves(traces.post)
        call.numbers += layout.RuleHeader(len(before), len(behind))


def _unstacked(traces: Any, joined: Array) -> Any:
    """Traces of a rule from one array of all."""
    ends = np.cumsum([x.shape[0] for x in jax.tree.leaves(traces)]).tolist()
    parts = [joined[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    return jax.tree.unflatten(jax.tree.structure(traces), parts)


def row_of(p: Projection, delta: int) -> int:
    """Where its synapses are among those of the population; `delta` for those without a state."""
    return delta if p.kind is None else p.kind


def course_of(
    shown: list[int], record: Record, n: int, most: int, room: int, dtype: Any, dense: bool
) -> RecordedOperands:
    """The shapes of `most` steps and `room` spikes; of a raster if it is to be `dense`."""
    probes = (n if record.indices is None else len(record.indices)) if shown else 0
    rows = most if dense and record.spikes == "raster" else 0
    of: Any = jax.ShapeDtypeStruct
    return RecordedOperands(
        step=of((room + n,), np.int32),
        neuron=of((room + n,), np.int32),
        spikes=of((1,), np.int32),
        traces=of((most if shown else 1, len(shown), probes), dtype),
        counts=of((n if record.spikes == "count" else 0,), dtype),
        raster=of((rows, n), dtype),
    )


def _probed(record: Record, n: int) -> np.ndarray:
    """The neurons whose variables are recorded."""
    if not record.variables:
        return np.zeros(0, np.int32)
    if record.indices is None:
        return np.arange(n, dtype=np.int32)
    return np.asarray(np.asarray(record.indices) % n, np.int32)


def split(state: Any) -> tuple[list[Array], list[Array]]:
    """The continuous variables of a state, and its counters."""
    leaves = jax.tree.leaves(state)
    continuous = [x for x in leaves if eqx.is_inexact_array(x)]
    return continuous, [x for x in leaves if not eqx.is_inexact_array(x)]


def joined(state: Any, continuous: list[Array], counter: Array) -> Any:
    """A state with other continuous variables and another counter."""
    leaves, structure = jax.tree.flatten(state)
    moved = iter(continuous)
    return jax.tree.unflatten(
        structure, [next(moved) if eqx.is_inexact_array(x) else counter for x in leaves]
    )


def arriving_of(network: Network, sending: tuple, name: str, kinds: int) -> Any:
    """(kinds + 1, n): total weight at each kind of synapse, and the delta inputs behind them."""
    mine = [(p, x) for p, x in zip(network.projections, sending, strict=True) if p.post == name]
    rows: list = [None] * (kinds + 1)
    for p, state in mine:
        row = row_of(p, kinds)
        rows[row] = state.arriving if rows[row] is None else rows[row] + state.arriving
    dtype = np.result_type(*(x.arriving.dtype for _, x in mine)) if mine else jnp.result_type(float)
    n = network.populations[name].n
    rows = [np.zeros(n, dtype) if x is None else x for x in rows]
    return _of(*rows).stack(rows)


def shown_of(system: Coupled, names: tuple[str, ...]) -> list[int]:
    """Places of the recorded variables among the continuous ones; -1 of a counter."""
    if not names:
        return []
    leaves, structure = jax.tree.flatten(rest(system))
    continuous = np.asarray([eqx.is_inexact_array(x) for x in leaves])
    places = np.where(continuous, np.cumsum(continuous) - 1, -1)
    numbered = system.named(jax.tree.unflatten(structure, places.tolist()))
    return [int(numbered[name]) for name in names]
