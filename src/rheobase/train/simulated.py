"""`rheobase.simulate` for a stack of layers."""

import functools
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.arguments import require_indices
from rheobase.errors import ArgumentError, ShapeError, UnknownName
from rheobase.network.recording import NetworkRecording, recording_of_populations
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane
from rheobase.origin import Origin, require_like, require_origin
from rheobase.progress import CHUNKS, Pace, pieces
from rheobase.provenance import versions
from rheobase.record import Record, RunState, join, require_everywhere, require_state
from rheobase.simulate import Stack, stack_of
from rheobase.time import Clock
from rheobase.train.graph import Graph
from rheobase.train.layers import Sequential, advance, begin, checked, populations_of

_SECONDS = 2e-8
"""That a variable of a neuron takes in a step, at most as a rule."""


def simulate(
    model: Sequential,
    inputs: Any,
    steps: int,
    record: Any,
    state: RunState | None,
    key: Array | None,
    progress: bool,
) -> NetworkRecording:
    """Run a stack over `inputs`, (time, n) or (time, batch, ...), and record its populations."""
    if inputs is None:
        raise ArgumentError(
            "a stack of layers is simulated over its inputs, a row a step. Write "
            "rb.simulate(model, duration=200*ms, inputs=x), with x of shape (time, n)."
        )
    single = jnp.ndim(inputs) == 2
    key = state.key if key is None and isinstance(state, RunState) else key
    x = checked(model, jnp.asarray(inputs)[:, None] if single else inputs, key)
    if len(x) != steps:
        raise ShapeError(
            f"`inputs` has {len(x)} rows and the run {steps} steps of {model.dt:g} ms, one for "
            f"each. Write duration={len(x) * model.dt:g}*ms."
        )
    records = _records(model, record)
    names = tuple(dict.fromkeys(v for one in records.values() for v in one.variables))
    origin = _origin(model)
    start = _started(model, x, state, key, origin)._replace(origin=None)
    if progress:
        first = int(start.step)

        def part(begin: RunState, length: int) -> NetworkRecording:
            place = int(begin.step) - first
            return _piece(model, begin, x[place : place + length], names).on_host()

        size = sum(leaf.size for leaf in jax.tree.leaves(start.neuron))
        length = -(-steps // CHUNKS)
        parts, final = pieces(part, start, steps, model.dt, length, Pace(size * _SECONDS), True)
        whole = {name: join([p.populations[name] for p in parts]) for name in records}
    else:
        run = _piece(model, start, x, names)
        whole, final = run.populations, run.final
    final = final._replace(origin=origin)
    kept = {name: _kept(whole[name], records[name], final, single) for name in records}
    return recording_of_populations(kept, final)


@eqx.filter_jit
def _piece(
    model: Sequential, begin: RunState, x: Array, names: tuple[str, ...]
) -> NetworkRecording:
    passage = advance(model, begin.neuron, x, begin.key, names, first=begin.step)
    final = RunState(passage.carries, begin.step.after(len(x)), None, None, begin.key)
    found = dict(zip(_names(model), passage.recordings, strict=True))
    return recording_of_populations(found, final)


@stack_of.register
def _(system: Sequential) -> Stack:
    return Stack(system.dt, functools.partial(simulate, system))


def _names(model: Sequential) -> dict[str, AbstractMembrane]:
    """The populations by the number of their layer, those of a graph with their node behind it."""
    found = {}
    for place, layer in enumerate(model.layers):
        neurons = populations_of(layer)
        if isinstance(layer, Graph):
            nodes = zip(layer.names, neurons, strict=True)
            found |= {f"{place}.{node}": neuron for node, neuron in nodes}
        elif neurons:
            found[str(place)] = neurons[0]
    return found


def _records(model: Sequential, record: Any) -> dict[str, Record]:
    """What to keep of each population."""
    neurons = _names(model)
    known = {name: variables.units(neuron.init()) for name, neuron in neurons.items()}
    if isinstance(record, dict):
        wanted = {str(name): one for name, one in record.items()}
        for name in wanted:
            if name not in neurons:
                raise UnknownName("layer with neurons (in `record`)", name, neurons)
    else:
        one = record if isinstance(record, Record) else Record(record)
        every = {v for units in known.values() for v in units}
        for variable in one.variables:
            if variable not in every:
                raise UnknownName("variable of any layer (in `record`)", variable, sorted(every))
        wanted = {
            name: Record(
                tuple(v for v in one.variables if v in units), one.indices, one.every, one.spikes
            )
            for name, units in known.items()
        }
    found = {}
    for name, one in wanted.items():
        own = one if isinstance(one, Record) else Record(one)
        require_everywhere(own)
        for variable in own.variables:
            if variable not in known[name]:
                raise UnknownName(f"variable of layer {name} (in `record`)", variable, known[name])
        found[name] = own
    return found


def _started(
    model: Sequential, x: Array, state: RunState | None, key: Array | None, origin: Origin
) -> RunState:
    fresh = begin(model, x)
    if state is None:
        return RunState(fresh, Clock.of(0), None, None, key)
    require_state(state, None)
    require_origin(state.origin, origin)
    require_like("`state`", state.neuron, fresh)
    return state._replace(key=key)


def _origin(model: Sequential) -> Origin:
    layers = tuple((f"layer {i}", type(one).__name__) for i, one in enumerate(model.layers))
    return Origin(model.dt, type(model.stepper).__name__, layers, versions=versions())


def _kept(run: Any, record: Record, final: RunState, single: bool) -> Any:
    """The recording of a population as it was asked for."""
    if record.indices is not None and record.variables:
        require_indices(record.indices, run.traces[record.variables[0]].shape[-1], "the layer")

    def sample(values: Any) -> Any:
        return values[:, 0] if single else values

    def chosen(values: Any) -> Any:
        values = sample(values)[record.every - 1 :: record.every]
        return values if record.indices is None else values[..., list(record.indices)]

    fired = None if run.raster is None else sample(run.raster)
    raster = fired if record.spikes in ("raster", "events") else None
    sums = fired.sum(axis=0) if fired is not None and record.spikes == "count" else None
    return replace(
        run,
        traces={name: chosen(run.traces[name]) for name in record.variables},
        units={name: run.units[name] for name in record.variables},
        raster=raster,
        sums=sums,
        every=record.every,
        final=final,
    )
