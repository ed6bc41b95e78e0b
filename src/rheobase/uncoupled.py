"""`simulate` for a neuron, or a population whose neurons do not act on each other."""

import math
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from rheobase import memory
from rheobase.arguments import (
    arrivals_of,
    initial,
    parameter_shape,
    require_indices,
    require_parameters,
    require_width,
    stimulus_in,
)
from rheobase.compilation import Compiled
from rheobase.errors import ArgumentError, KeyRequired, ShapeError, UnknownName, brief
from rheobase.given import whole
from rheobase.inputs import remembers
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane
from rheobase.origin import Origin, require_like, require_origin
from rheobase.progress import Pace, chunked
from rheobase.provenance import versions
from rheobase.record import (
    Record,
    Recording,
    RunState,
    Span,
    recording_of,
    require_everywhere,
    require_state,
)
from rheobase.run.asked import Asked
from rheobase.run.run import Way, run
from rheobase.steppers import AbstractStepper
from rheobase.stimulus import AbstractStimulus
from rheobase.systems.circuit import HELD, KICK, Circuit, Fed, Moving, Rate
from rheobase.systems.point import Point, form
from rheobase.time import Clock
from rheobase.units import Unit, ms

_SECONDS = 2e-8
"""That a variable of a neuron takes in a step, at most as a rule."""


def simulate(system: AbstractMembrane, stepper: AbstractStepper, asked: Asked) -> Recording:
    """`rheobase.simulate` for a neuron: checks the arguments and runs."""
    dt, steps, state = asked.dt, asked.steps, asked.state
    record = asked.record if isinstance(asked.record, Record) else Record(asked.record)
    require_everywhere(record)
    _check_names(system, record.variables, "record")
    given = 0 * system.receives if asked.current is None else asked.current
    drive = _drive(given, system.receives, "current", dt)
    kick = _drive(asked.delta, _unit_of(system, system.target), "delta", dt)
    system.check(dt)
    stepper.check(system, dt)
    if asked.substep:
        system.check_substep(dt)
    origin = origin_of(system, stepper, dt)
    if state is None:
        begin = _begin(system, asked.n, drive, kick, asked.init, asked.key)
    else:
        require_state(state, asked.init)
        require_origin(state.origin, origin)
        begin = _continued(system, state, asked.n, drive, kick, asked.key)
    begin = begin._replace(origin=None)
    _check_random(system, drive, kick, begin)
    _check_indices(record, begin)

    point = Point(neuron=system, stepper=stepper, record=record, key=None, substep=asked.substep)
    way = Way.of(record.every if record.variables else 1, asked.checkpoint, steps)

    def part(begin: RunState, steps: int) -> Recording:
        span = Span(begin.step, dt, steps, record.every)
        return _run(point, (drive, kick), begin, span, way)

    traced = any(isinstance(x, Tracer) for x in jax.tree.leaves((system, begin, drive)))
    if traced:
        run = part(begin, steps)
    else:
        size = sum(x.size for x in jax.tree.leaves(begin.neuron))
        pace = Pace(size * _SECONDS, record.every)
        run = chunked(part, begin, steps, dt, pace, asked.progress, _bytes(record, begin, steps))
    return replace(run, final=run.final._replace(origin=origin))


def _bytes(record: Record, begin: RunState, steps: int) -> float:
    """How large what is recorded will be."""
    shape, dtype = form(begin.neuron)
    each = record.bytes_of_step(shape[-1] if shape else 1, np.dtype(dtype).itemsize)
    return steps * math.prod(shape[:-1]) * each


def origin_of(system: AbstractMembrane, stepper: AbstractStepper, dt: float) -> Origin:
    """What the state at the end of a run knows of it."""
    parts = (("the neuron", system.kinds),)
    return Origin(dt, type(stepper).__name__, parts, versions=versions())


@Compiled
def _run(
    point: Point,
    drives: tuple[AbstractStimulus, AbstractStimulus | None],
    begin: RunState,
    span: Span,
    way: Way,
) -> Recording:
    """The compiled program: one system under a current and a delta input."""
    shape, dtype = form(begin.neuron)
    keys = (None,) * 3 if begin.key is None else jax.random.split(begin.key, 3)
    current, delta = drives
    inputs, memories = [Fed(current, keys[0], "", HELD, shape)], [begin.current]
    if delta is not None:
        inputs.append(Fed(delta, keys[1], "", KICK, shape))
        memories.append(begin.delta)
    circuit = Circuit(
        {"": replace(point, key=keys[2])}, (), tuple(inputs), (Rate(span.dt, 1, ("",)),)
    )
    moving = Moving({"": begin.neuron}, (), tuple(memories))
    ran = run(circuit, moving, begin.step, span.steps, way, dtype)
    own, late = ran.moving.memories if delta is not None else (*ran.moving.memories, begin.delta)
    step = begin.step.after(span.steps)
    final = RunState(ran.moving.systems[""], step, own, late, begin.key)
    units = variables.units(point.neuron.init())
    return recording_of(ran.kept[""], span, {n: units[n] for n in ran.kept[""].traces}, final)


def _begin(system, n, drive, kick, init, key) -> RunState:
    """The state at the start: every variable of full shape and one strong type."""
    dtype = _dtype(system)
    shape = _shape(system, n, drive, kick)
    rest = system.init()
    size = math.prod(shape) * np.dtype(dtype).itemsize * len(jax.tree.leaves(rest))
    memory.require(size, f"a population of shape {shape} needs", "Lower n.")
    if init is not None:
        if not isinstance(init, dict):
            raise ArgumentError(
                f'`init` goes by variable, got {brief(init)}. Write init={{"v": -70*mV}}.'
            )
        _check_names(system, init, "init")
        for name, value in init.items():
            unit = _unit_of(system, name)
            example = f'simulate(..., init={{"{name}": {{}}}})'.replace("{{}}", "{}")
            given = initial(value, unit, name, example, shape)
            rest = variables.replace(rest, name, variables.typed(rest, name, given))

    def full(x):
        x = jnp.asarray(x)
        kind = dtype if jnp.issubdtype(x.dtype, jnp.floating) else x.dtype
        return jnp.broadcast_to(x.astype(kind), shape)

    return RunState(
        neuron=jax.tree.map(full, rest),
        step=Clock.of(0),
        current=None if drive is None else drive.start(shape, dtype),
        delta=None if kick is None else kick.start(shape, dtype),
        key=key,
    )


def _dtype(system: AbstractMembrane) -> Any:
    """The type of numbers in which a neuron is simulated."""
    floats = jax.tree.leaves(eqx.filter(system, eqx.is_inexact_array))
    return jnp.result_type(*floats) if floats else jnp.result_type(float)


def _continued(system, state: RunState, n, drive, kick, key) -> RunState:
    """The end of one run as the beginning of the next."""
    dtype, rest = _dtype(system), jax.eval_shape(system.init)
    first = jax.tree.leaves(state.neuron)
    shape = np.shape(first[0]) if first else ()
    if n is not None and shape != _asked(n):
        raise ShapeError(f"`state` is that of a population of shape {shape}, got n = {n}.")
    require_parameters(system, shape, "the population of `state`")
    for name, stimulus in (("current", drive), ("delta", kick)):
        if stimulus is not None:
            require_width(f"`{name}`", stimulus.shape, shape, "the population of `state`")

    def full(x):
        kind = dtype if jnp.issubdtype(x.dtype, jnp.floating) else x.dtype
        return jax.ShapeDtypeStruct(shape, kind)

    require_like("`state`", state.neuron, jax.tree.map(full, rest))
    # A stimulus that the earlier run did not have begins to remember now.
    memories = {
        name: stimulus.start(shape, dtype)
        for name, stimulus, memory in (
            ("current", drive, state.current),
            ("delta", kick, state.delta),
        )
        if stimulus is not None and not remembers(stimulus, memory, shape, dtype)
    }
    return state._replace(key=state.key if key is None else key, **memories)


def _asked(n: int | tuple[int, ...] | None) -> tuple[int, ...]:
    if n is None:
        return ()
    sizes = n if isinstance(n, tuple | list) else (n,)
    return tuple(whole(size, "n", "simulate(..., n=100)") for size in sizes)


def _shape(system, n, drive, kick) -> tuple[int, ...]:
    asked = _asked(n)
    shapes = {"the parameters": parameter_shape(system)}
    for name, stimulus in (("current", drive), ("delta", kick)):
        if stimulus is not None:
            shapes[f"`{name}`"] = stimulus.shape
    shape = asked
    for name, other in shapes.items():
        try:
            shape = np.broadcast_shapes(shape, other)
        except ValueError:
            raise ShapeError(
                f"{name} of shape {other} does not fit a population of shape {shape}. "
                f"Give one value for all, or one for each neuron along the last axis."
            ) from None
    if asked and shape != asked:
        wide = [f"{k} {v}" for k, v in shapes.items() if np.broadcast_shapes(asked, v) != asked]
        raise ShapeError(
            f"n = {n} asks for a population of shape {asked}, but {' and '.join(wide)} would make "
            f"it {shape}. Write n={shape if len(shape) != 1 else shape[0]}, or leave `n` out."
        )
    return shape


def _drive(value, unit: Unit, name: str, dt: float) -> AbstractStimulus | None:
    """An input as a stimulus of the right unit with finite values."""
    if value is None:
        return None
    example = f"simulate(..., {name}={{}})"
    if name == "current":
        one = stimulus_in(value, unit, name, example)
    else:
        given, rate = getattr(value, "unit", unit), unit * ms**-1
        written = rate if given.same_dimension(rate) else unit
        one = arrivals_of(stimulus_in(value, written, name, example), unit, f"`{name}`")
    one.check(dt)
    return one.ready(dt)


def _unit_of(system: AbstractMembrane, name: str) -> Unit:
    return variables.units(system.init())[name]


def _check_names(system: AbstractMembrane, names: Any, argument: str) -> None:
    known = list(variables.units(system.init()))
    for name in names:
        if name not in known:
            raise UnknownName(f"variable of {type(system).__name__} (in `{argument}`)", name, known)


def _check_random(system, drive, kick, begin: RunState) -> None:
    wanting = [
        name
        for name, item in (("the neuron", system), ("`current`", drive), ("`delta`", kick))
        if item is not None and item.random
    ]
    if wanting and begin.key is None:
        raise KeyRequired(
            f"{' and '.join(wanting)} draws random numbers. "
            f"Write simulate(..., key=jax.random.key(0))."
        )


def _check_indices(record: Record, begin: RunState) -> None:
    shape, _ = form(begin.neuron)
    require_indices(record.indices, shape[-1] if shape else 0, "the population")
