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
from rheobase.network.inputs import drives, own_key, series, summed, through_synapses
from rheobase.network.linear import is_linear, numbers
from rheobase.network.network import Drive, Network
from rheobase.network.plastic import effects, has_effects
from rheobase.network.projection import Projection, ProjectionState
from rheobase.network.recording import NetworkRecording
from rheobase.neurons import variables
from rheobase.record import Events, Record, Recording, RunState
from rheobase.steppers import AbstractStepper
from rheobase.stimulus import Constant, Poisson
from rheobase.synapses import Coupled
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
        and all(
            isinstance(system, Coupled) and is_linear(system, stepper)
            for system in network.systems.values()
        )
    )


def _plain(p: Projection) -> bool:
    """Whether its weights multiply spikes, and change by effects of spikes if at all."""
    plain = p.to.native and p.release is None and not p.electrical
    return plain and all(map(has_effects, p.rules))


def size_of(network: Network, most: int, dt: float, key: Array | None) -> Size:
    """The bounds of calls of at most `most` steps."""
    driven = [d for d in _computed(network, dt, key) if not isinstance(d.stimulus, Constant)]
    widest = max((network.populations[d.population].n for d in driven), default=0)
    block = max(1, min(most, _CACHED // widest)) if driven else most
    # A drive that remembers cannot go back to the step where there was no room any more.
    whole = any(jax.tree.leaves(d.stimulus.start((1,), float)) for d in driven)
    largest = max(p.n for p in network.populations.values())
    return Size(most, max(_ROOM, block * largest) if whole else _ROOM, block, whole)


def _is_drawn(network: Network, drive: Drive, dt: float, key: Array | None) -> bool:
    """Whether the compiled loop itself draws this drive: spikes of one rate for all neurons.

    It knows JAX's default generator, whose keys are two numbers.
    """
    stimulus = drive.stimulus
    acts_on_state = drive.synapse is not None or not stimulus.unit.same_dimension(
        network.systems[drive.population].receives
    )
    return (
        isinstance(stimulus, Poisson)
        and stimulus.shape == ()
        and stimulus.few(dt)
        and acts_on_state
        and key is not None
        and jax.random.key_data(key).shape == (2,)
        and jax.config.jax_threefry_partitionable  # pyright: ignore[reportAttributeAccessIssue]
    )


def _computed(network: Network, dt: float, key: Array | None) -> list[Drive]:
    """The drives whose values the compiled loop is given."""
    return [d for d in network.drives if not _is_drawn(network, d, dt, key)]


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

    drawn = _drawn(network, start.key, dt, dtype)

    def piece(carry):
        state, courses, done, _ = carry
        asked = jnp.minimum(steps - done, size.block)
        ahead = jnp.arange(size.block if _computed(network, dt, start.key) else 1, dtype=jnp.int32)
        clock = start.step + done + ahead
        inputs = drives(network, clock, dt, dtype, start.key)
        values, memories = series(inputs, state.memories, clock, asked)
        values = [None if i in drawn else value for i, value in enumerate(values)]
        state = state._replace(memories=memories)
        now = jnp.stack([start.step + done, asked, done])
        state, courses, made = _call(
            network, records, constants, shown, state, courses, (values, drawn), now, dt
        )
        return state, courses, done + made, made == asked

    def goes_on(carry):
        _, courses, done, all_made = carry
        return (done < steps) & all_made & (_fits(courses, size) if size.whole else True)

    begin = state, courses, jnp.zeros((), jnp.int32), jnp.asarray(True)
    state, courses, done, _ = jax.lax.while_loop(goes_on, piece, begin)
    return start._replace(neuron=state, step=start.step + done), done, courses


def _drawn(network: Network, key: Any, dt: float, dtype: Any) -> dict[int, tuple[Array, Array]]:
    """Key and numbers of each drive that the loop draws: amplitude, and chances of few spikes."""
    found = {}
    for i, drive in enumerate(network.drives):
        if _is_drawn(network, drive, dt, key) and isinstance(drive.stimulus, Poisson):
            below = [x.astype(dtype) for x in drive.stimulus.below(dt)]
            amplitude = drive.stimulus.amplitude.value.astype(dtype)
            bits = jax.random.key_data(own_key(key, i)).astype(jnp.int32)
            found[i] = bits, jnp.stack([amplitude, *below])
    return found


def _call(network, records, constants, shown, state, courses, given, now, dt):
    """Some steps: the compiled loop, with the state taken apart for it and put together again."""
    names, call = list(network.systems), _Operands()
    values, drawn = given
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
        here = [i for i in drawn if network.drives[i].population == name]
        call.give(*(array for i in here for array in drawn[i]))
        kinds_of = (network.driven[i] for i in here)
        layout += [len(here), *(-1 if kind is None else kind for kind in kinds_of)]
        call.give(_probed(records.get(name, _NOTHING), n), jnp.asarray(shown[name], jnp.int32))
        call.go_on(*courses[name])
    for p, sending in zip(network.projections, state.projections, strict=True):
        layout += [names.index(p.pre), names.index(p.post), _row(p, -1)]
        layout += _give_synapses(call, p, sending, dt)

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
        weight = None if sending.weight is None else next(found)
        rules = tuple(_unstacked(one, next(found)) for one in sending.rules)
        ring = None if sending.ring is None else ring
        projections.append(ProjectionState(arriving, ring, sending.release, weight, rules))
    return state._replace(systems=systems, projections=tuple(projections)), recorded, made


def _give_synapses(
    call: _Operands, p: Projection, sending: ProjectionState, dt: float
) -> list[int]:
    """The operands of a projection; its kind of delay, its rules and their traces."""
    dtype = sending.arriving.dtype
    ring, delays, late = jnp.zeros((0, 0), dtype), jnp.zeros(1, jnp.int32), 0
    if p.delay is not None and sending.ring is not None:
        ring, delays = sending.ring, whole_steps(p.delay, dt)
        late = 1 if p.delay.shape == (1,) else 2
    call.give(p.to.start, p.to.target, p.weight.astype(dtype), delays)
    call.go_on(ring.astype(dtype))
    layout = [late, len(p.rules)]
    if sending.weight is not None and p.by_post is not None:
        call.give(p.by_post.to.start, p.by_post.to.target, p.by_post.synapse)
        call.go_on(sending.weight)
    for rule, traces in zip(p.rules, sending.rules, strict=True):
        call.give(effects(rule, dt, dtype))
        call.go_on(jnp.concatenate(jax.tree.leaves(traces)))
        layout += [len(jax.tree.leaves(traces.pre)), len(jax.tree.leaves(traces.post))]
    return layout


def _unstacked(traces: Any, joined: Array) -> Any:
    """Traces of a rule from one array of all."""
    sizes = [x.shape[0] for x in jax.tree.leaves(traces)]
    parts = jnp.split(joined, np.cumsum(sizes)[:-1])
    return jax.tree.unflatten(jax.tree.structure(traces), parts)


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
