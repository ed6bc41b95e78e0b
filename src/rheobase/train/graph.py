"""Populations wired as a graph, cycles included: one layer of a `Sequential`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
from jax import Array

from rheobase import printed
from rheobase.cycles import reached
from rheobase.errors import ArgumentError, ShapeError, UnknownName, brief
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.train.layer import AbstractLayer, Shape, text
from rheobase.train.norm import BatchNorm
from rheobase.train.scale import input_scale
from rheobase.train.shaping import Skip

INPUT = "input"
"""The name of what enters a graph."""
CALL = (
    'Write rb.Graph({"e": rb.LIF(), "i": rb.LIF()}, {("input", "e"): rb.Linear(64, 100), '
    '("e", "i"): rb.Linear(100, 25)}, feedback={("i", "e"): rb.Linear(25, 100)}, output="e").'
)

Pair = tuple[str, str]


class Edge(NamedTuple):
    """From where to where, and whether a step later."""

    source: str
    target: str
    later: bool


class Graph(eqx.Module):
    r"""Named populations and the layers between them, with as many cycles as there should be.

    u_n(k) = sum over edges m -> n of layer(s_m(k)) + sum over feedback m -> n of layer(s_m(k-1))

    Each node is a neuron that receives u_n (time, batch, ...) and gives s_n, its spikes or, where
    it never fires, its voltage (mV). The layers are any of those of a `Sequential` without neurons,
    and each draws its weights for the neuron behind it.

    - `nodes`: from names to neurons; `"input"` is what enters.
    - `edges`: from pairs (source, target) to layers, or to None where the numbers arrive as they
      are. Within a step there is no cycle.
    - `feedback`: the same, a step of dt later; these may close cycles. Before the first step
      nothing was sent.
    - `output`: the node whose s is what the layer gives.

    A graph is as fast as its wiring allows. What is in no cycle runs as in a `Sequential`: products
    over all steps at once. A population whose only cycle is a `Linear` onto itself without bias and
    delays runs as a `Recurrent`. The populations of a larger cycle go through the steps together;
    what enters it from outside is computed before, and the gradient of its `Linear` feedback after
    the loop. In such a cycle, derivatives exist in reverse mode only.

    `model.activity(x)` has a recording of each node, in their order. Gradient methods: those of
    `Surrogate` in all forms; `Exact`, `EProp` and `RTRL` refuse it, and `Mixed` takes surrogates in
    it.

    Errors: `ArgumentError` for a cycle within a step, for what is no neuron or layer;
    `UnknownName`; `ShapeError`.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> circuit = rb.Graph(
    ...     nodes={"e": rb.ALIF(), "i": rb.LIF()},
    ...     edges={("input", "e"): rb.Linear(8, 20), ("e", "i"): rb.Linear(20, 5)},
    ...     feedback={("i", "e"): rb.Linear(5, 20), ("e", "e"): rb.Linear(20, 20, bias=False)},
    ...     output="e",
    ... )
    >>> model = rb.Sequential(circuit, rb.Linear(20, 2), rb.LI())
    >>> model(jnp.ones((30, 4, 8))).shape, len(model.populations)
    ((30, 4, 2), 3)
    """

    neurons: tuple[AbstractMembrane, ...]
    layers: tuple[Any, ...]
    """Of `pairs`; None where numbers arrive as they are."""
    names: tuple[str, ...] = eqx.field(static=True)
    pairs: tuple[Edge, ...] = eqx.field(static=True)
    output: str = eqx.field(static=True)

    def __init__(
        self,
        nodes: Mapping[str, AbstractMembrane],
        edges: Mapping[Pair, Any],
        feedback: Mapping[Pair, Any] | None = None,
        *,
        output: str,
    ):
        feedback = {} if feedback is None else feedback
        for given in (nodes, edges, feedback):
            if not isinstance(given, Mapping):
                raise ArgumentError(f"a Graph is made of dictionaries, got {brief(given)}. {CALL}")
        self.names, self.neurons = tuple(nodes), tuple(nodes.values())
        _require_nodes(nodes)
        self.pairs = tuple(
            Edge(*_pair(pair, self.names), later)
            for given, later in ((edges, False), (feedback, True))
            for pair in given
        )
        self.layers = (*edges.values(), *feedback.values())
        for pair, layer in zip(self.pairs, self.layers, strict=True):
            _require_layer(pair, layer)
        if output not in self.names:
            raise UnknownName("node (as `output`)", output, self.names)
        self.output = output
        within = [(pair.source, pair.target) for pair in self.pairs if not pair.later]
        ordered(self.names, within)
        fed = {pair.target for pair in self.pairs}
        for name in self.names:
            if name not in fed:
                raise ArgumentError(
                    f"no edge leads to node {name!r}, which would never hear of anything. "
                    f'Write ("input", {name!r}): rb.Linear(64, 100) among the edges.'
                )

    def __repr__(self) -> str:
        edges = zip(self.pairs, self.layers, strict=True)
        rows = [*zip(self.names, self.neurons, strict=True)]
        rows += [(f"{p.source} {'=>' if p.later else '->'} {p.target}", one) for p, one in edges]
        return printed.parts(f"Graph: output {self.output}", rows)

    @property
    def fires(self) -> bool:
        """Whether what it gives are spikes."""
        return self.neuron(self.output).onset is not Onset.NEVER

    @property
    def entered(self) -> AbstractMembrane:
        """The neuron for which what stands before the graph is sized: the first one behind it."""
        target = next((p.target for p in self.pairs if p.source == INPUT), self.names[0])
        return self.neuron(target)

    def neuron(self, name: str) -> AbstractMembrane:
        """The neuron of a node."""
        return self.neurons[self.names.index(name)]

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        """The shape of a step after it; errors as for a layer."""
        return self.shapes(before, giver).get(self.output)

    def shapes(self, before: Shape | None, giver: str = INPUT) -> dict[str, Shape]:
        """The shape of a step of each node, and of the input, as far as they are known."""
        known: dict[str, Shape] = {} if before is None else {INPUT: before}
        found = -1
        # Feedback may tell the shape of a node that an earlier edge asks for.
        while found < len(known):
            found = len(known)
            for pair, layer in zip(self.pairs, self.layers, strict=True):
                shape = known.get(pair.source)
                name = giver if pair.source == INPUT else f"node {pair.source!r}"
                where = f"edge {pair.source!r} -> {pair.target!r}"
                if layer is not None:
                    try:
                        shape = layer.shape(shape, name)
                    except ShapeError as error:
                        raise ShapeError(f"{where}: {type(layer).__name__} {error}") from None
                if shape is None:
                    continue
                if known.setdefault(pair.target, shape) != shape:
                    raise ShapeError(
                        f"{where} gives {text(shape)} to a node that receives "
                        f"{text(known[pair.target])} by another one. They must be the same."
                    )
        missing = [name for name in self.names if name not in known]
        if before is not None and missing:
            raise ShapeError(
                f"how many neurons node {missing[0]!r} has is said by no edge. "
                f"Put an rb.Linear there."
            )
        return known

    def drawn(self, key: Array, dt: float, spikes: bool) -> "Graph":
        """The graph with weights where it has none; `spikes` for what enters."""
        layers = []
        for number, (pair, layer) in enumerate(zip(self.pairs, self.layers, strict=True)):
            if layer is not None:
                fires = spikes
                if pair.source != INPUT:
                    fires = self.neuron(pair.source).onset is not Onset.NEVER
                scale = input_scale(self.neuron(pair.target), dt, spikes=fires)
                layer = layer.drawn(jax.random.fold_in(key, number), scale, dt)
            layers.append(layer)
        return eqx.tree_at(
            lambda graph: graph.layers, self, tuple(layers), is_leaf=lambda x: x is None
        )


def ordered(names: tuple[str, ...], pairs: list[Pair]) -> list[str]:
    """The names so that no pair leads backwards; refuses a cycle."""
    done: list[str] = []
    waiting = list(names)
    while waiting:
        ready = [
            name
            for name in waiting
            if all(source in (INPUT, *done) for source, target in pairs if target == name)
        ]
        if not ready:
            source, target = next((s, t) for s, t in pairs if s in waiting and t in waiting)
            raise ArgumentError(
                f"edges within a step make a cycle through {' and '.join(map(repr, waiting))}. One "
                f"of them must take a step: feedback={{({source!r}, {target!r}): ...}}."
            )
        done.append(ready[0])
        waiting.remove(ready[0])
    return done


def components(graph: Graph) -> list[list[str]]:
    """The nodes in groups that reach each other, in an order in which each needs earlier ones."""
    return grouped(graph.names, [p[:2] for p in graph.pairs if p.source != INPUT])


def grouped(names: tuple[str, ...], pairs: list[Pair]) -> list[list[str]]:
    """The names in groups that reach each other by pairs, each after those that lead to it."""
    leads = reached(names, pairs)
    groups: list[list[str]] = []
    for name in names:
        group = [other for other in names if other in leads[name] and name in leads[other]]
        if group not in groups:
            groups.append(group)
    number = {name: str(i) for i, group in enumerate(groups) for name in group}
    between = [(number[a], number[b]) for a, b in pairs if number[a] != number[b]]
    order = ordered(tuple(map(str, range(len(groups)))), between)
    return [groups[int(i)] for i in order]


def _require_nodes(nodes: Mapping[str, Any]) -> None:
    if not nodes:
        raise ArgumentError(f"a Graph has one node at least. {CALL}")
    for name, neuron in nodes.items():
        if not isinstance(name, str) or name == INPUT:
            raise ArgumentError(
                f"the name of a node is a text other than 'input', got {brief(name)}. {CALL}"
            )
        if not isinstance(neuron, AbstractMembrane):
            raise ArgumentError(
                f"node {name!r} is a neuron, got {brief(neuron)}. What goes back to itself is "
                f"feedback={{({name!r}, {name!r}): rb.Linear(100, 100, bias=False)}}."
            )


def _pair(pair: Any, names: tuple[str, ...]) -> Pair:
    """An edge between nodes that there are."""
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise ArgumentError(f"an edge goes from one name to another, got {brief(pair)}. {CALL}")
    source, target = pair
    if source not in (INPUT, *names):
        raise UnknownName(f"node (in edge {pair})", source, (INPUT, *names))
    if target not in names:
        raise UnknownName(f"node (in edge {pair})", target, names)
    return source, target


def _require_layer(pair: Edge, layer: Any) -> None:
    if layer is None or (
        isinstance(layer, AbstractLayer) and not isinstance(layer, Skip | BatchNorm)
    ):
        return
    cure = "Write rb.Linear(64, 100), or None for numbers as they are."
    if isinstance(layer, Skip):
        cure = "An edge around others is a Skip by itself: give it None."
    if isinstance(layer, BatchNorm):
        cure = "Put rb.BatchNorm before the Graph, in the Sequential."
    raise ArgumentError(
        f"edge {pair.source!r} -> {pair.target!r} is a layer without neurons, got "
        f"{brief(layer)}. {cure}"
    )
