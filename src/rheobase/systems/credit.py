"""The derivative of a spike of a compartment that counts every input once."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import PyTree

from rheobase.channels import AbstractFiring, AbstractMechanism, Ions
from rheobase.neurons import Onset
from rheobase.neurons.credit import Pace, at_nodes, credited, interval, relaxation
from rheobase.systems.concentrations import Part


class Solved(NamedTuple):
    """A step whose voltages have been solved for, all over the nodes."""

    parts: tuple[Part, ...]
    states: list[Any]
    """Of all mechanisms."""
    ions: Ions
    v: Array
    """At the beginning."""
    half: Array
    """mV from there to where the equations hold."""
    share: float
    """Of the step at which that is."""
    slope: Array
    """uS by which the current out of a node grows with its voltage."""
    capacity: Array
    """nF."""
    dt: float


class _Source(NamedTuple):
    """A mechanism that carries current over the compartments that fire."""

    channel: AbstractMechanism
    state: Any
    ions: Ions
    area: Array


class _Given(NamedTuple):
    """A step of the compartments that fire."""

    channel: AbstractFiring
    sources: tuple[_Source, ...]
    ions: Ions
    old: Any
    v: Array
    half: Array
    slope: Array
    capacity: Array
    share: Array | float
    dt: Any


def counted_once(
    solved: Solved, k: int, old: PyTree, reached: Array, spike: Array
) -> tuple[Array, Any]:
    """Spikes of mechanism k, and its state as it was at them, with derivatives that count once.

    `old`: its state at the beginning of the step; `reached`: the voltages at the end of it.
    """
    part, state = solved.parts[k], solved.states[k]
    channel: Any = part.channel
    sources = tuple(
        _source(other, s, solved.ions, part)
        for other, s in zip(solved.parts, solved.states, strict=True)
        if other.low < part.high and part.low < other.high and other.channel.conducts
    )
    nodes = solved.v, solved.half, solved.slope, solved.capacity
    v, half, slope, capacity = (part.of(x) for x in nodes)
    ions = jax.tree.map(part.of, solved.ions)
    given = _Given(channel, sources, ions, old, v, half, slope, capacity, solved.share, solved.dt)
    margins = channel.margin(old, v), channel.margin(state, reached)
    leaves, structure = jax.tree.flatten(state)
    moving = [jnp.issubdtype(x.dtype, jnp.floating) for x in leaves]
    values = tuple(x for x, moves in zip(leaves, moving, strict=True) if moves)
    before = tuple(_moving(old))
    spike, values = credited(_pace, channel.spike, spike, margins, before, values, tuple(given))
    found = iter(values)
    leaves = [next(found) if moves else x for x, moves in zip(leaves, moving, strict=True)]
    return spike, jax.tree.unflatten(structure, leaves)


def _source(part: Part, state: PyTree, ions: Ions, over: Part) -> _Source:
    """A mechanism over the compartments of another one."""
    low, high = max(part.low, over.low), min(part.high, over.high)

    def cut(x: PyTree) -> Any:
        return x[low - part.low : high - part.low] if jnp.ndim(x) else x

    def padded(x: PyTree) -> Any:
        edges = (low - over.low, over.high - high)
        return jnp.pad(cut(x), edges, mode="edge") if jnp.ndim(x) == 1 else x

    area = jnp.pad(cut(part.area), (low - over.low, over.high - high))
    mine = jax.tree.map(lambda x: over.of(x), ions)
    channel, state = jax.tree.map(padded, (part.channel, state))
    return _Source(channel, state, mine, area)


def _pace(*values: Any) -> Pace:
    given: Any = _Given(*values)
    channel, v = given.channel, given.v
    capacity = jnp.where(given.capacity > 0, given.capacity, 1)

    def out(v: Array) -> Array:
        """Current out of the compartments (nA), all but their voltages standing as they are."""
        total = jnp.zeros_like(v)
        for each in given.sources:
            total = total + each.area * each.channel.current(each.state, v, each.ions)
        return total

    def rates(state: PyTree, v: Array) -> list[Array]:
        moved = channel.moved(state, v, given.ions, given.dt)
        return [(b - a) / given.dt for a, b in zip(_moving(state), _moving(moved), strict=True)]

    # Half a step further on the equations hold; what the compartments send each other stands.
    now = given.half * (1 / (given.share * given.dt) + given.slope / capacity)
    fresh, low = channel.reset(given.old, v)
    here = out(v)
    speeds = jax.vmap(lambda v: now + (here - out(v)) / capacity)(at_nodes(low, v))
    took, mean = interval(low, v, speeds)
    ends = zip(rates(fresh, mean), rates(given.old, mean), strict=True)
    jumps = zip(_moving(fresh), _moving(given.old), strict=True)
    for (begun, ended), (after, before) in zip(ends, jumps, strict=True):
        took = jnp.maximum(took, relaxation(after - before, begun, ended))
    steep = jax.jvp(lambda v: channel.margin(given.old, v), (v,), (jnp.ones_like(v),))[1]
    return Pace(
        ready=channel.ready(given.old),
        speed=now * steep,
        interval=took + channel.pause,
        pause=channel.pause,
        decay=1 - given.slope / (capacity / given.dt + given.share * given.slope),
        rates=tuple(rates(given.old, v)),
        early=True,
        upstroke=channel.onset is Onset.UPSTROKE,
    )


def _moving(state: PyTree) -> list[Array]:
    return [x for x in jax.tree.leaves(state) if jnp.issubdtype(x.dtype, jnp.floating)]
