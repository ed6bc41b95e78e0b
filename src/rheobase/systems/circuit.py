"""Systems joined by edges, and their step: arrivals, every system, what it sends.

Systems may make steps of several lengths. Those of the first length make one, and in it those of
the next make several of theirs, and so on. What reaches a system is counted in its own steps. So a
spike acts in the first step of its receiver that begins when the spike is over: what a slow system
sends arrives in the first short step of the next long one, and what a fast one sends to a slow one,
however early in the long step, at its end.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, PyTree

from rheobase.inputs import Input, prepare
from rheobase.kernels.once import once
from rheobase.loop import scan
from rheobase.stimulus import AbstractStimulus, Grid
from rheobase.systems.base import (
    EARLY,
    HELD,
    KICK,
    AbstractEdge,
    AbstractSystem,
    Arriving,
    Fired,
    Moved,
    Sender,
)
from rheobase.systems.feedback import Recurrence, Way
from rheobase.time import Clock

_STEEPEST = 1e12
"""Where the cotangent of a spike saturates."""


class Fed(NamedTuple):
    """An input of a circuit from outside."""

    stimulus: AbstractStimulus | None
    """None where its values are given by `series`."""
    key: Array | None
    """For a stimulus that draws random numbers."""
    system: str
    """The name of the system that it reaches."""
    by: str | int
    """How: HELD, KICK, or the number of the synapse on which it acts."""
    shape: tuple[int, ...]
    """The shape of its values in a step."""
    series: Array | None = None
    """Its values in all steps of the run, (steps, *shape)."""

    def prepared(self, grid: Grid) -> Input:
        """Compute what does not depend on chance, over the steps of a grid."""
        if self.series is None:
            return prepare(self.stimulus, grid, self.key)
        return Input(None, None, None, self.series, grid.shape, grid.dtype, grid.dt)


class Rate(NamedTuple):
    """The systems that make steps of one length."""

    dt: float
    """ms."""
    many: int
    """Number of their steps in one of the systems before them; 1 for the first."""
    names: tuple[str, ...]


class Moving(NamedTuple):
    """The state of a circuit; None for parts that move at another rate."""

    systems: dict[str, Any]
    edges: tuple[Any, ...]
    memories: tuple[Any, ...]
    """The memory of each input."""
    way: Way | None = None
    """What is under way in the recurrence; None where there is none."""


class Told(NamedTuple):
    """The inputs of a step for systems of one rate, and for the steps of faster ones in it."""

    number: Clock
    series: tuple[Array | None, ...]
    """The values of each input that are known before the run."""
    rows: dict[str, Any]
    within: "Told | None"
    """(steps in it, ...) of the next rate."""


class Row(NamedTuple):
    """The record of a step of a system."""

    raster: Array | None
    fraction: Float[Array, "*n"] | None
    traces: dict[str, Array]


class Circuit(NamedTuple):
    """Systems, the edges between them, and what drives them from outside."""

    systems: dict[str, AbstractSystem]
    edges: tuple[AbstractEdge, ...]
    inputs: tuple[Fed, ...]
    rates: tuple[Rate, ...]
    """From the longest step to the shortest."""
    recurrence: Recurrence | None = None
    """Dense feedback among systems of one rate; each target has one input, given by a series."""
    shared: bool = False
    """True where random inputs and spikes of a step are read more than once."""
    cut: tuple[bool, ...] = ()
    """True for each edge at which derivatives end; () for none."""

    def told(self, start: Clock, steps: int, dtype: DTypeLike) -> tuple[Told, tuple[Input, ...]]:
        """Prepare what each step is told, (steps, ...), and the inputs that are drawn in steps."""
        inputs: list[Input | None] = [None] * len(self.inputs)

        def of(level: int, first: Clock, folds: tuple[int, ...]) -> Told:
            rate, length = self.rates[level], math.prod(folds)
            numbers = first.ahead(length)

            def folded(x: Array) -> Array:
                return x.reshape(*folds, *x.shape[1:]) if len(folds) > 1 else x

            series: list[Array | None] = [None] * len(self.inputs)
            for i, fed in enumerate(self.inputs):
                if fed.system in rate.names:
                    grid = Grid(numbers, rate.dt, fed.shape, dtype)
                    inputs[i] = one = fed.prepared(grid)
                    series[i] = None if one.series is None else folded(one.series)
            rows = {name: self.systems[name].rows(first, length) for name in rate.names}
            rows = {name: folded(x) for name, x in rows.items() if x is not None}
            within = None
            if level + 1 < len(self.rates):
                many = self.rates[level + 1].many
                within = of(level + 1, first.times(many), (*folds, many))
            return Told(jax.tree.map(folded, numbers), tuple(series), rows, within)

        told = of(0, start, (steps,))
        return told, tuple(one for one in inputs if one is not None)

    def step(
        self, moving: Moving, told: Told, inputs: tuple[Input, ...], dtype: DTypeLike
    ) -> tuple[Moving, dict[str, Fired | None], dict[str, Row]]:
        """Make one step: what moves on, the spikes of each system in it, and what is kept."""
        return _Stepping(self, inputs, dtype).over(0, moving, told, {}, {})

    def sender(self, name: str, fired: Fired | None, state: PyTree) -> Sender:
        """Show a system after its step as edges see it."""
        return Sender(name, fired, lambda node: self.systems[name].voltage(state, node))


class _Stepping(NamedTuple):
    """A circuit in a run."""

    circuit: Circuit
    inputs: tuple[Input, ...]
    dtype: Any

    def over(
        self,
        level: int,
        moving: Moving,
        told: Told,
        coming: dict[str, Fired],
        ends: dict[str, Any],
    ) -> tuple[Moving, dict[str, Fired | None], dict[str, Row]]:
        """A step of the systems of one rate, and the steps of all faster ones in it.

        `coming`: spikes of slower systems that are sent at the end of this step; `ends`: the states
        in which the slower systems end theirs.
        """
        circuit, rate = self.circuit, self.circuit.rates[level]
        done, spikes, edges, memories = self._moved(level, moving, told)
        kept = {
            name: _kept(circuit.systems[name].record, one, spikes[name])
            for name, one in done.items()
            if circuit.systems[name].record is not None
        }
        ends = {**ends, **{name: one.state for name, one in done.items()}}
        fired = dict(spikes)
        inner = Moving(
            {name: x for name, x in moving.systems.items() if name not in rate.names},
            tuple(
                None if p.post in rate.names else x
                for p, x in zip(circuit.edges, edges, strict=True)
            ),
            tuple(
                None if fed.system in rate.names else x
                for fed, x in zip(circuit.inputs, moving.memories, strict=True)
            ),
        )
        if told.within is not None:
            slower = {**coming, **{n: x for n, x in spikes.items() if x is not None}}
            inner, more, within = self._within(level + 1, inner, told.within, slower, ends)
            fired |= more
            kept |= within
        now, states = {**coming, **fired}, {**ends, **inner.systems}
        sent = tuple(
            self._sent(i, states, now, spikes, told.number, x)
            if p.post in rate.names
            else inner.edges[i]
            for i, (p, x) in enumerate(zip(circuit.edges, edges, strict=True))
        )
        systems = {
            name: done[name].state if name in done else inner.systems[name]
            for name in moving.systems
        }
        after = tuple(
            own if fed.system in rate.names else faster
            for fed, own, faster in zip(circuit.inputs, memories, inner.memories, strict=True)
        )
        return Moving(systems, sent, after), fired, kept

    def _within(
        self,
        level: int,
        moving: Moving,
        told: Told,
        slower: dict[str, Fired],
        ends: dict[str, Any],
    ) -> tuple[Moving, dict[str, Fired | None], dict[str, Row]]:
        """The steps of faster systems in one of the slower ones, which send at its end."""
        many = self.circuit.rates[level].many
        counted = {name: self._none(name, state) for name, state in moving.systems.items()}

        def short(carry: PyTree, x: PyTree) -> tuple[Any, Any]:
            (moving, counted), (place, told) = carry, x
            last = place == many - 1
            coming = jax.tree.map(lambda spikes: jnp.where(last, spikes, 0), slower)
            moving, fired, kept = self.over(level, moving, told, coming, ends)
            counted = jax.tree.map(jnp.add, counted, fired)
            return (moving, counted), kept

        places = jnp.arange(many, dtype=jnp.int32)
        (moving, counted), kept = scan(short, (moving, counted), (places, told), many)
        return moving, counted, kept

    def _moved(
        self, level: int, moving: Moving, told: Told
    ) -> tuple[dict[str, Moved], dict[str, Fired | None], tuple[Any, ...], tuple[Any, ...]]:
        """Move the systems of one rate, and what its edges and inputs remember."""
        circuit, rate = self.circuit, self.circuit.rates[level]
        values: list[Array | None] = []
        memories: list[Any] = []
        rows = zip(circuit.inputs, self.inputs, told.series, moving.memories, strict=True)
        for fed, one, now, memory in rows:
            if fed.system not in rate.names:
                values.append(None)
                memories.append(memory)
                continue
            value, after = one.at(told.number, now, memory)
            if circuit.shared and one.random and value is not None:
                value = once(value)
            values.append(value)
            memories.append(after)
        done: dict[str, Moved] = {}
        spikes: dict[str, Fired | None] = {}
        edges = list(moving.edges)
        for name in rate.names:
            sent = []
            for i, edge in enumerate(circuit.edges):
                if edge.post == name:
                    pre = edge.pre
                    now = (
                        self.circuit.sender(pre, spikes[pre], done[pre].state)
                        if edge.within
                        else None
                    )
                    value, edges[i] = edge.arrive(edges[i], now)
                    sent.append((edge.by, value))
            driven = [
                (fed.by, jnp.asarray(value))
                for fed, value in zip(circuit.inputs, values, strict=True)
                if fed.system == name and value is not None
            ]
            arriving = _sorted(driven, sent)._replace(row=told.rows.get(name))
            system, state = circuit.systems[name], moving.systems[name]
            done[name] = one = system.step(state, arriving, told.number, rate.dt)
            spikes[name] = self._spikes(one)
        return done, spikes, tuple(edges), tuple(memories)

    def _spikes(self, done: Moved) -> Fired | None:
        """The spikes of a step, read by several where a circuit has edges."""
        if done.spike is None:
            return None
        if not self.circuit.shared:
            return Fired(done.spike, done.sent, done.fraction)
        sent = None if done.sent is None else _bounded(once(done.sent))
        return Fired(_bounded(once(done.spike)), sent)

    def _none(self, name: str, state: PyTree) -> Fired | None:
        """No spikes of a system that fires."""
        system = self.circuit.systems[name]
        shape = system.fires(state)
        if shape is None:
            return None
        silent = jnp.zeros(shape, self.dtype)
        return Fired(silent, silent if system.in_parts else None)

    def _sent(
        self,
        number: int,
        states: dict[str, Any],
        now: dict[str, Fired | None],
        spikes: dict[str, Fired | None],
        clock: Clock,
        memory: PyTree,
    ) -> Any:
        """What an edge keeps after the step of its target."""
        edge = self.circuit.edges[number]
        dt = next(rate.dt for rate in self.circuit.rates if edge.post in rate.names)
        fired, post = now[edge.pre], spikes[edge.post]
        if self.circuit.cut and self.circuit.cut[number]:
            fired = jax.lax.stop_gradient(fired)
        sender = self.circuit.sender(edge.pre, fired, states[edge.pre])
        return edge.send(memory, sender, None if post is None else post.spike, clock, dt)


def _sorted(driven: list[tuple], sent: list[tuple]) -> Arriving:
    """Sort what reaches a system from outside, and what others sent, by how it acts."""
    held = tuple(x for by, x in [*driven, *sent] if by == HELD)
    kick = _total(x for by, x in [*driven, *sent] if by == KICK)
    early = _total(x for by, x in sent if by == EARLY)
    through: dict[int, Array] = {}
    for by, x in [*sent, *driven]:
        if isinstance(by, int):
            through[by] = x if by not in through else through[by] + x
    return Arriving(held, kick, early, tuple(through[k] for k in sorted(through)))


def _total(values: Iterable[Array]) -> Array | None:
    total: Array | None = None
    for x in values:
        total = x if total is None else total + x
    return total


@jax.custom_vjp
def _bounded(spikes: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Spikes whose cotangent saturates, so that gradients stay finite.

    A chaotic network multiplies it in each step back in time, beyond what float32 can hold.
    """
    return spikes


_bounded.defvjp(
    lambda spikes: (spikes, None), lambda _, back: (jnp.clip(back, -_STEEPEST, _STEEPEST),)
)


def _kept(record: Any, done: Moved, fired: Fired | None) -> Row:
    """Keep the part of a step that a record asks for."""
    if fired is None or record.spikes not in ("raster", "events"):
        return Row(None, None, done.traces)
    raster = fired.spike if record.spikes == "raster" else fired.spike > 0
    return Row(raster, done.fraction, done.traces)
