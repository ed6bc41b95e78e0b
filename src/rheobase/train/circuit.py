"""How a `Graph` runs: group by group, with a time loop for what is in a cycle."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase import population
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.population import Carry, Course, Setting, by
from rheobase.record import Record
from rheobase.run.run import Way as Steps
from rheobase.run.run import run as run_circuit
from rheobase.systems.base import AbstractEdge, Sender
from rheobase.systems.circuit import Circuit, Fed, Moving, Rate
from rheobase.systems.feedback import Dense, Recurrence, Way
from rheobase.systems.point import Point
from rheobase.time import Clock
from rheobase.train.dense import Linear, masked
from rheobase.train.graph import INPUT, Graph, components, ordered
from rheobase.train.layer import AbstractLayer, Shape
from rheobase.train.weights import AbstractWeights, innermost


class Held(NamedTuple):
    """What a graph takes from one stretch of time to the next."""

    nodes: tuple[Carry, ...]
    layers: tuple[Any, ...]
    """Of each edge."""
    sent: tuple[Array, ...]
    """Of each node, what it gave in the last step."""
    arriving: tuple[Array | None, ...]
    """Of each group with a loop, what its dense feedback gives to the next step."""


class Group(NamedTuple):
    """Nodes that run together, and the numbers of the edges among them."""

    names: tuple[str, ...]
    """In the order of a step."""
    own: int | None
    """The one feedback of a population onto itself, that of a `Recurrent`."""
    dense: tuple[int, ...]
    """Feedback whose gradient is taken after the loop."""
    others: tuple[int, ...]
    """What is computed in every step of the loop."""

    @property
    def loops(self) -> bool:
        """Whether its nodes go through the steps together."""
        return bool(self.dense or self.others)


class Ran(NamedTuple):
    """What came of a run."""

    output: Array
    courses: tuple[Course, ...]
    """Of each node."""
    held: Held


def begin(graph: Graph, x: Any, dt: float) -> Held:
    """Before the first step of x, an array (time, batch, ...) or its shape."""
    shapes, dtype = graph.shapes(x.shape[2:]), _dtype(graph, x.dtype)
    batch = x.shape[1]

    def course(name: str) -> Any:
        return jax.ShapeDtypeStruct((x.shape[0], batch, *shapes[name]), dtype)

    groups = _groups(graph)
    own = {group.names[0]: _own(graph, group) for group in groups}
    nodes = tuple(
        population.begin(neuron, own.get(name), course(name))
        for name, neuron in zip(graph.names, graph.neurons, strict=True)
    )
    pairs = zip(graph.pairs, graph.layers, strict=True)
    layers = tuple(
        None if layer is None else layer.begin(course(pair.source), dt) for pair, layer in pairs
    )
    sent = tuple(jnp.zeros((batch, *shapes[name]), dtype) for name in graph.names)
    arriving = tuple(
        jnp.zeros((batch, _width(_targets(graph, group), shapes)), dtype) if group.dense else None
        for group in groups
    )
    return Held(nodes, layers, sent, arriving)


def given(graph: Graph, x: Any) -> jax.ShapeDtypeStruct:
    """What comes of a run over x, an array or its shape, by its shape."""
    shape = graph.shapes(x.shape[2:])[graph.output]
    return jax.ShapeDtypeStruct((*x.shape[:2], *shape), _dtype(graph, x.dtype))


def advance(graph: Graph, held: Held, x: Array, setting: Setting) -> Ran:
    """Run a graph on over x (time, batch, ...)."""
    x = x.astype(_dtype(graph, x.dtype))
    run = _Run(graph, held, x, setting)
    for number, group in enumerate(_groups(graph)):
        entering = {name: run.entering(name, group) for name in group.names}
        if group.loops:
            run.looped(group, number, entering)
        else:
            run.alone(group, entering[group.names[0]])
    nodes = tuple(run.courses[name].final for name in graph.names)
    sent = tuple(run.series[name][-1] for name in graph.names)
    after = Held(nodes, tuple(run.layers), sent, tuple(run.arriving))
    return Ran(run.series[graph.output], tuple(run.courses[n] for n in graph.names), after)


class _Run:
    """A run as it grows: the course of each node, and what is carried on."""

    def __init__(self, graph: Graph, held: Held, x: Array, setting: Setting):
        self.graph, self.held, self.setting = graph, held, setting
        self.series: dict[str, Array] = {INPUT: x}
        self.courses: dict[str, Course] = {}
        self.layers = list(held.layers)
        self.arriving = list(held.arriving)
        self.shapes = graph.shapes(x.shape[2:])
        self.steps, self.batch, self.dtype = len(x), x.shape[1], x.dtype

    def entering(self, name: str, group: Group) -> Array:
        """The input of a node from outside of its group, over all steps at once."""
        total = None
        for number, pair in enumerate(self.graph.pairs):
            if pair.target != name or pair.source in group.names:
                continue
            sent = self.series[pair.source]
            if pair.later:
                sent = jnp.concatenate([self._sent(pair.source)[None], sent[:-1]])
            layer = self.graph.layers[number]
            if layer is not None:
                own = self._key(len(self.graph.names) + number)
                sent, self.layers[number] = layer.advance(
                    sent, self.layers[number], self.setting.dt, own
                )
            total = sent if total is None else total + sent
        if total is None:
            total = jnp.zeros((self.steps, self.batch, *self.shapes[name]), self.dtype)
        return total

    def alone(self, group: Group, entering: Array) -> None:
        """One population, with its own feedback or none."""
        (name,) = group.names
        place = self.graph.names.index(name)
        neuron = self.graph.neurons[place]
        setting = self.setting._replace(
            key=self._key(place), record=recorded(neuron, self.setting.record)
        )
        course = population.run(
            neuron, entering, setting, _own(self.graph, group), self.held.nodes[place]
        )
        self._keep(name, course)

    def looped(self, group: Group, number: int, entering: dict[str, Array]) -> None:
        """Several populations, step by step, as one circuit."""
        graph, setting, moving = self.graph, self.setting, self._moving(group, number)
        for edge in group.dense:
            bias = used(graph.layers[edge]).bias
            if bias is not None:
                target = graph.pairs[edge].target
                entering[target] = entering[target] + bias[None, None].astype(self.dtype)
        systems, inputs = {}, []
        for name in group.names:
            neuron, x = graph.neuron(name), entering[name]
            record = Record(recorded(neuron, setting.record))
            key = self._key(graph.names.index(name))
            systems[name] = Point(neuron=neuron, stepper=setting.stepper, record=record, key=key)
            inputs.append(Fed(None, None, name, by(neuron), x.shape[1:], x))
        edges = tuple(self._edge(edge) for edge in group.others)
        recurrence = None
        if group.dense:
            weight = Dense(_block(graph, group, self.shapes, self.dtype))
            recurrence = Recurrence(weight, _sources(graph, group), _targets(graph, group))
        rates = (Rate(setting.dt, 1, group.names),)
        circuit = Circuit(systems, edges, tuple(inputs), rates, recurrence)
        first = Clock.of(setting.first)
        ran = run_circuit(circuit, moving, first, self.steps, Steps(), self.dtype)
        if ran.moving.way is not None:
            self.arriving[number] = ran.moving.way.arriving
        for edge, after in zip(group.others, ran.moving.edges, strict=True):
            self.layers[edge] = after.layer
        for name, kept in ran.kept.items():
            left = Carry(ran.moving.systems[name], None)
            self._keep(name, Course(kept.spikes, kept.spikes, None, kept.traces, left))

    def _moving(self, group: Group, number: int) -> Moving:
        """The state of a group before the first step."""
        places = [self.graph.names.index(name) for name in group.names]
        systems = {self.graph.names[place]: self.held.nodes[place].state for place in places}
        edges = tuple(
            Passing(self.layers[edge], self._sent(self.graph.pairs[edge].source))
            for edge in group.others
        )
        arriving = self.arriving[number]
        way = None if arriving is None else Way(arriving)
        return Moving(systems, edges, (None,) * len(places), way)

    def _edge(self, number: int) -> "Wire":
        """An edge that is computed in every step."""
        graph, pair = self.graph, self.graph.pairs[number]
        return Wire(
            layer=graph.layers[number],
            key=self._key(len(graph.names) + number),
            pre=pair.source,
            post=pair.target,
            way=by(graph.neuron(pair.target)),
            later=pair.later,
            dt=self.setting.dt,
        )

    def _keep(self, name: str, course: Course) -> None:
        self.courses[name] = course
        self.series[name] = course.traces["v"] if course.emitted is None else course.emitted

    def _sent(self, name: str) -> Array:
        if name == INPUT:
            return jnp.zeros_like(self.series[INPUT][0])
        return self.held.sent[self.graph.names.index(name)]

    def _key(self, number: int) -> Array | None:
        key = self.setting.key
        return None if key is None else jax.random.fold_in(key, number)


class Passing(NamedTuple):
    """What an edge carries from step to step."""

    layer: Any
    """Of its layer."""
    sent: Array
    """By its source in the last step."""


class Wire(AbstractEdge):
    """An edge of a graph that is computed in every step: its layer, or numbers as they are."""

    layer: AbstractLayer | None
    key: Array | None
    pre: str = eqx.field(static=True)
    post: str = eqx.field(static=True)
    way: str = eqx.field(static=True)
    later: bool = eqx.field(static=True)
    dt: float = eqx.field(static=True)
    """ms."""

    @property
    def by(self) -> str:
        return self.way

    @property
    def within(self) -> bool:
        return not self.later

    def arrive(self, memory: Passing, now: Sender | None) -> tuple[Array, Passing]:
        sent = memory.sent if now is None else now.output
        if self.layer is None:
            return sent, memory
        y, layer = self.layer.advance(sent[None], memory.layer, self.dt, self.key)
        return y[0], memory._replace(layer=layer)

    def send(
        self, memory: Passing, sender: Sender, post: Array | None, number: Clock, dt: float
    ) -> Passing:
        return memory._replace(sent=sender.output)


def recorded(neuron: AbstractMembrane, record: tuple[str, ...]) -> tuple[str, ...]:
    """The variables of a population to keep: those asked for that it has, and what it gives."""
    units = variables.units(neuron.init())
    names = tuple(name for name in record if name in units)
    return names if neuron.onset is not Onset.NEVER or "v" in names else (*names, "v")


def used(layer: Any) -> Any:
    """A layer with the weights that it uses, where an adaptor makes them of others."""
    return layer.plain() if isinstance(layer, AbstractWeights) else layer


def _groups(graph: Graph) -> list[Group]:
    found = []
    for names in components(graph):
        inside = [i for i, p in enumerate(graph.pairs) if {p.source, p.target} <= set(names)]
        within = [graph.pairs[i][:2] for i in inside if not graph.pairs[i].later]
        order = tuple(ordered(tuple(names), within))
        dense = tuple(i for i in inside if graph.pairs[i].later and _is_dense(graph.layers[i]))
        others = tuple(i for i in inside if i not in dense)
        if len(names) == 1 and len(dense) == 1 and not others and _unbiased(graph.layers[dense[0]]):
            found.append(Group(order, dense[0], (), ()))
        else:
            found.append(Group(order, None, dense, others))
    return found


def _is_dense(layer: Any) -> bool:
    inner = innermost(layer)
    return isinstance(inner, Linear) and inner.delays is None


def _unbiased(layer: Any) -> bool:
    return not innermost(layer).biased


def _own(graph: Graph, group: Group) -> Dense | None:
    if group.own is None:
        return None
    layer = used(graph.layers[group.own])
    weight = masked(layer.weight, layer.mask)
    return None if weight is None else Dense(weight)


def _block(graph: Graph, group: Group, shapes: dict[str, Shape], dtype: Any) -> Array:
    """The dense feedback of a group as one matrix, zero between nodes that have none."""
    into, out = _targets(graph, group), _sources(graph, group)
    total = jnp.zeros((_width(out, shapes), _width(into, shapes)), dtype)
    for edge in group.dense:
        pair, layer = graph.pairs[edge], used(graph.layers[edge])
        row = _width(out[: out.index(pair.source)], shapes)
        column = _width(into[: into.index(pair.target)], shapes)
        weight = jnp.asarray(masked(layer.weight, layer.mask)).astype(dtype)
        total = jax.lax.dynamic_update_slice(total, weight, (row, column))
    return total


def _targets(graph: Graph, group: Group) -> tuple[str, ...]:
    """The nodes that dense feedback reaches, in order."""
    found = {graph.pairs[edge].target for edge in group.dense}
    return tuple(name for name in group.names if name in found)


def _sources(graph: Graph, group: Group) -> tuple[str, ...]:
    found = {graph.pairs[edge].source for edge in group.dense}
    return tuple(name for name in group.names if name in found)


def _width(names: tuple[str, ...], shapes: dict[str, Shape]) -> int:
    return sum(shapes[name][0] for name in names)


def _dtype(graph: Graph, dtype: Any) -> Any:
    leaves = jax.tree.leaves(eqx.filter((graph.neurons, graph.layers), eqx.is_inexact_array))
    return jnp.result_type(dtype, *leaves)
