"""The time loop of a network of linear neurons as one compiled function, many steps a call.

The same program as `rheobase.network.run.run`, up to rounding: the state stays in the processor's
caches from step to step, and spikes leave as events.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.compilation import Compiled
from rheobase.kernels import library
from rheobase.network.inputs import drives, series, summed, through_synapses
from rheobase.network.linear import is_linear, numbers
from rheobase.network.network import Network
from rheobase.network.projection import Projection
from rheobase.network.recording import NetworkRecording
from rheobase.neurons import variables
from rheobase.record import Events, Record, Recording, RunState
from rheobase.steppers import AbstractStepper
from rheobase.stimulus import Constant
from rheobase.time import whole_steps
from rheobase.units import Unit


class Size(NamedTuple):
    """What bounds a call."""

    most: int
    """Steps that it can record."""
    room: int
    """Spikes of a population."""
    block: int
    """Steps whose inputs are computed at a time: few enough to stay in a cache."""
    whole: bool
    """Whether they are done all or not at all."""


_ROOM = 1 << 18
"""Spikes of a population in a call."""
_CACHED = 1 << 17
"""Numbers of an input that are computed at a time."""


_NOTHING = Record(spikes=None)


def takes(network: Network, stepper: AbstractStepper, dtype: Any) -> bool:
    """Whether the compiled loop can run this network."""
    return (
        library.serves(dtype)
        and all(map(_plain, network.projections))
        and all(is_linear(system, stepper) for system in network.systems.values())
    )


def _plain(p: Projection) -> bool:
    """Whether its weights multiply spikes and do not change."""
    return p.to.native and p.release is None and not p.rules and not p.electrical


def size_of(network: Network, most: int) -> Size:
    """The bounds of calls of at most `most` steps."""
    driven = [d for d in network.drives if not isinstance(d.stimulus, Constant)]
    widest = max((network.populations[d.population].n for d in driven), default=0)
    block = max(1, min(most, _CACHED // widest)) if driven else most
    # A drive that remembers cannot go back to the step where there was no room any more.
    whole = any(jax.tree.leaves(d.stimulus.start((1,), float)) for d in driven)
    largest = max(p.n for p in network.populations.values())
    return Size(most, max(_ROOM, block * largest) if whole else _ROOM, block, whole)


class Course(NamedTuple):
    """What is recorded of a population, in arrays with room for more."""

    step: Array
    neuron: Array
    spikes: Array
    """(1,), their number."""
    traces: Array
    """(steps, variables, neurons)."""


class _Operands:
    """Operands and results of the call, in the order in which kernels/network.cpp reads them."""

    def __init__(self):
        self.operands: list = []
        self.results: list = []
        self.aliases: dict[int, int] = {}

    def give(self, *arrays: Array) -> None:
        self.operands += arrays

    def take(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.results.append(jax.ShapeDtypeStruct(shape, dtype))

    def go_on(self, *arrays: Array) -> None:
        """Operands that the call changes in place."""
        for array in arrays:
            self.aliases[len(self.operands)] = len(self.results)
            self.operands.append(array)
            self.take(array.shape, array.dtype)


def run(
    network: Network,
    stepper: AbstractStepper,
    records: dict[str, Record],
    units: dict[str, dict[str, Unit]],
    begin: RunState,
    dt: float,
    steps: int,
    size: Size,
) -> NetworkRecording:
    """The first steps of a run, as many as there is room for."""
    asked = jnp.asarray(steps, jnp.int32)
    final, done, courses = advance(network, stepper, records, begin, asked, dt, size)
    steps = int(done)
    recordings = {}
    for name, record in records.items():
        course = courses[name]
        spikes = int(course.spikes[0])
        events = Events(
            np.array(np.asarray(course.step)[:spikes]),
            np.array(np.asarray(course.neuron)[:spikes]),
            steps,
            network.populations[name].n,
        )
        traces = np.asarray(course.traces)[:steps]
        raster = sums = None
        if record.spikes == "events":
            raster = events
        elif record.spikes == "raster":
            raster = jnp.asarray(events.raster, traces.dtype)
        elif record.spikes == "count":
            sums = jnp.asarray(events.counts)
        recordings[name] = Recording(
            traces={v: jnp.asarray(traces[:, k]) for k, v in enumerate(record.variables)},
            raster=raster,
            sums=sums,
            fractions=None,
            final=final,
            start=begin.step,
            dt=dt,
            every=1,
            steps=steps,
            units=units[name],
        )
    return NetworkRecording(recordings, final)


@Compiled
def advance(
    network: Network,
    stepper: AbstractStepper,
    records: dict[str, Record],
    start: RunState,
    steps: Array,
    dt: float,
    size: Size,
) -> tuple[RunState, Array, dict[str, Course]]:
    """The state after `steps` steps or less, how many they were, and what was recorded of them."""
    state = start.neuron
    dtype = jax.tree.leaves(eqx.filter(state.systems, eqx.is_inexact_array))[0].dtype
    constants = {name: numbers(s, stepper, dt, dtype) for name, s in network.systems.items()}
    shown = {
        name: _shown(s.init(), records.get(name, _NOTHING).variables)
        for name, s in network.systems.items()
    }
    courses = {
        name: _empty(shown[name], records.get(name, _NOTHING), p.n, size, dtype)
        for name, p in network.populations.items()
    }

    def piece(carry):
        state, courses, done, _ = carry
        asked = jnp.minimum(steps - done, size.block)
        ahead = jnp.arange(size.block if network.drives else 1, dtype=jnp.int32)
        clock = start.step + done + ahead
        inputs = drives(network, clock, dt, dtype, start.key)
        values, memories = series(inputs, state.memories, clock, asked)
        state = state._replace(memories=memories)
        now = jnp.stack([start.step + done, asked, done])
        state, courses, made = _call(
            network, records, constants, shown, state, courses, values, now, dt
        )
        return state, courses, done + made, made == asked

    def goes_on(carry):
        _, courses, done, all_made = carry
        return (done < steps) & all_made & (_fits(courses, size) if size.whole else True)

    begin = state, courses, jnp.zeros((), jnp.int32), jnp.asarray(True)
    state, courses, done, _ = jax.lax.while_loop(goes_on, piece, begin)
    return start._replace(neuron=state, step=start.step + done), done, courses


def _call(network, records, constants, shown, state, courses, values, now, dt):
    """Some steps: the compiled loop, with the state taken apart for it and put together again."""
    names, call = list(network.systems), _Operands()
    layout = [len(names), len(network.projections)]
    call.give(now)
    call.take((1,), jnp.int32)
    for name, system in network.systems.items():
        n, kinds = network.populations[name].n, len(system.synapses)
        leaves, counters = _split(state.systems[name])
        layout += [len(leaves), kinds]
        call.give(*constants[name])
        call.go_on(jnp.stack(leaves), counters[0] if counters else jnp.zeros(n, jnp.int32))
        call.go_on(_arriving(network, state.projections, name, kinds))
        nothing = jnp.zeros((1, 1), leaves[0].dtype)
        current, delta = summed(network, name, values, nothing)
        call.give(current, nothing if delta is None else delta)
        call.give(*through_synapses(network, name, values, nothing))
        call.give(_probed(records.get(name, _NOTHING), n), jnp.asarray(shown[name], jnp.int32))
        call.go_on(*courses[name])
    for p, sending in zip(network.projections, state.projections, strict=True):
        ring, delays, late = jnp.zeros((0, 0), p.weight.dtype), jnp.zeros(1, jnp.int32), 0
        if p.delay is not None and sending.ring is not None:
            ring, delays = sending.ring, whole_steps(p.delay, dt)
            late = 1 if p.delay.shape == (1,) else 2
        layout += [names.index(p.pre), names.index(p.post), _row(p, -1), late]
        call.give(p.to.start, p.to.target, p.weight.astype(sending.arriving.dtype), delays)
        call.go_on(ring.astype(sending.arriving.dtype))

    dtype = call.operands[-1].dtype if network.projections else jnp.result_type(float)
    found = iter(library.run(call.operands, call.results, call.aliases, layout, dt, dtype))
    made = next(found)[0]
    systems, recorded, arrived = {}, {}, {}
    for name in names:
        moved, remaining, arrived[name] = next(found), next(found), next(found)
        systems[name] = _joined(state.systems[name], list(moved), remaining)
        recorded[name] = Course(next(found), next(found), next(found), next(found))
    projections = []
    for p, sending in zip(network.projections, state.projections, strict=True):
        # What arrives next is known by its kind: the first projection of the kind carries it.
        row = _row(p, len(network.systems[p.post].synapses))
        arriving = arrived[p.post][row]
        arrived[p.post] = arrived[p.post].at[row].set(0)
        ring = next(found)
        projections.append(
            sending._replace(arriving=arriving, ring=None if sending.ring is None else ring)
        )
    return state._replace(systems=systems, projections=tuple(projections)), recorded, made


def _fits(courses: dict[str, Course], size: Size) -> Array:
    """Whether there is room for the spikes of a block in which all neurons fire all the time."""
    left = [
        len(c.step) - c.spikes[0] - size.block * (len(c.step) - size.room) for c in courses.values()
    ]
    return jnp.all(jnp.stack(left) >= 0)


def _row(p: Projection, delta: int) -> int:
    """Where its synapses are among those of the population; `delta` for those without a state."""
    return delta if p.kind is None else p.kind


def _empty(shown: list[int], record: Record, n: int, size: Size, dtype: Any) -> Course:
    probes = (n if record.indices is None else len(record.indices)) if shown else 0
    room = size.room + n
    return Course(
        jnp.zeros(room, jnp.int32),
        jnp.zeros(room, jnp.int32),
        jnp.zeros(1, jnp.int32),
        jnp.zeros((size.most if shown else 1, len(shown), probes), dtype),
    )


def _probed(record: Record, n: int) -> Array:
    """The neurons whose variables are recorded."""
    if not record.variables:
        return jnp.zeros(0, jnp.int32)
    if record.indices is None:
        return jnp.arange(n, dtype=jnp.int32)
    return jnp.asarray(np.asarray(record.indices) % n, jnp.int32)


def _split(state: Any) -> tuple[list[Array], list[Array]]:
    """The continuous variables of a state, and its counters."""
    leaves = jax.tree.leaves(state)
    continuous = [x for x in leaves if eqx.is_inexact_array(x)]
    return continuous, [x for x in leaves if not eqx.is_inexact_array(x)]


def _joined(state: Any, continuous: list[Array], counter: Array) -> Any:
    """A state with other continuous variables and another counter."""
    leaves, structure = jax.tree.flatten(state)
    moved = iter(continuous)
    return jax.tree.unflatten(
        structure, [next(moved) if eqx.is_inexact_array(x) else counter for x in leaves]
    )


def _arriving(network: Network, sending: tuple, name: str, kinds: int) -> Array:
    """(kinds + 1, n): total weight at each kind of synapse, and the delta inputs behind them."""
    n = network.populations[name].n
    rows: list = [jnp.zeros(n)] * (kinds + 1)
    for p, state in zip(network.projections, sending, strict=True):
        if p.post == name:
            row = _row(p, kinds)
            rows[row] = rows[row] + state.arriving
    dtype = jnp.result_type(*rows)
    return jnp.stack([x.astype(dtype) for x in rows])


def _shown(rest: Any, names: tuple[str, ...]) -> list[int]:
    """Places of the recorded variables among the continuous ones."""
    places = []
    for name in names:
        marked = jax.tree.map(lambda x: np.zeros(()) if eqx.is_inexact_array(x) else None, rest)
        marked = variables.replace(marked, name, np.ones(()))
        places.append(int(np.argmax(jax.tree.leaves(marked))))
    return places
