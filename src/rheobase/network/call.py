"""The call of the compiled loop of a network: its state taken apart and put together again."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.kernels import library
from rheobase.network import readable
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
from rheobase.network.projection import Projection, ProjectionState
from rheobase.network.source import StepSource
from rheobase.record import Record
from rheobase.steppers import AbstractStepper
from rheobase.stimulus.poisson import Tabled
from rheobase.synapses import Coupled
from rheobase.time import Clock, whole_steps

NOTHING = Record(spikes=None)


class Course(NamedTuple):
    """What is recorded of a population, in arrays with room for more."""

    step: Array
    neuron: Array
    spikes: Array
    """(1,), their number."""
    traces: Array
    """(steps, variables, neurons)."""
    counts: Array
    """Spikes of each neuron, (n,), or (0,) where nobody asks."""
    raster: Array
    """0 or 1 in each step, (steps, n), or (0, n)."""


class Operands:
    """Operands and results of a call, in the order in which the compiled loop reads them."""

    def __init__(self):
        self.operands: list = []
        self.results: list = []
        self.aliases: dict[int, int] = {}

    def give(self, *arrays: Any) -> None:
        self.operands += arrays

    def take(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.results.append(jax.ShapeDtypeStruct(shape, dtype))

    def go_on(self, *arrays: Any) -> None:
        """Operands that the call changes in place."""
        for array in arrays:
            self.aliases[len(self.operands)] = len(self.results)
            self.operands.append(array)
            self.take(array.shape, array.dtype)


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
        self, state: Any, courses: dict[str, Course], now: Array, block: int
    ) -> tuple[Any, dict[str, Course], Array]:
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
        self, state: Any, courses: dict[str, Course], now: np.ndarray
    ) -> tuple[Any, dict[str, Course], np.ndarray]:
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


def _call(inside: Inside, state: Any, courses: dict[str, Course], given: Any, now: Any) -> Any:
    """Some steps: the compiled loop, with the state taken apart for it and put together again."""
    network, records, shown, constants, rules, dt, _, programs = inside
    names, call = list(network.systems), Operands()
    fresh = all(isinstance(x, jax.ShapeDtypeStruct) for x in jax.tree.leaves(courses))
    layout = [len(names), len(network.projections), int(fresh)]
    call.give(now)
    call.take((1,), np.int32)
    for name, system in network.systems.items():
        n, kinds = network.populations[name].n, len(system.synapses)
        leaves, counters = split(state.systems[name])
        layout += [len(leaves), kinds]
        one = programs.get(name)
        layout += [0] * 3 if one is None else one.layout(len(counters))
        call.give(*constants[name])
        still = counters[0] if counters else np.zeros(n, np.int32)
        call.go_on(_of(*leaves).stack(leaves), still)
        call.go_on(arriving_of(network, state.projections, name, kinds))
        layout += _give_inputs(call, network, name, given, leaves[0].dtype)
        call.give(_probed(records.get(name, NOTHING), n), np.asarray(shown[name], np.int32))
        for array in courses[name] if fresh else ():
            call.take(array.shape, array.dtype)
        call.go_on(*() if fresh else courses[name])
    for p, sending, learns in zip(network.projections, state.projections, rules, strict=True):
        layout += [names.index(p.pre), names.index(p.post), row_of(p, -1)]
        layout += _give_synapses(call, p, sending, learns, dt)

    results = library.steps("run", call, layout, dt, dtype_of(state))
    found: Any = iter([x if isinstance(x, Tracer) else np.asarray(x) for x in results])
    made = next(found)[0]
    systems, recorded, arrived = {}, {}, {}
    for name in names:
        moved, remaining, arrived[name] = next(found), next(found), next(found)
        systems[name] = joined(state.systems[name], list(moved), remaining)
        recorded[name] = Course(*(next(found) for _ in Course._fields))
    projections, carried = [], set()
    for p, sending in zip(network.projections, state.projections, strict=True):
        # What arrives next is known by its kind: the first projection of the kind carries it.
        place = p.post, row_of(p, len(network.systems[p.post].synapses))
        arriving: Any = arrived[p.post][place[1]]
        arriving = np.zeros(arriving.shape, arriving.dtype) if place in carried else arriving
        carried.add(place)
        ring = next(found)
        weight = None if sending.weight is None else next(found)
        rules = tuple(_unstacked(one, next(found)) for one in sending.rules)
        ring = None if sending.ring is None else ring
        projections.append(ProjectionState(arriving, ring, sending.release, weight, rules))
    return state._replace(systems=systems, projections=tuple(projections)), recorded, made


def _give_inputs(call: Operands, network: Network, name: str, given: Any, dtype: Any) -> list[int]:
    """The operands of the drives of a population, or the spikes of a source; their layout."""
    values, drawn = given
    nothing: Any = np.zeros((1, 1), dtype)
    current, delta = summed(network, name, values, nothing)
    call.give(current, nothing if delta is None else delta)
    call.give(*through_synapses(network, name, values, nothing))
    system = network.systems[name]
    source = isinstance(system, StepSource)
    if source:
        call.give(*system.listed)
    here = [i for i in drawn if network.drives[i].population == name]
    call.give(*(array for i in here for array in drawn[i]))
    kinds_of = (network.driven[i] for i in here)
    return [int(source), len(here), *(-1 if kind is None else kind for kind in kinds_of)]


def give_rows(
    call: Operands, p: Projection, weight: Array, sending: ProjectionState, dt: float
) -> int:
    """The operands that say who is connected to whom, and how; the kind of delay."""
    delays: Any = np.zeros(1, np.int32)
    late = 0
    if p.delay is not None and sending.ring is not None:
        late = 1 if p.delay.shape == (1,) else 2
        delays = _delays(p.delay, dt) if late == 2 else delays
    call.give(p.to.start, p.to.target, weight, delays)
    return late


_delays = jax.jit(whole_steps, static_argnames="dt")


def _give_synapses(
    call: Operands, p: Projection, sending: ProjectionState, rules: tuple[Any, ...], dt: float
) -> list[int]:
    """The operands of a projection; its kind of delay, its rules and their traces."""
    dtype = sending.arriving.dtype
    weight = p.weight if p.weight.dtype == dtype else p.weight.astype(dtype)
    layout = [give_rows(call, p, weight, sending, dt), len(p.rules)]
    call.go_on(np.zeros((0, 0), dtype) if sending.ring is None else sending.ring.astype(dtype))
    if sending.weight is not None and p.by_post is not None:
        call.give(p.by_post.to.start, p.by_post.to.target, p.by_post.synapse)
        call.go_on(sending.weight)
    for numbers, traces in zip(rules, sending.rules, strict=True):
        call.give(numbers)
        parts = jax.tree.leaves(traces)
        call.go_on(_of(*parts).concatenate(parts))
        layout += [len(jax.tree.leaves(traces.pre)), len(jax.tree.leaves(traces.post))]
    return layout


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
) -> Course:
    """The shapes of `most` steps and `room` spikes; of a raster if it is to be `dense`."""
    probes = (n if record.indices is None else len(record.indices)) if shown else 0
    rows = most if dense and record.spikes == "raster" else 0
    shapes: Any = (
        ((room + n,), np.int32),
        ((room + n,), np.int32),
        ((1,), np.int32),
        ((most if shown else 1, len(shown), probes), dtype),
        ((n if record.spikes == "count" else 0,), dtype),
        ((rows, n), dtype),
    )
    structures: Any = (jax.ShapeDtypeStruct(*shape) for shape in shapes)
    return Course(*structures)


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
    numbered = readable.named(system, jax.tree.unflatten(structure, places.tolist()))
    return [numbered[name] for name in names]
