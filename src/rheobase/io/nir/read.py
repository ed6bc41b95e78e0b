"""NIR graphs as models."""

from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from rheobase.errors import ArgumentError, CheckpointError, UnknownName
from rheobase.io.nir.chain import Chain, chain
from rheobase.io.nir.conventions import CONVENTIONS, Convention
from rheobase.io.nir.graph import read_graph
from rheobase.io.nir.layers import (
    axons,
    read_convolution,
    read_delay,
    read_flatten,
    read_linear,
    read_pool,
    read_recurrent,
)
from rheobase.io.nir.neurons import (
    CURRENT,
    gives,
    is_neuron,
    own_neuron,
    read_neuron,
    split_synapse,
)
from rheobase.io.nir.notes import kind_of, notes_of, package, unpacked
from rheobase.io.nir.units import SPIKE, floats
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.steppers import ExponentialEuler
from rheobase.train import Delay, Graph, Linear, Sequential, Skip, Threshold
from rheobase.train.layer import AbstractLayer, Shape
from rheobase.units import Quantity, ms, s


def read_nir(
    path: str | Path,
    *,
    strict: bool = True,
    convention: str | None = None,
    dt: Quantity | None = None,
) -> Sequential:
    """Read a NIR graph as a model.

    - `strict`: refuse a graph that another library wrote unless its `convention` or `dt` is given,
      since NIR does not say how it is to be stepped.
    - `convention`: whose graph it is, and so whose results it is to give: `"snntorch"`, `"norse"`,
      `"spyx"`, `"sinabs"`, `"rockpool"` or `"spikingjelly"`; it decides time step, scheme, reset,
      and which parameters that library does not look at. Without one: exponential Euler,
      v ← v_reset.
    - `dt`: the time step, where it is not that of the convention.

    Graphs of ours need neither; that of a network is a `Sequential` with one `Graph`.

    At a voltage of exactly the threshold a neuron fires here, and in Norse, snnTorch and Spyx it
    does not; an IF, whose inputs may add up to it, is given a threshold higher by 5e-7 of it.

    Errors: `ArgumentError` with the node that we have no layer for, or with branches;
    `UnknownName`; `CheckpointError` for what is no NIR file.
    """
    nir = package()
    if convention is not None and convention not in CONVENTIONS:
        raise UnknownName("convention of NIR", convention, CONVENTIONS)
    try:
        graph = nir.read(path, type_check=False)
    except (OSError, KeyError, ValueError, TypeError) as problem:
        raise CheckpointError(f"{path} is no NIR file that can be read: {problem}.") from problem
    notes = notes_of(graph)
    if notes.get("library") == "rheobase" and convention is None:
        return _own(graph, notes, dt)
    if convention is None and dt is None and strict:
        raise ArgumentError(
            f"{path} does not say how it is to be stepped. Write read_nir(..., "
            f'convention="norse") for a graph of Norse, or read_nir(..., dt=0.1*ms).'
        )
    way = Convention(1e-3, ExponentialEuler())
    way = way if convention is None else CONVENTIONS[convention]
    step = way.dt * s if dt is None else dt
    layers = _Reader(way, float(np.asarray(step.value_in(s))), None).layers(chain(graph))
    return Sequential(*layers, dt=step, stepper=way.stepper)


def _own(graph: Any, notes: dict[str, Any], dt: Quantity | None) -> Sequential:
    """A graph that we wrote."""
    step = notes["dt_ms"] * ms
    held = unpacked(notes, "graph") or {"stepper": ExponentialEuler(), "aside": ()}
    way = Convention(1e-3, held["stepper"])
    seconds = float(np.asarray(step.value_in(s)))
    if "nodes" in held:  # a network
        layers: list[Any] = [read_graph(graph, held["nodes"], seconds)]
    else:
        layers = _Reader(way, seconds, notes).layers(chain(graph))
    for place, layer in held.get("aside", ()):
        layers.insert(place, layer)
    return Sequential(*layers, dt=step if dt is None else dt, stepper=held["stepper"])


class _Reader:
    """Layers from the nodes of a chain."""

    def __init__(self, way: Convention, dt: float, own: dict[str, Any] | None):
        self.way, self.dt, self.own = way, dt, own
        self.done: list[Any] = []
        self.unit: Any = SPIKE
        """What one of our numbers is in NIR, behind the last layer; an array where they differ."""
        self.shape: Shape | None = None
        self.place: dict[str, int] = {}
        """The number of the layer that a node of the chain enters."""

    def layers(self, line: Chain) -> list[Any]:
        """The layers of a chain."""
        before, names = None, line.names
        for name, following in zip(names, (*names[1:], None), strict=True):
            node = line.nodes[name]
            for other in line.beside.get(name, ()):
                if "skip" not in notes_of(node) and not self._is_own(node, name, Skip):
                    self._append(Skip(len(self.done) - self.place[other]))
            self._node(name, node, line, None if following is None else line.nodes[following])
            self.place[name] = len(self.done)
            before = name
        if before is not None and np.any(np.asarray(self.unit) != np.asarray(self.unit).flat[0]):
            raise ArgumentError(
                f"the NIR graph ends in a Scale of many values behind {before!r}, for which there "
                f"is no layer."
            )
        return self.done

    def _is_own(self, node: Any, name: str, kind: type) -> bool:
        return kind_of(node) == "Scale" and isinstance(unpacked(notes_of(node), name), kind)

    def _append(self, layer: Any) -> None:
        self.done.append(layer)
        if isinstance(layer, AbstractLayer | Graph) and self.shape is not None:
            self.shape = layer.shape(self.shape, "the layer before")

    def _node(self, name: str, node: Any, line: Chain, following: Any) -> None:
        kind, notes = kind_of(node), notes_of(node)
        own = self._own(name, node, kind, notes)
        if own is not None and not isinstance(own, AbstractMembrane):
            self._append(own)
            self.unit = SPIKE if isinstance(own, Threshold | Graph) else self.unit
        elif own is not None or is_neuron(node):
            self._population(name, node, own, line.back.get(name, []))
        elif kind == "Input":
            self.shape = tuple(int(x) for x in np.atleast_1d(node.input_type["input"]))
        elif kind in ("Affine", "Linear"):
            self._append(read_linear(node, name, self.unit))
            self.unit = CURRENT
        elif kind in ("Conv1d", "Conv2d"):
            self._append(read_convolution(node, self.unit))
            self.unit = CURRENT
        elif kind in ("SumPool2d", "AvgPool2d"):
            self._append(read_pool(node))
        elif kind == "Flatten":
            self._append(read_flatten(node, self.shape, following))
        elif kind == "Delay":
            if "part_of" not in notes:
                self._append(read_delay(node, self.dt))
        elif kind == "Threshold":
            theta = np.asarray(node.threshold, float) / self.unit
            one = np.all(theta == theta.flat[0])
            self._append(Threshold(floats(theta.flat[0] if one else theta)))
            self.unit = SPIKE
        elif kind == "Scale":
            scale = np.asarray(node.scale, float)
            self.unit = self.unit * (scale.flat[0] if np.all(scale == scale.flat[0]) else scale)
        elif kind != "Output":
            raise ArgumentError(f"node {name!r} is a {kind}, for which there is no layer here.")

    def _own(self, name: str, node: Any, kind: str, notes: dict[str, Any]) -> Any:
        """The layer or the neuron of ours that a node stands for and still is."""
        if self.own is None:
            return None
        held = unpacked(notes, name)
        if kind in ("Affine", "Linear"):
            # A Linear of zeros stands for a layer without a node.
            stands = isinstance(held, AbstractLayer | Graph) and not np.any(node.weight)
            held = held if stands else None
        if isinstance(held, AbstractMembrane):
            return own_neuron(node, name, self.dt)
        if held is None or kind in ("Scale", "Flatten", "Linear"):
            return held
        if isinstance(held, Delay):
            return held if _same(axons(node.delay).time, held.delays.time) else None
        if isinstance(held, Threshold):
            theta = floats(np.asarray(node.threshold, float) / self.unit)
            return held if _same(theta, jnp.broadcast_to(held.theta, theta.shape)) else None
        pool: Any = read_pool(node)
        return held if held.shape(self.shape, "") == pool.shape(self.shape, "") else pool

    def _population(self, name: str, node: Any, own: Any, ways: list[Any]) -> None:
        gain, late = self.unit, self.way.late
        if own is not None:
            neuron, late = own, False
        else:
            seen = self.way.seen(node, self.dt)
            if self.way.split and not ways and kind_of(seen).startswith("Cuba"):
                synapse, seen = split_synapse(seen, gain)
                self._append(synapse)
                gain = CURRENT
            subtract = kind_of(node) in self.way.subtract
            neuron = read_neuron(seen, gain, subtract, self.dt)
        bias = None
        if ways:
            layer, bias = read_recurrent(neuron, ways, name, gain, self.dt)
        else:
            layer = neuron
        if bias is not None:
            self._biased(name, bias)
        self._append(layer)
        self.unit = gives(neuron)
        if late and neuron.onset is not Onset.NEVER and self.shape is not None:
            n = int(np.prod(self.shape))
            self._append(Delay(n, axons(np.full(n, self.dt))))

    def _biased(self, name: str, bias: np.ndarray) -> None:
        """The bias of a way back, given with the weights before the population."""
        last = self.done[-1] if self.done else None
        if not isinstance(last, Linear) or last.bias is None:
            raise ArgumentError(
                f"population {name!r} hears itself with a bias, and no Affine stands before it "
                f"that could hold it. Put the bias there."
            )
        more = (np.asarray(last.bias, float) + bias / CURRENT).astype(last.bias.dtype)
        self.done[-1] = eqx.tree_at(lambda x: x.bias, last, jnp.asarray(more))


def _same(one: Any, other: Any) -> bool:
    one, other = np.asarray(one, float), np.asarray(other, float)
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=1e-6))
