"""A neuron, or a population whose neurons do not act on each other, over a grid of time steps."""

import math
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase import memory
from rheobase.adaptors.base import kinds_of
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
from rheobase.errors import ArgumentError, KeyRequired, ShapeError, UnknownName, brief, require_key
from rheobase.given import whole
from rheobase.inputs import prepare, remembers
from rheobase.loop import scan
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.origin import Origin, require_like, require_origin
from rheobase.progress import Pace, chunked
from rheobase.provenance import versions
from rheobase.record import (
    Record,
    Recording,
    RunState,
    require_everywhere,
    require_state,
)
from rheobase.step import step
from rheobase.steppers import AbstractStepper
from rheobase.stimulus import AbstractStimulus, Grid
from rheobase.time import Clock, fold_in
from rheobase.units import Unit, ms

_SECONDS = 2e-8
"""That a variable of a neuron takes in a step, at most as a rule."""


def simulate(  # noqa: PLR0913
    system: AbstractMembrane,
    stepper: AbstractStepper,
    dt: float,
    steps: int,
    current: Any,
    delta: Any,
    n: int | tuple[int, ...] | None,
    record: Any,
    init: dict[str, Any] | None,
    state: RunState | None,
    key: Array | None,
    substep: bool,
    progress: bool,
) -> Recording:
    """`rheobase.simulate` for a neuron: checks the arguments and runs."""
    record = record if isinstance(record, Record) else Record(record)
    require_everywhere(record)
    _check_names(system, record.variables, "record")
    given = 0 * system.receives if current is None else current
    drive = _drive(given, system.receives, "current", dt)
    kick = _drive(delta, _unit_of(system, system.target), "delta", dt)
    system.check(dt)
    stepper.check(system, dt)
    if substep:
        system.check_substep(dt)
    origin = origin_of(system, stepper, dt)
    if state is None:
        begin = _begin(system, n, drive, kick, init, key)
    else:
        require_state(state, init)
        require_origin(state.origin, origin)
        begin = _continued(system, state, n, drive, kick, key)
    begin = begin._replace(origin=None)
    _check_random(system, drive, kick, begin)
    _check_indices(record, begin)

    def part(begin: RunState, steps: int) -> Recording:
        return _run(system, stepper, record, drive, kick, begin, dt, steps, substep)

    traced = any(isinstance(x, Tracer) for x in jax.tree.leaves((system, begin, drive)))
    if traced:
        run = part(begin, steps)
    else:
        size = sum(x.size for x in jax.tree.leaves(begin.neuron))
        pace = Pace(size * _SECONDS, record.every)
        run = chunked(part, begin, steps, dt, pace, progress, _bytes(record, begin, steps))
    return replace(run, final=run.final._replace(origin=origin))


def _bytes(record: Record, begin: RunState, steps: int) -> float:
    """How large what is recorded will be."""
    shape, dtype = _form(begin.neuron)
    n = math.prod(shape)
    kept = n if record.indices is None else n // shape[-1] * len(record.indices)
    numbers = len(record.variables) * kept / record.every + n * (record.spikes == "raster")
    return steps * numbers * np.dtype(dtype).itemsize


def origin_of(system: AbstractMembrane, stepper: AbstractStepper, dt: float) -> Origin:
    """What the state at the end of a run knows of it."""
    parts = (("the neuron", kinds_of(system)),)
    return Origin(dt, type(stepper).__name__, parts, versions=versions())


@Compiled
def _run(system, stepper, record, drive, kick, begin, dt, steps, substep) -> Recording:
    """The compiled program: inputs for all steps, then one loop over them."""
    shape, dtype = _form(begin.neuron)
    numbers = begin.step.ahead(steps)
    keys = (None,) * 3 if begin.key is None else jax.random.split(begin.key, 3)
    grid = Grid(numbers, dt, shape, dtype)
    current, delta = prepare(drive, grid, keys[0]), prepare(kick, grid, keys[1])
    fires = system.onset is not Onset.NEVER

    def one(state, memories, x):
        number, now, add = x
        key = fold_in(require_key(keys[2]), number) if system.random else None
        now, kept = current.at(number, now, memories[0])
        now = jnp.zeros((), dtype) if now is None else now
        add, also = delta.at(number, add, memories[1])
        return step(system, stepper, state, now, add, dt, key, substep), (kept, also)

    def kept(done):
        raster = done.spike if fires and record.spikes in ("raster", "events") else None
        return raster, done.fraction if raster is not None else None

    def body(carry, x):
        state, sums, memories = carry
        done, memories = one(state, memories, x)
        sums = None if sums is None else sums + done.spike
        return (done.state, sums, memories), (kept(done), _traces(done.reached, record))

    def without_traces(carry, x):
        carry, (kept, _) = body(carry, x)
        return carry, kept

    def block(carry, xs):
        """`every` steps, of which the last one's variables are kept."""
        head = jax.tree.map(lambda x: x[:-1], xs)
        carry, kept = scan(without_traces, carry, head, record.every - 1)
        carry, (last, traces) = body(carry, jax.tree.map(lambda x: x[-1], xs))
        joined = jax.tree.map(lambda a, b: jnp.concatenate([a, b[None]]), kept, last)
        return carry, (joined, traces)

    xs = (numbers, current.series, delta.series)
    sums = jnp.zeros(shape, dtype) if fires and record.spikes == "count" else None
    carry = (begin.neuron, sums, (begin.current, begin.delta))
    if record.every == 1 or not record.variables:
        carry, (kept_steps, traces) = scan(body, carry, xs, steps)
        if record.every > 1:
            traces = {}
    else:
        blocks = steps // record.every
        whole = blocks * record.every
        folded = jax.tree.map(lambda x: x[:whole].reshape(blocks, record.every, *x.shape[1:]), xs)
        carry, (kept_steps, traces) = jax.lax.scan(block, carry, folded, blocks)
        kept_steps = jax.tree.map(lambda x: x.reshape(whole, *x.shape[2:]), kept_steps)
        rest = jax.tree.map(lambda x: x[whole:], xs)
        carry, tail = scan(without_traces, carry, rest, steps - whole)
        kept_steps = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), kept_steps, tail)
    state, sums, memories = carry
    raster, fractions = kept_steps
    units = variables.units(system.init())
    final = RunState(state, begin.step.after(steps), memories[0], memories[1], begin.key)
    return Recording(
        traces=traces,
        raster=raster,
        sums=sums,
        fractions=fractions,
        final=final,
        start=begin.step,
        dt=dt,
        every=record.every,
        steps=steps,
        units={name: units[name] for name in record.variables},
    )


def _traces(state: Any, record: Record) -> dict[str, Array]:
    named = dict(variables.items(state))
    return {
        name: named[name] if record.indices is None else named[name][..., list(record.indices)]
        for name in record.variables
    }


def _form(state: Any) -> tuple[tuple[int, ...], Any]:
    """Shape and floating-point type of a population, from its state."""
    leaf = next(x for x in jax.tree.leaves(state) if jnp.issubdtype(x.dtype, jnp.floating))
    return leaf.shape, leaf.dtype


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
    shape, _ = _form(begin.neuron)
    require_indices(record.indices, shape[-1] if shape else 0, "the population")
