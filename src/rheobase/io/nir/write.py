"""Models as NIR graphs."""

import math
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from rheobase import atomic
from rheobase._version import __version__
from rheobase.errors import ArgumentError, brief
from rheobase.io.nir.graph import Drawn, drawn_network
from rheobase.io.nir.neurons import CURRENT, gives, write_neuron
from rheobase.io.nir.notes import KEY, package, packed
from rheobase.io.nir.units import SPIKE, affine, amperes, seconds
from rheobase.network import Network
from rheobase.neurons.base import AbstractMembrane
from rheobase.steppers import AbstractStepper
from rheobase.train import (
    AbstractLayer,
    Conv1d,
    Conv2d,
    Delay,
    Delays,
    Dropout,
    Flatten,
    Graph,
    Linear,
    Pool,
    Recurrent,
    Sequential,
    Skip,
    Threshold,
)
from rheobase.train.dense import masked
from rheobase.train.layer import Shape
from rheobase.units import Quantity, in_unit, s


def write_nir(
    model: Sequential | Network,
    path: str | Path,
    *,
    strict: bool = False,
    shape: Shape | None = None,
    dt: Quantity | None = None,
    stepper: AbstractStepper | None = None,
    output: str | None = None,
) -> tuple[str, ...]:
    """Write a model as a NIR graph; returns what of it other libraries will not see.

    - `model`: any `Sequential`, which `read_nir` gives back to the bit, whatever is in it; or a
      `Network` of what NIR knows, see below.
    - `strict`: refuse what NIR cannot say, instead of leaving it to metadata of ours: soft resets,
      refractory periods, adaptation, delays of single synapses, neurons without a node.
    - `shape`: of a step of one sample, where the first layer of a stack does not fix it:
      `(2, 34, 34)`.
    - `dt`, `stepper`: of a network, in what steps it is simulated; `ExponentialMidpoint()` by
      default. A stack has its own.
    - `output`: of a network, the population that the graph gives; by default the last one.

    Of a network it writes populations of `LIF`, `IF`, `LI`, `CubaLIF`, `CubaLI` and `Integrator`;
    `Delta` synapses, and `Exponential` ones of one tau on a population of `LIF` or `LI`, which then
    is a `CubaLIF` or `CubaLI`; delays, one for each presynaptic neuron; constant currents as
    biases; and each `SpikeSource` as a part of the input, in their order. A weight w (mV) of
    `Delta` is the current that moves the voltage by w in a step: w/(R (1 - exp(-dt/tau))).

    `read_nir` gives a `Sequential` with one `Graph`, and it the spikes of the network. In a graph a
    spike acts in its own step, and in the next one inside of a cycle; through `Delta` in a network
    in the next one. So a population that is moved by spikes alone fires earlier in the graph, by
    the `lead_steps` in the metadata of its node: 1 behind a source, 2 behind that. Where one would
    have to be earlier for some connections than for others, these get a Delay.

    Needs the package `nir`: `pip install "rheobase[nir]"`.

    Errors: `ArgumentError` with the layer that has no place in NIR, with what of a network has
    none, for a `shape` or `dt` that is missing, or for a graph that `nir.read` does not take; the
    file then stays as it was. `UnknownName` for an `output` that there is not.

    >>> import tempfile, rheobase as rb
    >>> from rheobase.units import ms, mV
    >>> model = rb.Sequential(rb.Linear(4, 8), rb.ALIF(), rb.Linear(8, 2), rb.LI())
    >>> excite = rb.Connection("in", "e", rb.Dense(), rb.Delta(), weight=20 * mV)
    >>> trains = rb.SpikeSource([2, 5] * ms, [0, 0], n=1)
    >>> network = rb.Network({"in": trains, "e": rb.Population(rb.LIF(), 3)}, [excite])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lost = rb.io.write_nir(model, f"{folder}/model.nir")
    ...     again = rb.io.read_nir(f"{folder}/model.nir")
    ...     nothing = rb.io.write_nir(network, f"{folder}/network.nir", dt=1 * ms)
    ...     graph = rb.io.read_nir(f"{folder}/network.nir").layers[0]
    >>> lost, bool((again.layers[0].weight == model.layers[0].weight).all())
    (('layer 1: the adaptation of ALIF',), True)
    >>> nothing, graph.names
    ((), ('e',))
    """
    nir = package()
    match model:
        case Network():
            _require_none({"shape": shape}, "a network knows its sizes")
            stack, drawn = drawn_network(model, dt, stepper, output)
            held: dict[str, Any] = {"nodes": tuple(drawn.populations)}
            if strict and drawn.lost:
                raise _no_place(drawn.lost[0])
        case Sequential():
            given = {"dt": dt, "stepper": stepper, "output": output}
            _require_none(given, "an rb.Sequential has its own")
            writer = _Writer(model, strict, shape)
            for number, layer in enumerate(model.layers):
                writer.add(number, layer)
            writer.end()
            drawn = Drawn(writer.nodes, writer.edges, tuple(writer.lost), ())
            stack, held = model, {"aside": tuple(writer.aside)}
        case _:
            raise ArgumentError(
                f"write_nir takes an rb.Sequential or an rb.Network, got {brief(model)}. For any "
                f"model of ours write rb.save(path, model)."
            )
    metadata = _metadata(stack, held)
    graph = nir.NIRGraph(drawn.nodes, drawn.edges, metadata=metadata, type_check=False)
    with atomic.replacing(path) as beside:
        nir.write(beside, graph)
        _check_readable(nir, beside)
    return drawn.lost


def _no_place(what: str) -> ArgumentError:
    return ArgumentError(
        f"{what} has no place in NIR. Write write_nir(..., strict=False) to keep it in metadata "
        f"that other libraries do not read."
    )


def _require_none(given: dict[str, Any], why: str) -> None:
    """Refuse arguments that are of the other kind of model."""
    for name, value in given.items():
        if value is not None:
            raise ArgumentError(f"`{name}` says nothing of this model: {why}. Leave it out.")


def _metadata(model: Sequential, held: dict[str, Any]) -> dict[str, Any]:
    """What stands beside the nodes of a graph."""
    dtypes = {str(x.dtype) for x in jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array))}
    return {
        "library": "rheobase",
        "library_version": __version__,
        "layout": 2,
        "dt_ms": float(model.dt),
        "stepper": type(model.stepper).__name__,
        "dtype": max(dtypes, default="float32"),
        "units": "SI: s, V, A, Ohm, F; a spike is 1 for one step",
        KEY: packed({"stepper": model.stepper, **held}),
    }


def _check_readable(nir: Any, path: Path) -> None:
    """Refuse a file that the package itself cannot read, before it takes its place."""
    try:
        nir.read(path)
    except Exception as problem:
        raise ArgumentError(
            f"the model would make a NIR file that no library reads: {problem}. Keep it by "
            f"rb.save(path, model), or give layers whose shapes NIR can say."
        ) from problem


class _Writer:
    """Nodes and edges, layer by layer."""

    def __init__(self, model: Sequential, strict: bool, shape: Shape | None):
        self.nir = package()
        self.strict = strict
        self.dt_ms = float(model.dt)
        self.dt = float(in_unit(np.float64(model.dt), s))
        self.shape: Shape = _entering(model) if shape is None else tuple(shape)
        self.lost: list[str] = []
        self.aside: list[tuple[int, Any]] = []
        """Layers that do nothing in a trained model, and their places."""
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.nodes["input"] = self.nir.Input(input_type={"input": np.array(self.shape)})
        self.last, self.unit = "input", SPIKE
        """The node that comes before, and what one of our numbers behind it is in NIR."""
        self.entered: list[tuple[str, float]] = []

    def add(self, number: int, layer: Any) -> None:
        self.entered.append((self.last, self.unit))
        name = str(number)
        match layer:
            case Dropout():
                self.aside.append((number, layer))
            case Linear():
                self._linear(name, layer)
            case Recurrent():
                self._population(name, layer.neuron)
                self._back(name, layer)
            case AbstractMembrane():
                self._population(name, layer)
            case Conv1d() | Conv2d():
                self._convolution(name, layer)
            case Pool() if len(self.shape) == 3:
                self._pool(name, layer)
            case Flatten():
                whole = {"input": np.array(self.shape)}
                self._chain(name, self.nir.Flatten(whole, 0, -1))
            case Delay():
                self._delay(name, layer.delays, {KEY: packed(layer)})
            case Threshold():
                self._threshold(name, layer)
            case Skip():
                self._skip(name, layer)
            case _:
                self._without_node(number, layer)
        self.shape = self._after(number, layer)

    def _after(self, number: int, layer: Any) -> Shape:
        """The shape behind a layer."""
        if not isinstance(layer, AbstractLayer | Graph):
            return self.shape
        return layer.shape(self.shape, f"layer {number - 1}") or self.shape

    def _without_node(self, number: int, layer: Any) -> None:
        self._lose(str(number), type(layer).__name__)
        self._chain(str(number), self._stand_in(number, layer))
        self.unit = SPIKE if isinstance(layer, Graph) else self.unit

    def _stand_in(self, number: int, layer: Any) -> Any:
        """A node for a layer that has none: a Scale of 1, or where it changes sizes a Linear."""
        notes = {KEY: packed(layer)}
        after: tuple[int, ...] = tuple(self._after(number, layer))
        if after == self.shape or len(after) > 1 or len(self.shape) > 1:
            return self.nir.Scale(scale=np.ones(self.shape), metadata=notes)
        return self.nir.Linear(
            weight=np.zeros((math.prod(after), math.prod(self.shape))), metadata=notes
        )

    def end(self) -> None:
        self.nodes["output"] = self.nir.Output(output_type={"output": np.array(self.shape)})
        self.edges.append((self.last, "output"))

    def _chain(self, name: str, node: Any) -> None:
        self.nodes[name] = node
        self.edges.append((self.last, name))
        self.last = name

    def _lose(self, name: str, what: str) -> None:
        if self.strict:
            raise _no_place(f"layer {name}: {what}")
        self.lost.append(f"layer {name}: {what}")

    def _population(self, name: str, neuron: AbstractMembrane) -> None:
        if self.unit != CURRENT:
            # One of our numbers is a nA to a neuron, where NIR has A.
            scale = np.full(self.shape, CURRENT / self.unit)
            self._chain(f"{name}_scale", self.nir.Scale(scale=scale))
        written = write_neuron(neuron, self.shape, self.dt)
        for what in written.lost:
            self._lose(name, what)
        self._chain(name, written.node)
        self.unit = gives(neuron)

    def _linear(self, name: str, layer: Linear) -> None:
        notes: dict[str, Any] = {"scale": float(layer.scale)}
        if layer.delays is not None or layer.mask is not None:
            notes[KEY] = packed(_beside(layer))
        if layer.delays is not None and layer.delays.per == "axon":
            self._delay(f"{name}_delay", layer.delays, {"part_of": name})
        elif layer.delays is not None:
            self._lose(name, "delays of single synapses")
        weight = masked(layer.weight, layer.mask)
        self._chain(name, affine(self.nir, weight, layer.bias, self.unit, notes))
        self.unit = CURRENT

    def _back(self, name: str, layer: Recurrent) -> None:
        """The way of a population back to itself."""
        notes: dict[str, Any] = {"scale": float(layer.scale), "damping": float(layer.damping)}
        if layer.delays is not None or layer.mask is not None:
            notes[KEY] = packed(_beside(layer))
        way = f"{name}_recurrent"
        self.nodes[way] = affine(self.nir, masked(layer.weight, layer.mask), None, SPIKE, notes)
        first = way
        if layer.delays is not None and layer.delays.per == "axon":
            first = f"{name}_delay"
            # An edge back is a step on the grid of any tool.
            time = np.maximum(seconds(layer.delays.time) - self.dt, 0)
            self.nodes[first] = self.nir.Delay(time, metadata={"part_of": name})
            self.edges.append((first, way))
        elif layer.delays is not None:
            self._lose(name, "delays of single synapses")
        self.edges += [(name, first), (way, name)]

    def _delay(self, name: str, delays: Delays, notes: dict[str, Any]) -> None:
        time = seconds(delays.time).reshape(self.shape)
        self._chain(name, self.nir.Delay(time, metadata=notes))

    def _convolution(self, name: str, layer: Conv1d | Conv2d) -> None:
        form = layer.form
        places = self.shape[1:]
        bias = np.zeros(form.n_out) if layer.bias is None else amperes(layer.bias, 1.0)
        notes = {"scale": float(layer.scale), "bias": int(layer.bias is not None)}
        one, padding = form.axes == 1, form.padding
        weight = np.asarray(layer.weight)
        if padding == "same" and any(stride > 1 for stride in form.stride):
            # "same" keeps the size in NIR, whatever the stride.
            front, back = _taps(form.edges, form.kernel, form.dilation)
            padding = tuple(
                before + tap * step
                for (before, _), tap, step in zip(form.edges, front, form.dilation, strict=True)
            )
            notes |= {"padding": "same", "front": front, "back": back}
            weight = np.pad(weight, [(0, 0), (0, 0), *zip(front, back, strict=True)])

        if form.groups > 1:
            # The package takes channels within a group for those of the input: zeros between them.
            notes["groups"] = form.groups
            weight = _apart(weight, form.groups)

        def sides(x: Any) -> Any:
            return x if isinstance(x, str) else int(x[0]) if one else tuple(x)

        node = (self.nir.Conv1d if one else self.nir.Conv2d)(
            input_shape=places[0] if one else places,
            weight=amperes(weight, self.unit),
            stride=sides(form.stride),
            padding=sides(padding),
            dilation=sides(form.dilation),
            groups=1,
            bias=bias,
            metadata=notes,
        )
        self._chain(name, node)
        self.unit = CURRENT

    def _pool(self, name: str, layer: Pool) -> None:
        if layer.how == "max":
            self._lose(name, "the maximum of Pool, for others a mean")
        kind = self.nir.SumPool2d if layer.how == "sum" else self.nir.AvgPool2d

        def pair(x: Any) -> np.ndarray:
            return np.array((x, x) if isinstance(x, int) else x)

        node = kind(pair(layer.size), pair(layer.stride), pair(layer.padding))
        node.metadata = {KEY: packed(layer)}
        self._chain(name, node)

    def _threshold(self, name: str, layer: Threshold) -> None:
        theta = np.broadcast_to(np.asarray(layer.theta, np.float64), self.shape)
        self._chain(name, self.nir.Threshold(theta * self.unit, metadata={KEY: packed(layer)}))
        self.unit = SPIKE

    def _skip(self, name: str, layer: Skip) -> None:
        source, unit = self.entered[int(name) - layer.layers]
        if unit != self.unit:
            self._lose(name, "a Skip from numbers of one kind to those of another")
        node = self.nir.Scale(scale=np.ones(self.shape), metadata={KEY: packed(layer)})
        self._chain(name, node)
        self.edges.append((source, name))


def _apart(weight: np.ndarray, groups: int) -> np.ndarray:
    """The weights of groups as those of one, with zeros from each to the others' inputs."""
    n_out, seen = weight.shape[:2]
    whole = np.zeros((n_out, groups * seen, *weight.shape[2:]), weight.dtype)
    for g, rows in enumerate(np.split(np.arange(n_out), groups)):
        whole[rows, g * seen : (g + 1) * seen] = weight[rows]
    return whole


def _taps(
    edges: tuple[tuple[int, int], ...], kernel: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[list[int], list[int]]:
    """Taps of zero before and behind a kernel, with which it stands between equal paddings.

    They also make it as long along all axes, as the package takes it to be, where that is possible.
    """
    front = [
        int(after != before and step == 1)
        for (before, after), step in zip(edges, dilation, strict=True)
    ]
    longest = max(k + f for k, f in zip(kernel, front, strict=True))
    more = [max(longest - k - f, 0) // 2 for k, f in zip(kernel, front, strict=True)]
    return [f + m for f, m in zip(front, more, strict=True)], more


def _entering(model: Sequential) -> Shape:
    """The shape of a step of one sample before the first layer."""
    first = next((layer for layer in model.layers if not isinstance(layer, Dropout)), None)
    if isinstance(first, Delay):
        return (first.n,)
    if isinstance(first, Linear | Recurrent):
        return (model.n_in,) if model.n_in is not None else (0,)
    raise ArgumentError(
        f"the first layer, {type(first).__name__}, does not say how wide its input is, which NIR "
        f"must know. Write write_nir(model, path, shape=(2, 34, 34))."
    )


def _beside(layer: Linear | Recurrent) -> dict[str, Any]:
    """What of a dense layer is no weight."""
    return {"delays": layer.delays, "mask": layer.mask, "density": layer.density}
