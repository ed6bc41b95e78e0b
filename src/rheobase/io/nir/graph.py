"""The nodes of a graph of populations, cycles included, and the graph of layers that they are.

An edge between populations that reach each other takes one step on a grid, any other none.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

from rheobase.errors import ArgumentError
from rheobase.io.nir.layers import axons, read_linear
from rheobase.io.nir.networks import Laid, laid_out
from rheobase.io.nir.neurons import CURRENT, is_neuron, own_neuron, read_neuron, write_neuron
from rheobase.io.nir.notes import kind_of, package
from rheobase.io.nir.units import SPIKE, affine, seconds
from rheobase.network import Network
from rheobase.neurons.base import AbstractMembrane
from rheobase.steppers import AbstractStepper, default_stepper
from rheobase.train import Graph, Linear, Sequential
from rheobase.train.arguments import positive_number
from rheobase.train.graph import INPUT, grouped
from rheobase.units import Quantity, ms

OUTPUT = "output"
LEAD = "lead_steps"
"""Of a population: its spikes are so many steps earlier than in the network that was written."""


class Drawn(NamedTuple):
    """A graph as nodes."""

    nodes: dict[str, Any]
    edges: list[tuple[str, str]]
    lost: tuple[str, ...]
    """What of it NIR does not say."""
    populations: tuple[str, ...]
    """In order, of a network."""


def drawn_network(
    network: Network, dt: Quantity | None, stepper: AbstractStepper | None, output: str | None
) -> tuple[Sequential, Drawn]:
    """A network as a stack of one graph, and the nodes of that.

    Errors: `ArgumentError` for what of it NIR cannot say, and without dt.
    """
    if dt is None:
        raise ArgumentError(
            "a network is written for the steps in which it is simulated. Write write_nir(network, "
            "path, dt=0.1*ms)."
        )
    step = positive_number(dt, ms, "dt", "write_nir(network, path, dt={})")
    rule = default_stepper() if stepper is None else stepper
    laid = laid_out(network, rule, step, output)
    stack = Sequential(laid.graph, dt=step * ms, stepper=rule)
    return stack, _drawn(laid, float(seconds(step)[0]))


def _drawn(laid: Laid, dt: float) -> Drawn:
    """The nodes of a network that was laid out; `dt` in s."""
    nir, graph = package(), laid.graph
    first = next(e for e in zip(graph.pairs, graph.layers, strict=True) if e[0].source == INPUT)
    sizes = graph.shapes((first[1].n_in,))
    entering = nir.Input(input_type={"input": np.array(sizes[INPUT])})
    entering.metadata = {"sources": ", ".join(f"{n}: {k}" for n, k in laid.sources.items())}
    nodes: dict[str, Any] = {INPUT: entering}
    edges: list[tuple[str, str]] = []
    lost: list[str] = []
    for name, neuron in zip(graph.names, graph.neurons, strict=True):
        written = write_neuron(neuron, sizes[name], dt)
        lost += [f"population {name!r}: {what}" for what in written.lost]
        written.node.metadata[LEAD] = laid.leads[name]
        nodes[name] = written.node
    for pair, layer in zip(graph.pairs, graph.layers, strict=True):
        way = [pair.source]
        name = _free(f"{pair.source}_{pair.target}", nodes)
        if layer.delays is not None:
            delay = _free(f"{name}_delay", nodes)
            nodes[delay] = nir.Delay(seconds(layer.delays.time))
            way.append(delay)
        notes = {"scale": float(layer.scale)}
        nodes[name] = affine(nir, layer.weight, layer.bias, SPIKE, notes)
        way += [name, pair.target]
        edges += zip(way[:-1], way[1:], strict=True)
    sending = {pair.source for pair in graph.pairs}
    for name in graph.names:
        if name == graph.output or name not in sending:  # every node leads to an output
            end = OUTPUT if name == graph.output else _free(f"{OUTPUT}_{name}", nodes)
            nodes[end] = nir.Output(output_type={"output": np.array(sizes[name])})
            edges.append((name, end))
    return Drawn(nodes, edges, tuple(lost), graph.names)


def _free(name: str, nodes: dict[str, Any]) -> str:
    """The name, longer where a node has it."""
    return _free(f"{name}_", nodes) if name in nodes else name


def read_graph(graph: Any, names: tuple[str, ...], dt: float) -> Graph:
    """A graph that was written of a network, with its populations in this order; `dt` in s.

    Errors: `ArgumentError` for nodes that another tool has put in and for which there is no layer.
    """
    found = [name for name, node in graph.nodes.items() if is_neuron(node)]
    order = [name for name in names if name in found]
    order += [name for name in found if name not in names]
    neurons = {name: _neuron(graph.nodes[name], name, dt) for name in order}
    layers: dict[tuple[str, str], Linear] = {}
    output = order[-1]
    for way in _ways(graph, order):
        if kind_of(graph.nodes[way[-1]]) == "Output":
            output = way[0] if way[-1] == OUTPUT else output
            continue
        pair = way[0], way[-1]
        if pair in layers:
            raise ArgumentError(
                f"the NIR graph has two ways from {pair[0]!r} to {pair[1]!r}, for which there is "
                f"no layer. Add up their weights in one."
            )
        layers[pair] = _layer([(name, graph.nodes[name]) for name in way[1:-1]], pair)
    groups = grouped(tuple(order), [pair for pair in layers if pair[0] != INPUT])
    inside = {pair for pair in layers for group in groups if {*pair} <= {*group}}
    return Graph(
        neurons,
        {pair: layer for pair, layer in layers.items() if pair not in inside},
        {pair: layer for pair, layer in layers.items() if pair in inside},
        output=output,
    )


def _neuron(node: Any, name: str, dt: float) -> AbstractMembrane:
    own = own_neuron(node, name, dt)
    return read_neuron(node, CURRENT, False, dt) if own is None else own


def _ways(graph: Any, populations: list[str]) -> Iterable[list[str]]:
    """The names along each way from the input or a population to the next one or the output."""
    after: dict[str, list[str]] = {}
    for a, b in graph.edges:
        after.setdefault(a, []).append(b)
    for start in (INPUT, *populations):
        for following in after.get(start, ()):
            way = [start, following]
            while way[-1] not in populations and kind_of(graph.nodes[way[-1]]) != "Output":
                onwards = after.get(way[-1], [])
                if len(onwards) != 1 or len(way) > len(graph.nodes):
                    raise ArgumentError(
                        f"node {way[-1]!r} of the NIR graph goes on to {len(onwards)} nodes: "
                        f"between populations only lines of weights and delays can be read."
                    )
                way.append(onwards[0])
            yield way


def _layer(way: list[tuple[str, Any]], pair: tuple[str, str]) -> Linear:
    """The weights between two populations, with what stands before them."""
    kinds = [kind_of(node) for _, node in way]
    if kinds not in (["Linear"], ["Affine"], ["Delay", "Linear"], ["Delay", "Affine"]):
        raise ArgumentError(
            f"from {pair[0]!r} to {pair[1]!r} the NIR graph has {' and '.join(kinds) or 'nothing'},"
            f" where a Linear or Affine can be read, with a Delay before it or none."
        )
    name, node = way[-1]
    layer = read_linear(node, name, SPIKE)
    if len(way) == 1:
        return layer
    delays = axons(np.asarray(way[0][1].delay, float))
    return eqx.tree_at(lambda x: x.delays, layer, delays, is_leaf=lambda x: x is None)
