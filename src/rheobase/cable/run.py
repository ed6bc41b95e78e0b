"""The time loop of a cell: inputs for all steps, then one loop over them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.arguments import require_width
from rheobase.cable import step as steps_of
from rheobase.cable.arguments import Clamps, Probe, Probes, clamps, currents, probes
from rheobase.cable.cell import Cable, Cell, kinds_of
from rheobase.cable.step import Assembly, CellState, Held, Stepped, assemble, settled
from rheobase.channels import AbstractFiring
from rheobase.compilation import Compiled
from rheobase.errors import ArgumentError, KeyRequired, ShapeError, brief
from rheobase.given import whole
from rheobase.inputs import memories, prepare
from rheobase.kernels.tree import laplacian
from rheobase.loop import scan
from rheobase.origin import Origin, require_like, require_origin
from rheobase.progress import Pace, chunked
from rheobase.provenance import versions
from rheobase.record import Recording, RunState, require_state
from rheobase.steppers import AbstractImplicit
from rheobase.stimulus import AbstractStimulus, Grid
from rheobase.time import Clock

_SECONDS = 1e-8
"""That a variable of a compartment takes in a step, at most as a rule."""


class Injection(NamedTuple):
    """Currents (nA) into nodes."""

    nodes: tuple[int, ...]
    stimuli: tuple[AbstractStimulus, ...]


def simulate(
    cell: Cell,
    stepper: AbstractImplicit,
    dt: float,
    steps: int,
    current: Any,
    clamp: Any,
    record: Any,
    n: Any,
    init: Any,
    state: RunState | None,
    key: Array | None,
    progress: bool,
    checkpoint: bool | int,
) -> Recording:
    """`rheobase.simulate` for a cell: checks the arguments and runs."""
    stimuli = currents(cell, current, dt)
    held = clamps(cell, clamp, dt)
    wanted = probes(cell, record, held)
    for one in cell.mechanisms:
        if isinstance(one.channel, AbstractFiring):
            one.channel.check(dt)
    origin = origin_of(cell, stepper, dt)
    if state is None:
        begin = RunState(_begin(cell, n, init), Clock.of(0), None, None, key)
    else:
        require_state(state, init)
        require_origin(state.origin, origin)
        begin = _continued(cell, state, n, key)
    begin = begin._replace(origin=None)
    inputs = [*stimuli.values(), *held.stimuli]
    if any(one.random for one in inputs) and begin.key is None:
        raise KeyRequired(
            "`current` draws random numbers. Write simulate(..., key=jax.random.key(0))."
        )
    shape, dtype = begin.neuron.v.shape[:-1], begin.neuron.v.dtype
    for one in inputs:
        require_width("a stimulus", one.shape, shape, "the cells")
    begin = begin._replace(current=memories(inputs, begin.current, [shape] * len(inputs), dtype))
    injection = Injection(tuple(stimuli), tuple(stimuli.values()))
    every, cable = wanted.every, cell.cable
    stretch = _stretch(checkpoint, steps)
    if stretch is not None and every > 1:
        raise ArgumentError(
            "`checkpoint` keeps every step of what is recorded: leave out `every` of the record."
        )

    def part(begin: RunState, steps: int) -> Recording:
        return run(cable, injection, held, wanted, stepper, begin, dt, steps, stretch)

    traced = any(isinstance(x, Tracer) for x in jax.tree.leaves((cable, begin, inputs)))
    if traced:
        done = part(begin, steps)
    else:
        rows = wanted.bytes_of_step(math.prod(shape), np.dtype(dtype).itemsize)
        size = sum(x.size for x in jax.tree.leaves(begin.neuron))
        pace = Pace(size * _SECONDS, every)
        done = chunked(part, begin, steps, dt, pace, progress, steps * rows)
    return replace(done, final=done.final._replace(origin=origin))


def origin_of(cell: Cell, stepper: AbstractImplicit, dt: float) -> Origin:
    """What the state at the end of a run knows of it."""
    parts = (("the cell", kinds_of(cell.cable)),)
    return Origin(dt, type(stepper).__name__, parts, versions=versions())


def _stretch(checkpoint: bool | int, steps: int) -> int | None:
    """Steps of which the backward pass keeps the first; None where it keeps them all."""
    if isinstance(checkpoint, bool):
        return max(1, math.isqrt(steps)) if checkpoint else None
    if not isinstance(checkpoint, int | np.integer) or checkpoint < 1:
        raise ArgumentError(
            f"`checkpoint` is True or a whole number of steps >= 1, got {brief(checkpoint)}. "
            "Write simulate(..., checkpoint=True)."
        )
    return int(checkpoint)


def _begin(cell: Cell, n: Any, init: Any) -> CellState:
    if init is not None:
        raise ArgumentError(
            "a cell starts where everything has settled at `v_init`: leave `init` out and write "
            "rb.Cell(..., v_init=-70*mV)."
        )
    return at_rest(cell, None if n is None else whole(n, "n", "simulate(..., n=100)"))


def at_rest(cell: Cell, n: int | np.integer | None) -> CellState:
    """The state in which everything has settled at `v_init`, of n cells or of one."""
    cable = cell.cable
    floats = jax.tree.leaves(eqx.filter(cable, eqx.is_inexact_array))
    start = _start(cable, jnp.result_type(*floats))
    if n is None:
        return start
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (n, *x.shape)), start)


@Compiled
def _start(cable: Cable, dtype: Any) -> CellState:
    return settled(cable, assemble(cable, dtype), dtype)


def _continued(cell: Cell, state: RunState, n: Any, key: Array | None) -> RunState:
    like = eqx.filter_eval_shape(at_rest, cell, None)
    if not isinstance(state.neuron, CellState):
        require_like("`state`", state.neuron, like)
    many = np.shape(state.neuron.v)[:-1]
    if n not in (None, *many):
        raise ShapeError(f"`state` already holds cells of shape {many}: leave out `n`.")
    wide = jax.tree.map(lambda x: jax.ShapeDtypeStruct((*many, *x.shape), x.dtype), like)
    require_like("`state`", state.neuron, wide)
    return state if key is None else state._replace(key=key)


@Compiled
def run(
    cable: Cable,
    injection: Injection,
    held: Clamps,
    wanted: Probes,
    stepper: AbstractImplicit,
    begin: RunState,
    dt: float,
    steps: int,
    stretch: int | None,
) -> Recording:
    """The compiled program."""
    shape, dtype = begin.neuron.v.shape[:-1], begin.neuron.v.dtype
    assembly = assemble(cable, dtype)
    numbers = begin.step.ahead(steps)
    stimuli = (*injection.stimuli, *held.stimuli)
    keys = [None if begin.key is None else jax.random.fold_in(begin.key, i) for i in
            range(len(stimuli))]  # fmt: skip
    grid = Grid(numbers, dt, shape, dtype)
    inputs = [prepare(one, grid, key) for one, key in zip(stimuli, keys, strict=True)]

    def one_cell(state: CellState, values: tuple[Array, ...]) -> Any:
        given, forced = imposed(assembly, injection, held, state.v, values)
        done = steps_of.step(assembly, stepper.share, state, given, forced, dt)
        traces = read(wanted, assembly, held, given, done, values)
        return done.state, done.spikes, traces

    every_cell = one_cell
    for _ in shape:
        every_cell = jax.vmap(every_cell)

    def body(carry, x):
        state, memories, sums = carry
        number, series = x
        given = [
            one.at(number, now, memory)
            for one, now, memory in zip(inputs, series, memories, strict=True)
        ]
        values = tuple(jnp.broadcast_to(jnp.asarray(v), shape) for v, _ in given)
        state, spikes, traces = every_cell(state, values)
        raster = output(spikes)
        sums = None if sums is None or raster is None else sums + raster
        kept = raster if wanted.spikes in ("raster", "events") else None
        return (state, tuple(memory for _, memory in given), sums), (kept, traces)

    fires = [p for p in assembly.parts if isinstance(p.channel, AbstractFiring)]
    sites = sum(int(p.inserted.sum()) for p in fires)
    sums = None
    if sites and wanted.spikes == "count":
        sums = jnp.zeros(shape if sites == 1 else (*shape, sites), dtype)
    xs = (numbers, tuple(one.series for one in inputs))
    carry = (begin.neuron, begin.current, sums)
    (state, memories, sums), (raster, traces) = _loop(body, carry, xs, steps, wanted.every, stretch)
    return Recording(
        traces=traces,
        raster=raster,
        sums=sums,
        fractions=None,
        final=begin._replace(neuron=state, step=begin.step.after(steps), current=memories),
        start=begin.step,
        dt=dt,
        every=wanted.every,
        steps=steps,
        units=dict(wanted.units),
    )


def _loop(body: Any, carry: Any, xs: Any, steps: int, every: int, stretch: int | None) -> Any:
    """The loop over steps, of which the last of each `every` keeps its variables."""
    if every == 1:
        return scan(body, carry, xs, steps, stretch)

    def bare(carry, x):
        carry, (kept, _) = body(carry, x)
        return carry, kept

    def block(carry, xs):
        carry, kept = scan(bare, carry, jax.tree.map(lambda x: x[:-1], xs), every - 1)
        carry, (last, traces) = body(carry, jax.tree.map(lambda x: x[-1], xs))
        joined = jax.tree.map(lambda a, b: jnp.concatenate([a, b[None]]), kept, last)
        return carry, (joined, traces)

    blocks = steps // every
    whole = blocks * every
    folded = jax.tree.map(lambda x: x[:whole].reshape(blocks, every, *x.shape[1:]), xs)
    carry, (kept, traces) = jax.lax.scan(block, carry, folded, blocks)
    kept = jax.tree.map(lambda x: x.reshape(whole, *x.shape[2:]), kept)
    carry, tail = scan(bare, carry, jax.tree.map(lambda x: x[whole:], xs), steps - whole)
    kept = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), kept, tail)
    return carry, (kept, traces)


def output(spikes: tuple[Array, ...]) -> Array | None:
    """Spikes of all compartments that fire, (sites,), or () where there is one."""
    if not spikes:
        return None
    joined = jnp.concatenate(spikes, axis=-1)
    return joined[..., 0] if joined.shape[-1] == 1 else joined


def _marked(node: int, size: int) -> np.ndarray:
    return np.arange(size) == node


def spread(nodes: Sequence[int], values: Sequence[Array], size: int) -> Array | None:
    """Values at nodes and zero elsewhere, (size,): by masks, since a scatter would cost more."""
    total = None
    for node, value in zip(nodes, values, strict=True):
        one = jnp.where(_marked(node, size), value, jnp.zeros_like(value))
        total = one if total is None else total + one
    return total


def imposed(
    assembly: Assembly, injection: Injection, held: Clamps, v: Array, values: tuple[Array, ...]
) -> tuple[Held, tuple]:
    """What stimuli and clamps impose in one step."""
    size, given = assembly.tree.size, len(injection.nodes)
    dtype = v.dtype
    nodes, injected = list(injection.nodes), list(values[:given])
    soft, slopes, hard, forced = [], [], [], []
    for one, value in zip(held.all, values[given:], strict=True):
        if one.mechanism is not None:
            forced.append((one, value))
        elif one.resistance is None:
            hard.append((one, value))
        else:
            conductance = 1 / one.resistance.astype(dtype)
            nodes.append(one.node)
            injected.append(conductance * (value - v[one.node]))
            soft.append(one.node)
            slopes.append(conductance)
    given = Held(
        spread(nodes, injected, size),
        spread(soft, slopes, size),
        np.isin(np.arange(size), [c.node for c, _ in hard]) if hard else None,
        spread([c.node for c, _ in hard], [x for _, x in hard], size),
    )
    variables = tuple(
        (k, c.variable, _marked(c.node - p.low, p.high - p.low), x)
        for c, x in forced
        for k, p in enumerate(assembly.parts)
        if k == c.mechanism
    )
    return given, variables


def read(
    wanted: Probes,
    assembly: Assembly,
    held: Clamps,
    imposed: Held,
    done: Stepped,
    values: tuple[Array, ...],
    synaptic: Callable[[Probe], Array] | None = None,
) -> dict[str, Array]:
    """What is recorded of a step, (places,) of each variable; `synaptic`: of synapses."""
    state = done.reached

    def values_at(probe: Probe) -> Array:
        if probe.kind is not None and synaptic is not None:
            return synaptic(probe)
        if probe.clamp is not None:
            one = held.all[probe.clamp]
            if one.resistance is None:
                return jnp.asarray(done.clamped)[np.asarray(probe.nodes)]
            command = values[len(values) - len(held.all) + probe.clamp]
            resistance = jnp.asarray(one.resistance, state.v.dtype)
            return (command - state.v[one.node])[None] / resistance
        if probe.mechanism is None:
            found, nodes = state.v, np.asarray(probe.nodes)
            if probe.variable == "i_membrane":
                found = -laplacian(assembly.tree, assembly.coupling, done.middle)
                found = found if imposed.current is None else found + imposed.current
        else:
            inside = state.mechanisms[probe.mechanism]
            if probe.variable in inside._fields:
                found = getattr(inside, probe.variable)
            else:
                found = steps_of.current_of(assembly, probe.mechanism, state)
            nodes = np.asarray(probe.nodes) - assembly.parts[probe.mechanism].low
        whole = len(nodes) == found.shape[-1]
        return found if whole and np.array_equal(nodes, np.arange(len(nodes))) else found[nodes]

    return {name: jnp.concatenate(list(map(values_at, group))) for name, group in wanted.groups}
