"""The nodes of a graph in the order in which they act."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from rheobase.errors import ArgumentError
from rheobase.io.nir.notes import kind_of

_BACK = ("Linear", "Affine", "Delay", "Scale")
"""What may stand on the way from a population back to itself."""


class Chain(NamedTuple):
    """A graph as a line, with what goes beside it."""

    names: tuple[str, ...]
    """From the input to the output."""
    nodes: dict[str, Any]
    back: dict[str, list[tuple[Any, ...]]]
    """For a population that hears itself the nodes of each way back; none is a bare edge."""
    beside: dict[str, list[str]]
    """For a node that gets more than what stands before it, what else."""


def chain(graph: Any) -> Chain:
    """A graph, with the graphs inside it opened, as a line.

    Errors: `ArgumentError` for circles other than of one population, and for branches that are no
    connection past some nodes of a line.
    """
    nodes, edges = _flat(graph)
    edges = list(dict.fromkeys(edges))
    back: dict[str, list[tuple[Any, ...]]] = {}
    for name, node in nodes.items():
        if kind_of(node) in (*_BACK, "Input", "Output"):
            continue
        for way in _ways_back(name, nodes, edges):
            back.setdefault(name, []).append(tuple(nodes[x] for x in way))
            gone = {*way}
            here = (name, *way, name)
            closed = set(zip(here[:-1], here[1:], strict=True))
            edges = [e for e in edges if e not in closed and not gone & set(e)]
    names = _line(nodes, edges)
    beside: dict[str, list[str]] = {}
    for before, name in zip(names[:-1], names[1:], strict=True):
        others = [a for a, b in edges if b == name and a != before]
        if others:
            beside[name] = others
    return Chain(names, nodes, back, beside)


def _ways_back(name: str, nodes: dict[str, Any], edges: list[tuple[str, str]]) -> Iterable[Any]:
    """The ways from a population back to itself through weights and delays alone."""
    for start in [b for a, b in edges if a == name]:
        way: list[str] = []
        here = start
        while here != name:
            after = [b for a, b in edges if a == here]
            before = [a for a, b in edges if b == here]
            if kind_of(nodes[here]) not in _BACK or len(after) != 1 or len(before) != 1:
                break
            way.append(here)
            here = after[0]
        else:
            yield tuple(way)


def _line(nodes: dict[str, Any], edges: list[tuple[str, str]]) -> tuple[str, ...]:
    """The nodes in an order in which each hears the one before it."""
    waiting = {b: {a for a, c in edges if c == b} for edge in edges for b in edge}
    order: list[str] = []
    while waiting:
        ready = [name for name, before in waiting.items() if not before - set(order)]
        if not ready:
            circle = ", ".join(sorted(waiting))
            raise ArgumentError(
                f"the NIR graph runs in a circle among {circle}: only a population that hears "
                f"itself through weights and delays can be read."
            )
        heard = [x for x in ready if not order or order[-1] in waiting[x]]
        if len(ready) > 1 or not heard:
            last = f"node {order[-1]!r} of the NIR graph goes on" if order else "the NIR graph goes"
            raise ArgumentError(
                f"{last} to {', '.join(sorted(ready))}: only a line can be read, with connections "
                f"past some of its nodes and populations that hear themselves."
            )
        order.append(ready[0])
        del waiting[ready[0]]
    return tuple(order)


def _flat(graph: Any, prefix: str = "") -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The nodes and edges of a graph with the graphs inside it opened."""
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    doors: dict[str, tuple[str, str]] = {}
    for name, node in graph.nodes.items():
        full = f"{prefix}{name}"
        if kind_of(node) != "NIRGraph":
            nodes[full] = node
            continue
        inner, between = _flat(node, f"{full}.")
        nodes |= inner
        edges += between
        ends = [
            next(n for n, x in inner.items() if kind_of(x) == kind) for kind in ("Input", "Output")
        ]
        doors[full] = (ends[0], ends[1])
    for a, b in graph.edges:
        a, b = f"{prefix}{a}", f"{prefix}{b}"
        edges.append((doors[a][1] if a in doors else a, doors[b][0] if b in doors else b))
    return nodes, edges
