"""`simulate` for a cell: what is injected, clamped and recorded, checked and run."""

import math
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.arguments import require_width
from rheobase.cable.arguments import currents
from rheobase.cable.cell import Cell
from rheobase.compilation import Compiled
from rheobase.errors import ArgumentError, KeyRequired, ShapeError
from rheobase.given import whole
from rheobase.inputs import memories
from rheobase.origin import Origin, require_like, require_origin
from rheobase.progress import Pace, chunked
from rheobase.provenance import versions
from rheobase.record import Recording, RunState, Span, recording_of, require_state
from rheobase.run.asked import Asked
from rheobase.run.run import Way, run
from rheobase.steppers import AbstractImplicit
from rheobase.stimulus import AbstractStimulus
from rheobase.systems.cable import Cable, CellState, assemble, settled
from rheobase.systems.cells import Cells, CellsState, CoupledCells
from rheobase.systems.circuit import HELD, Circuit, Fed, Moving, Rate
from rheobase.time import Clock

_SECONDS = 1e-8
"""That a variable of a compartment takes in a step, at most as a rule."""


def simulate(cell: Cell, stepper: AbstractImplicit, asked: Asked) -> Recording:
    """`rheobase.simulate` for a cell: checks the arguments and runs."""
    dt, steps, state = asked.dt, asked.steps, asked.state
    stimuli = currents(cell, asked.current, dt)
    held = cell.clamps(asked.clamp, dt)
    wanted = cell.probes(asked.record, held)
    cell.check(dt)
    parts = (("the cell", cell.kinds),)
    origin = Origin(dt, type(stepper).__name__, parts, versions=versions())
    if state is None:
        begin = RunState(_begin(cell, asked.n, asked.init), Clock.of(0), None, None, asked.key)
    else:
        require_state(state, asked.init)
        require_origin(state.origin, origin)
        begin = _continued(cell, state, asked.n, asked.key)
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
    every, cable = wanted.every, cell.cable
    way = Way.of(every if wanted.variables else 1, asked.checkpoint, steps)
    cells = Cells(
        cells=CoupledCells(cable, (), ()),
        rule=stepper,
        record=wanted,
        into=tuple(stimuli),
        clamps=held,
    )

    def part(begin: RunState, steps: int) -> Recording:
        span = Span(begin.step, dt, steps, every)
        return _run(cells, tuple(inputs), begin, span, way)

    traced = any(isinstance(x, Tracer) for x in jax.tree.leaves((cable, begin, inputs)))
    if traced:
        done = part(begin, steps)
    else:
        rows = wanted.bytes_of_step(math.prod(shape), np.dtype(dtype).itemsize)
        size = sum(x.size for x in jax.tree.leaves(begin.neuron))
        pace = Pace(size * _SECONDS, every)
        done = chunked(part, begin, steps, dt, pace, asked.progress, steps * rows)
    return replace(done, final=done.final._replace(origin=origin))


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
def _run(
    cells: Cells, stimuli: tuple[AbstractStimulus, ...], begin: RunState, span: Span, way: Way
) -> Recording:
    """The compiled program: one system under what is injected, then what clamps command."""
    shape, dtype = begin.neuron.v.shape[:-1], begin.neuron.v.dtype
    keys = [
        None if begin.key is None else jax.random.fold_in(begin.key, i) for i in range(len(stimuli))
    ]
    pairs = zip(stimuli, keys, strict=True)
    inputs = tuple(Fed(one, key, "", HELD, shape) for one, key in pairs)
    circuit = Circuit({"": cells}, (), inputs, (Rate(span.dt, 1, ("",)),))
    moving = Moving({"": CellsState(begin.neuron, ())}, (), begin.current)
    ran = run(circuit, moving, begin.step, span.steps, way, dtype)
    final = begin._replace(
        neuron=ran.moving.systems[""].neuron,
        step=begin.step.after(span.steps),
        current=ran.moving.memories,
    )
    units = {} if cells.record is None else dict(cells.record.units)
    return recording_of(ran.kept[""], span, units, final)
