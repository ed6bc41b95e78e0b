"""The time loop of a network as one compiled function, many steps a call.

The same program as `rheobase.network.circuit.run`, up to rounding: the state stays in the
processor's caches from step to step, and spikes leave as events.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.compilation import Compiled
from rheobase.kernels import library
from rheobase.kernels.layout import ClockWords, RecordedOperands
from rheobase.network.call import (
    NOTHING,
    Inside,
    computed,
    course_of,
    dtype_of,
    programs,
    shown_of,
)
from rheobase.network.linear import constants
from rheobase.network.network import Network
from rheobase.network.plastic import effects, has_effects
from rheobase.network.program import Program
from rheobase.network.recording import NetworkRecording, recording_of_populations
from rheobase.record import Events, Kept, Record, RunState, Span, recording_of
from rheobase.steppers import AbstractStepper
from rheobase.stimulus import Constant
from rheobase.synapses import Coupled
from rheobase.systems.projection import Projection
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
    at_once: bool
    """Whether there are none, so that one call does all steps."""


_ROOM = 1 << 16
"""Spikes of a population in a call."""
_CACHED = 1 << 17
"""Numbers of an input that are computed at a time."""


def takes(
    network: Network, stepper: AbstractStepper, records: dict[str, Any], dt: float, dtype: Any
) -> bool:
    """Whether the compiled loop can run this network."""
    return (
        library.serves(dtype)
        and not any(_counters(network, name, record) for name, record in records.items())
        and all(map(_plain, network.projections))
        and programs(network, stepper, records, dt, dtype) is not None
    )


def _counters(network: Network, name: str, record: Any) -> bool:
    """Whether something is recorded that the compiled loop does not show: a counter of steps."""
    system = network.systems[name]
    return isinstance(system, Coupled) and -1 in shown_of(system, record.variables)


def _plain(p: Projection) -> bool:
    """Whether its weights multiply spikes, and change by effects of spikes if at all."""
    plain = p.to.native and p.release is None and not p.electrical and not p.by_terminal
    return plain and all(map(has_effects, p.rules))


def size_of(network: Network, most: int, dt: float, key: Array | None) -> Size:
    """The bounds of calls of at most `most` steps."""
    driven = [d for d in computed(network, dt, key) if not isinstance(d.stimulus, Constant)]
    widest = max((network.populations[d.population].n for d in driven), default=0)
    block = max(1, min(most, _CACHED // widest)) if driven else most
    # A drive that remembers cannot go back to the step where there was no room any more.
    whole = any(jax.tree.leaves(d.stimulus.start((1,), float)) for d in driven)
    largest = max(p.n for p in network.populations.values())
    room = max(_ROOM, (block if whole else 2) * largest)
    return Size(most, room, block, whole, not driven)


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
    asked: Any = np.asarray(steps, np.int32)
    dtype = dtype_of(begin.neuron)
    written = programs(network, stepper, records, dt, dtype) or {}
    numbers = constants(network, stepper, dt, dtype, written)
    rules = tuple(tuple(effects(rule, dt, dtype) for rule in p.rules) for p in network.projections)
    way = advance_at_once if size.at_once else advance
    final, done, courses = way(network, records, begin, asked, dt, size, written, numbers, rules)
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
        traces: Any = np.asarray(course.traces)[:steps]
        raster: Any = None
        sums: Any = None
        if record.spikes == "events":
            raster = events
        elif record.spikes == "raster":
            raster = events.raster.astype(traces.dtype)
        elif record.spikes == "count":
            sums = np.asarray(course.counts)
        kept = Kept({v: traces[:, k] for k, v in enumerate(record.variables)}, raster, sums)
        span = Span(begin.step, dt, steps)
        recordings[name] = recording_of(kept, span, units[name], final)
    return recording_of_populations(recordings, final)


def _inside(
    network: Network,
    records: dict[str, Record],
    start: RunState,
    dt: float,
    size: Size,
    written: dict[str, Program],
    numbers: dict[str, Any],
    rules: tuple[tuple[Any, ...], ...],
) -> tuple[Inside, dict[str, RecordedOperands]]:
    """The network as the loop knows it, and the shapes of what it records."""
    dtype = dtype_of(start.neuron)
    shown = {
        name: shown_of(s, records.get(name, NOTHING).variables)
        for name, s in network.systems.items()
    }
    courses = {
        name: course_of(
            shown[name], records.get(name, NOTHING), p.n, size.most, size.room, dtype, False
        )
        for name, p in network.populations.items()
    }
    return Inside(network, records, shown, numbers, rules, dt, start.key, written), courses


def advance_at_once(
    network: Network,
    records: dict[str, Record],
    start: RunState,
    steps: np.ndarray,
    dt: float,
    size: Size,
    written: dict[str, Program],
    numbers: dict[str, Any],
    rules: tuple[tuple[Any, ...], ...],
) -> tuple[RunState, np.ndarray, dict[str, RecordedOperands]]:
    """The same as `advance` in one call of the loop: XLA compiles nothing else."""
    inside, courses = _inside(network, records, start, dt, size, written, numbers, rules)
    now = np.stack(ClockWords(*start.step, steps.astype(np.uint32), np.zeros((), np.uint32)))
    state, courses, done = inside.steps_at_once(start.neuron, courses, now)
    return start._replace(neuron=state, step=start.step.after(done)), done, courses


@Compiled
def advance(
    network: Network,
    records: dict[str, Record],
    start: RunState,
    steps: Array,
    dt: float,
    size: Size,
    written: dict[str, Program],
    numbers: dict[str, Any],
    rules: tuple[tuple[Any, ...], ...],
) -> tuple[RunState, Array, dict[str, RecordedOperands]]:
    """The state after `steps` steps or less, how many they were, and what was recorded of them."""
    inside, shapes = _inside(network, records, start, dt, size, written, numbers, rules)
    courses = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    state = start.neuron

    def piece(carry):
        state, courses, done, _ = carry
        asked = jnp.minimum(steps - done, size.block)
        counts = (x.astype(jnp.uint32) for x in (asked, done))
        now = jnp.stack(ClockWords(*start.step.after(done), *counts))
        state, courses, made = inside.steps(state, courses, now, size.block)
        return state, courses, done + made, made == asked

    def goes_on(carry):
        _, courses, done, all_made = carry
        return (done < steps) & all_made & (_fits(courses, size) if size.whole else True)

    begin = state, courses, jnp.zeros((), jnp.int32), jnp.asarray(True)
    state, courses, done, _ = jax.lax.while_loop(goes_on, piece, begin)
    return start._replace(neuron=state, step=start.step.after(done)), done, courses


def _fits(courses: dict[str, RecordedOperands], size: Size) -> Array:
    """Whether there is room for the spikes of a block in which all neurons fire all the time."""
    left = [
        len(c.step) - c.spikes[0] - size.block * (len(c.step) - size.room) for c in courses.values()
    ]
    return jnp.all(jnp.stack(left) >= 0)
