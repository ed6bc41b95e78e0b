"""The derivative of the compiled loop of a network: chunks of steps forwards, and back.

Forwards the state at the beginning of each chunk is kept. Backwards a chunk is run once more, which
gives the margins of all neurons, from these the pseudo-derivatives of their spikes, and then the
compiled loop of kernels/adjoint.h goes back through it. With chunks of about the square root of the
number of steps, memory is in proportion to that.
"""

import functools
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.kernels import layout, library
from rheobase.network import fused
from rheobase.network.call import (
    NOTHING,
    Inside,
    Operands,
    course_of,
    dtype_of,
    joined,
    row_of,
    rows_of,
    split,
)  # fmt: skip
from rheobase.network.linear import constants
from rheobase.network.network import Network
from rheobase.neurons.base import Onset
from rheobase.record import Record, RunState
from rheobase.steppers import AbstractStepper
from rheobase.steppers.structure import structure_of
from rheobase.synapses import Coupled
from rheobase.time import Clock


def takes(
    network: Network,
    stepper: AbstractStepper,
    records: dict[str, Record],
    state: RunState,
    dt: float,
) -> bool:
    """Whether the derivative of this run is known here: that to the state and to the weights."""
    known = [network.systems, network.drives, [p.delay for p in network.projections], stepper]
    return (
        not any(isinstance(x, Tracer) for x in jax.tree.leaves(known))
        and fused.takes(network, stepper, records, dt, dtype_of(state.neuron))
        and all(isinstance(s, Coupled) and structure_of(s).affine for s in network.systems.values())
        # A gradient that goes through resets depends on more than the margin: the general loop.
        and not any(fires(s) and s.through_reset for s in network.systems.values())
        and not any(p.rules for p in network.projections)
        and not jax.tree.leaves(state.neuron.memories)
        and all(r.spikes != "events" and not r.variables for r in records.values())
    )


def fires(system: Any) -> bool:
    """Whether a population has spikes of its own."""
    return system.onset is not Onset.NEVER


def run(
    network: Network,
    stepper: AbstractStepper,
    records: dict[str, Record],
    start: RunState,
    dt: float,
    steps: int,
) -> tuple[RunState, dict[str, Array]]:
    """The state after a run, and the raster (time, n) or the counts (n,) of each population."""
    loop = _Loop(network, stepper, records, dt, steps)
    result: Any = _run(loop, _weights(network), start.neuron, (start.step, start.key))
    state, made = result
    return start._replace(neuron=state, step=start.step.after(steps)), made


def _weights(network: Network) -> tuple[Array, ...]:
    return tuple(p.weight for p in network.projections)


class _Loop:
    """A run in chunks: what of it is known before, and has no derivative."""

    def __init__(
        self, network: Network, stepper, records: dict[str, Record], dt: float, steps: int
    ):
        self.network, self.stepper, self.records = network, stepper, records
        self.dt, self.steps = dt, steps
        self.length = min(steps, max(16, math.isqrt(steps)))
        self.numbers = np.arange(-(-steps // self.length), dtype=np.int32)
        """Of the chunks."""

    def clock(self, chunk: Array, start: Clock) -> Array:
        """The first step of a chunk, and how many it has."""
        first = chunk * self.length
        # The last chunk may have fewer.
        left = jnp.minimum(self.steps - first, self.length).astype(jnp.uint32)
        words = layout.ClockWords(*start.after(first), left, jnp.zeros((), jnp.uint32))
        return jnp.stack(words)

    def chunk(self, weights, state, clock: Array, key: Any, again: bool):
        """The state after a chunk, and its courses: what is asked for, or, again, every margin."""
        network = eqx.tree_at(_weights, self.network, weights) if weights else self.network
        dtype, sizes = dtype_of(state), network.populations.items()
        records, shown = self.records, {name: [] for name, _ in sizes}
        if again:
            records = {name: Record("all", spikes=None) for name, _ in sizes}
            shown = {name: list(range(len(split(state.systems[name])[0]))) for name, _ in sizes}
        courses = {
            name: course_of(
                shown[name], records.get(name, NOTHING), p.n, self.length, self.length * p.n, dtype,
                True,
            )
            for name, p in sizes
        }  # fmt: skip
        numbers = constants(self.network, self.stepper, self.dt, dtype)
        rules = tuple(() for _ in network.projections)  # those of a network that learns nothing
        inside = Inside(network, records, shown, numbers, rules, self.dt, key, {})
        state, courses, _ = inside.steps(state, courses, clock, self.length)
        return state, courses

    def steep(self, name: str, state: Any, course: layout.RecordedOperands) -> Array:
        """The pseudo-derivative of each spike of a chunk with respect to its margin, (steps, n)."""
        system = self.network.systems[name]
        reached: list[Any] = [course.traces[:, k] for k in range(course.traces.shape[1])]
        counter = jnp.zeros(reached[0].shape, jnp.int32)
        margin = system.margin(joined(state, reached, counter))
        spike, back = jax.vjp(system.spike, margin)
        return back(jnp.ones_like(spike))[0]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _run(loop: _Loop, weights, state, clock):
    return _forward(loop, weights, state, clock)[0]


def _forward(loop: _Loop, weights, state, clock):
    start, key = clock

    def body(state, number):
        after, courses = loop.chunk(weights, state, loop.clock(number, start), key, False)
        return after, (state, {name: (c.counts, c.raster) for name, c in courses.items()})

    final, (begins, made) = jax.lax.scan(body, state, loop.numbers)
    given = {}
    for name, record in loop.records.items():
        counts, raster = made[name]
        if record.spikes == "count":
            given[name] = counts.sum(axis=0)
        elif record.spikes == "raster":
            given[name] = raster.reshape(-1, raster.shape[-1])[: loop.steps]
    return (final, given), (weights, begins, clock)


class _Back(NamedTuple):
    """Cotangents on their way back."""

    systems: dict[str, Array]
    """Of the continuous variables, (variables, n)."""
    arriving: dict[str, Array]
    """(kinds of synapses + 1, n)."""
    rings: tuple[Array, ...]
    weights: tuple[Array, ...]


def _backward(loop: _Loop, kept, cotangent):
    weights, begins, (start, key) = kept
    state_back, made_back = cotangent
    network, dtype = loop.network, dtype_of(begins)
    worth = {name: _worth(loop, made_back.get(name), p.n, dtype) for name, p in
             network.populations.items()}  # fmt: skip
    zeros = tuple(jnp.zeros_like(w) for w in weights)
    back = _Back(
        {name: jnp.stack(split(state_back.systems[name])[0]) for name in network.systems},
        {name: _last(network, state_back, name, dtype) for name in network.systems},
        tuple(_ring(s, dtype) for s in state_back.projections),
        zeros,
    )

    def body(back, x):
        number, state, now = x
        clock = loop.clock(number, start)
        _, courses = loop.chunk(weights, state, clock, key, True)
        steep = {n: loop.steep(n, state.systems[n], c) for n, c in courses.items()}
        return _go_back(loop, weights, state, courses, (steep, now), clock, back), None

    back, _ = jax.lax.scan(body, back, (loop.numbers, begins, worth), reverse=True)
    return (
        back.weights,
        _of_state(network, jax.tree.map(lambda x: x[0], begins), back),
        (None, None),
    )


_run.defvjp(_forward, _backward)


def _worth(loop: _Loop, back: Array | None, n: int, dtype: Any) -> Array:
    """What a spike of each neuron is worth by itself, (chunks, steps or 1, n)."""
    chunks = len(loop.numbers)
    if back is None:
        return jnp.zeros((chunks, 1, n), dtype)
    if back.ndim == 1:
        return jnp.broadcast_to(back, (chunks, 1, n))
    padded = jnp.pad(back, ((0, chunks * loop.length - loop.steps), (0, 0)))
    return padded.reshape(chunks, loop.length, n)


def _last(network: Network, back: Any, name: str, dtype: Any) -> Array:
    """Cotangents of what arrives after the last step: the first projection of a kind carries it."""
    kinds = len(network.systems[name].synapses)
    rows: list = [jnp.zeros(network.populations[name].n, dtype)] * (kinds + 1)
    for p, state in reversed(list(zip(network.projections, back.projections, strict=True))):
        if p.post == name:
            rows[row_of(p, kinds)] = state.arriving
    return jnp.stack(rows)


def _ring(state: Any, dtype: Any) -> Array:
    return jnp.zeros((0, 0), dtype) if state.ring is None else state.ring


def _go_back(loop: _Loop, weights, state, courses, given, clock, back: _Back) -> _Back:
    """The cotangents before a chunk, by the compiled loop."""
    network, (steep, worth) = loop.network, given
    names, dtype = list(network.systems), dtype_of(state)
    numbers = constants(network, loop.stepper, loop.dt, dtype)
    call = Operands(layout.CallHeader(len(names), len(network.projections)))
    call.give(layout.BackCallOperands(clock))
    for name in names:
        leaves, counters = split(state.systems[name])
        call.numbers += layout.PopulationHeader(len(leaves), len(network.systems[name].synapses))
        n, course = network.populations[name].n, courses[name]
        call.give(
            layout.BackPopulationOperands(
                *numbers[name],
                remaining=counters[0] if counters else jnp.zeros(n, jnp.int32),
                steep=steep[name],
                worth=worth[name],
                step=course.step,
                neuron=course.neuron,
                spikes=course.spikes,
                state=back.systems[name],
                arriving=back.arriving[name],
            )
        )
    parts = zip(network.projections, weights, state.projections, strict=True)
    for i, (p, weight, sending) in enumerate(parts):
        header, rows = rows_of(p, names, weight.astype(dtype), sending, loop.dt)
        call.numbers += header
        call.give(
            layout.BackProjectionOperands(
                *rows,
                sent=_ring(sending, dtype),
                ring=back.rings[i],
                change=back.weights[i].astype(dtype),
            )
        )
    made = call.made(library.steps("go_back", call, loop.dt, dtype))
    populations = {name: next(made) for name in names}
    projections = list(made)
    return _Back(
        {name: one.state for name, one in populations.items()},
        {name: one.arriving for name, one in populations.items()},
        tuple(one.ring for one in projections),
        tuple(one.change.astype(w.dtype) for one, w in zip(projections, weights, strict=True)),
    )


def _of_state(network: Network, state: Any, back: _Back) -> Any:
    """Cotangents in the structure of a state; whole numbers have none."""
    nothing = jax.tree.map(lambda x: np.zeros(x.shape, jax.dtypes.float0), state)
    systems = {
        name: joined_back(nothing.systems[name], state.systems[name], back.systems[name])
        for name in network.systems
    }
    projections = tuple(
        one._replace(
            arriving=back.arriving[p.post][row_of(p, len(network.systems[p.post].synapses))],
            ring=None if one.ring is None else ring,
        )
        for p, one, ring in zip(network.projections, nothing.projections, back.rings, strict=True)
    )
    return state._replace(systems=systems, projections=projections)


def joined_back(nothing: Any, state: Any, rows: Array) -> Any:
    """The rows as the continuous variables of a state."""
    leaves, structure = jax.tree.flatten(state)
    moved, none = iter(rows), jax.tree.leaves(nothing)
    return jax.tree.unflatten(
        structure,
        [next(moved) if eqx.is_inexact_array(x) else z for x, z in zip(leaves, none, strict=True)],
    )
