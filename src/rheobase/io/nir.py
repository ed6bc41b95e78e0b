"""NIR, the Neuromorphic Intermediate Representation: graphs that other libraries read and write.

NIR (Pedersen et al. 2024, Nat Commun 15:8122; the package `nir`) holds equations in SI units and
says nothing of the time step, the scheme, or resets other than v ← v_reset. What we add stands in
the metadata of the graph and of its nodes, so that our own graphs come back to the bit:

    graph   "library" rheobase, "library_version", "layout" 1, "dt_ms", "stepper", "dtype",
            "units" (SI: s, V, A, Ohm, F; a spike is 1 for one step)
    neuron  "scalars" names of NIR parameters that were one number for the population,
            "reset" value or subtract, "refractory_ms", "refractory_hold"
    weights "scale" in which they train

A spike is what every tool makes of it: an input of 1 that lasts one step. `CubaLIF` of ours, where
a spike adds its weight to the current at once, is written with w_in = tau_syn/dt.

| NIR | rheobase |
|---|---|
| Affine, Linear | `Linear` (weights transposed) |
| IF (r = 1/C), LIF, LI, CubaLIF | the same |
| Scale | into the weights beside it |
| population -> Linear -> same population | `Recurrent` |

Everything else is refused by name: convolutions and pools, `Delay`, `Threshold`, `I`, `CubaLI`, and
recurrent delays of ours.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase._version import __version__
from rheobase.adaptors import Refractory, SoftReset, SurrogateReset
from rheobase.adaptors.base import AbstractAdaptor
from rheobase.errors import ArgumentError, CheckpointError, UnknownName
from rheobase.neurons import IF, LI, LIF, CubaLIF
from rheobase.neurons.base import AbstractMembrane
from rheobase.steppers import (
    AbstractStepper,
    Euler,
    Exact,
    ExponentialEuler,
    Heun,
    Midpoint,
    RungeKutta4,
)
from rheobase.train import Linear, Recurrent, Sequential
from rheobase.units import A, F, Ohm, Quantity, Unit, V, in_unit, ms, s

STEPPERS = {
    kind.__name__: kind for kind in (Euler, Exact, ExponentialEuler, Heun, Midpoint, RungeKutta4)
}


class Convention(NamedTuple):
    """What a library does that it does not write."""

    dt: float
    """s."""
    stepper: AbstractStepper
    subtract: bool
    """Whether a reset subtracts the distance from v_reset to the threshold."""


CONVENTIONS: dict[str, Callable[[], Convention]] = {
    "snntorch": lambda: Convention(1e-4, Euler(), True),
    "norse": lambda: Convention(1e-3, Euler(), False),
    "spikingjelly": lambda: Convention(1e-4, Euler(), False),
    "spyx": lambda: Convention(1.0, Euler(), True),
    "sinabs": lambda: Convention(1.0, ExponentialEuler(), True),
    "rockpool": lambda: Convention(1e-3, ExponentialEuler(), True),
}
"""By the names of libraries; `dt` as each assumes it where it is not told."""


def write_nir(model: Sequential, path: str | Path, *, strict: bool = True) -> None:
    """Write a model as a NIR graph.

    - `model`: a `Sequential` of `Linear`, `Recurrent`, and IF, LIF, LI and CubaLIF neurons.
    - `strict`: refuse what NIR cannot say. With False a `SoftReset`, a `Refractory` and delta
      inputs are left to our metadata, which other libraries do not read.

    Surrogates are no part of the file. Needs the package `nir`: `pip install "rheobase[nir]"`.

    Errors: `ArgumentError` with the layer that has no place in NIR.

    >>> import tempfile, rheobase as rb
    >>> model = rb.Sequential(rb.Linear(4, 8), rb.LIF(), rb.Linear(8, 2), rb.LI())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rb.io.write_nir(model, f"{folder}/model.nir")
    ...     again = rb.io.read_nir(f"{folder}/model.nir")
    >>> bool((again.layers[0].weight == model.layers[0].weight).all()), again.layers[1].tau
    (True, Array(10., dtype=float32))
    """
    nir = _nir()
    if not isinstance(model, Sequential):
        raise ArgumentError(
            f"write_nir takes an rb.Sequential, got {type(model).__name__}. For any model of ours "
            f"write rb.save(path, model)."
        )
    writer = _Writer(model, strict)
    for number, layer in enumerate(model.layers):
        writer.add(number, layer)
    writer.end()
    dtypes = {str(x.dtype) for x in jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array))}
    metadata = {
        "library": "rheobase",
        "library_version": __version__,
        "layout": 1,
        "dt_ms": float(model.dt),
        "stepper": type(model.stepper).__name__,
        "dtype": max(dtypes, default="float32"),
        "units": "SI: s, V, A, Ohm, F; a spike is 1 for one step",
    }
    graph = nir.NIRGraph(writer.nodes, writer.edges, metadata=metadata, type_check=False)
    nir.write(path, graph)


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
    - `convention`: whose graph it is: `"snntorch"`, `"norse"`, `"spyx"`, `"sinabs"`, `"rockpool"`
      or `"spikingjelly"`; it decides time step, scheme and reset. Without one: exponential Euler,
      v ← v_reset.
    - `dt`: the time step, where it is not that of the convention.

    Graphs of ours need neither. What a library does at other times than we do is not imitated:
    snnTorch subtracts a reset in the step after the spike, after its decay.

    Errors: `ArgumentError` with the node that we have no layer for, or with branches;
    `UnknownName`; `CheckpointError` for what is no NIR file.
    """
    nir = _nir()
    if convention is not None and convention not in CONVENTIONS:
        raise UnknownName("convention of NIR", convention, CONVENTIONS)
    try:
        graph = nir.read(path, type_check=False)
    except (OSError, KeyError, ValueError, TypeError) as problem:
        raise CheckpointError(f"{path} is no NIR file that can be read: {problem}.") from problem
    notes = _notes(graph)
    ours = notes.get("library") == "rheobase"
    if ours:
        way = Convention(notes["dt_ms"], STEPPERS[notes["stepper"]](), False)
        step = notes["dt_ms"] * ms
    elif convention is None and dt is None and strict:
        raise ArgumentError(
            f"{path} does not say how it is to be stepped. Write read_nir(..., "
            f'convention="norse") for a graph of Norse, or read_nir(..., dt=0.1*ms).'
        )
    else:
        way = Convention(1e-3, ExponentialEuler(), False)
        way = way if convention is None else CONVENTIONS[convention]()
        step = way.dt * s
    step = step if dt is None else dt
    order = _Chain(graph)
    reader = _Reader(way.subtract, float(np.asarray(step.value_in(s))))
    layers = [reader.layer(name, order) for name in order.names]
    layers = [layer for layer in layers if layer is not None]
    return Sequential(*reader.scaled(layers), dt=step, stepper=way.stepper)


class _Writer:
    """Nodes and edges, layer by layer."""

    def __init__(self, model: Sequential, strict: bool):
        self.nir = _nir()
        self.model, self.strict = model, strict
        self.dt = float(in_unit(np.float64(model.dt), s))
        self.width: tuple[int, ...] | None = None
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.last = "input"

    def add(self, number: int, layer: Any) -> None:
        name = str(number)
        if isinstance(layer, Linear | Recurrent) and layer.delays is not None:
            raise ArgumentError(f"layer {number}: delays of synapses have no node in NIR.")
        if isinstance(layer, Linear):
            node = _affine(self.nir, layer.weight, layer.bias, layer.scale)
            self._chain(name, node, (layer.n_in,), (layer.n_out,))
        elif isinstance(layer, Recurrent):
            self._chain(name, self._neuron(number, layer.neuron, (layer.n,)), (layer.n,), None)
            back = f"{name}_recurrent"
            self.nodes[back] = _affine(self.nir, layer.weight, None, layer.scale)
            self.edges += [(name, back), (back, name)]
        elif isinstance(layer, AbstractMembrane):
            if self.width is None:
                raise ArgumentError(
                    f"layer {number} begins the model with {type(layer).__name__}, whose width is "
                    f"not known. Put rb.Linear(64, 64) before it."
                )
            self._chain(name, self._neuron(number, layer, self.width), self.width, None)
        else:
            raise ArgumentError(
                f"layer {number}, {type(layer).__name__}, has no node in NIR. "
                f"Write rb.save(path, model) for a file that holds every model of ours."
            )

    def end(self) -> None:
        output = {"output": np.array(self.width)}
        self.nodes["output"] = self.nir.Output(output_type=output)
        self.edges.append((self.last, "output"))

    def _chain(self, name: str, node: Any, enters: tuple, leaves: tuple | None) -> None:
        if not self.nodes:
            self.nodes["input"] = self.nir.Input(input_type={"input": np.array(enters)})
        self.nodes[name] = node
        self.edges.append((self.last, name))
        self.last, self.width = name, enters if leaves is None else leaves

    def _neuron(self, number: int, neuron: AbstractMembrane, shape: tuple[int, ...]) -> Any:
        notes: dict[str, Any] = {"reset": "value"}
        while isinstance(neuron, AbstractAdaptor):
            if isinstance(neuron, SoftReset):
                self._only_ours(number, "SoftReset, a reset by subtraction,")
                notes["reset"] = "subtract"
            elif isinstance(neuron, Refractory):
                self._only_ours(number, "Refractory")
                notes["refractory_ms"] = float(np.asarray(neuron.period))
                notes["refractory_hold"] = neuron.hold_which
            elif not isinstance(neuron, SurrogateReset):  # which changes gradients alone
                self._none(number, type(neuron).__name__)
            neuron = neuron.neuron
        if type(neuron) not in _NEURONS:
            self._none(number, type(neuron).__name__)
        return _NEURONS[type(neuron)](self.nir, _Full(neuron, shape, notes), notes, self.dt)

    def _only_ours(self, number: int, what: str) -> None:
        if self.strict:
            raise ArgumentError(
                f"layer {number}: {what} has no place in NIR. Write write_nir(..., strict=False) "
                f"to keep it in metadata that other libraries do not read."
            )

    def _none(self, number: int, name: str) -> None:
        raise ArgumentError(
            f"layer {number}: {name} has no node in NIR, which has IF, LIF, LI and CubaLIF. "
            f"Write rb.save(path, model) for a file that holds every model of ours."
        )


class _Full:
    """Parameters of a neuron in SI units, in float64, one for each element."""

    def __init__(self, neuron: Any, shape: tuple[int, ...], notes: dict[str, Any]):
        self.neuron, self.shape, self.notes = neuron, shape, notes

    def __call__(self, name: str, unit: Unit) -> np.ndarray:
        value = np.asarray(getattr(self.neuron, name), np.float64)
        if value.ndim == 0:
            scalars = [*self.notes.get("scalars", "").split(), name]
            self.notes["scalars"] = " ".join(scalars)
        return np.broadcast_to(np.asarray(in_unit(value, unit)), self.shape).copy()


def _write_lif(nir: Any, full: _Full, notes: dict, dt: float) -> Any:
    return nir.LIF(
        tau=full("tau", s),
        r=full("R", Ohm),
        v_leak=full("v_rest", V),
        v_threshold=full("v_th", V),
        v_reset=full("v_reset", V),
        metadata=notes,
    )


def _write_cuba(nir: Any, full: _Full, notes: dict, dt: float) -> Any:
    tau_syn = full("tau_syn", s)
    return nir.CubaLIF(
        tau_syn=tau_syn,
        tau_mem=full("tau", s),
        r=full("R", Ohm),
        v_leak=full("v_rest", V),
        v_threshold=full("v_th", V),
        v_reset=full("v_reset", V),
        w_in=tau_syn / dt,
        metadata=notes,
    )


def _write_li(nir: Any, full: _Full, notes: dict, dt: float) -> Any:
    notes.pop("reset")
    tau, r, leak = full("tau", s), full("R", Ohm), full("v_rest", V)
    return nir.LI(tau=tau, r=r, v_leak=leak, metadata=notes)


def _write_if(nir: Any, full: _Full, notes: dict, dt: float) -> Any:
    th, reset = full("v_th", V), full("v_reset", V)
    return nir.IF(r=1 / full("C", F), v_threshold=th, v_reset=reset, metadata=notes)


_NEURONS: dict[type, Callable] = {
    LIF: _write_lif,
    CubaLIF: _write_cuba,
    LI: _write_li,
    IF: _write_if,
}


def _affine(nir: Any, weight: Any, bias: Any, scale: float) -> Any:
    notes = {"scale": float(scale)}
    w = in_unit(np.asarray(weight, np.float64).T, A)
    if bias is None:
        return nir.Linear(weight=w, metadata=notes)
    return nir.Affine(weight=w, bias=in_unit(np.asarray(bias, np.float64), A), metadata=notes)


class _Chain:
    """The nodes of a graph in the order of its edges, and the recurrent weights of each."""

    def __init__(self, graph: Any):
        self.nodes, edges = _flat(graph)
        after: dict[str, list[str]] = {name: [] for name in self.nodes}
        for a, b in dict.fromkeys(edges):
            after[a].append(b)
        self.back: dict[str, list[Any]] = {}
        starts = [name for name, node in self.nodes.items() if type(node).__name__ == "Input"]
        entered = {b for _, b in edges}
        here = next((name for name in starts if name not in entered), None)
        self.names: list[str] = []
        while here is not None:
            if here in self.names:
                raise ArgumentError(f"the NIR graph runs in a circle through node {here!r}.")
            self.names.append(here)
            ahead = []
            for other in after[here]:
                if other == here:
                    self.back.setdefault(here, []).append(None)
                elif after[other] == [here]:
                    self.back.setdefault(here, []).append(self.nodes[other])
                else:
                    ahead.append(other)
            if len(ahead) > 1:
                raise ArgumentError(
                    f"node {here!r} of the NIR graph goes on to {', '.join(ahead)}: only chains "
                    f"with recurrent populations can be read."
                )
            here = ahead[0] if ahead else None


def _flat(graph: Any, prefix: str = "") -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The nodes and edges of a graph with the graphs inside it opened."""
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = []
    doors: dict[str, tuple[str, str]] = {}
    for name, node in graph.nodes.items():
        full = f"{prefix}{name}"
        if type(node).__name__ != "NIRGraph":
            nodes[full] = node
            continue
        inner, between = _flat(node, f"{full}.")
        nodes |= inner
        edges += between
        ends = [
            next(n for n, x in inner.items() if type(x).__name__ == kind)
            for kind in ("Input", "Output")
        ]
        doors[full] = (ends[0], ends[1])
    for a, b in graph.edges:
        a, b = f"{prefix}{a}", f"{prefix}{b}"
        edges.append((doors[a][1] if a in doors else a, doors[b][0] if b in doors else b))
    return nodes, edges


class _Reader:
    """Layers from nodes."""

    def __init__(self, subtract: bool, dt: float):
        self.subtract, self.dt = subtract, dt

    def layer(self, name: str, chain: _Chain) -> Any:
        node = chain.nodes[name]
        kind = type(node).__name__
        notes = _notes(node)
        if kind in ("Input", "Output"):
            return None
        if kind in ("Affine", "Linear"):
            bias = node.bias if kind == "Affine" else None
            return _linear(node.weight, bias, notes.get("scale", 1.0))
        if kind == "Scale":
            return np.asarray(node.scale, np.float64)
        make = {"LIF": self._lif, "CubaLIF": self._cuba, "LI": self._li, "IF": self._if}.get(kind)
        if make is None:
            raise ArgumentError(f"node {name!r} is a {kind}, for which there is no layer here.")
        neuron, gain = make(node, notes)
        neuron = self._adapted(neuron, notes)
        back = chain.back.get(name)
        if back is None:
            return neuron if gain is None else (gain, neuron)
        n = int(np.prod(np.shape(node.v_threshold)))
        weight = np.zeros((n, n))
        for other in back:
            weight = weight + (np.eye(n) if other is None else np.asarray(other.weight, float))
        weight = weight if gain is None else gain[:, None] * weight
        scale = _notes(back[0]).get("scale", 1.0) if back[0] is not None else 1.0
        layer = Recurrent(neuron, n, scale=scale)
        w = _amperes(weight.T)
        layer = eqx.tree_at(lambda x: x.weight, layer, w, is_leaf=lambda x: x is None)
        return layer if gain is None else (gain, layer)

    def scaled(self, layers: list[Any]) -> list[Any]:
        """The layers with factors taken into the weights before or after them."""
        done: list[Any] = []
        waiting: np.ndarray | None = None
        for item in layers:
            gain, layer = item if isinstance(item, tuple) else (None, item)
            if isinstance(layer, np.ndarray):
                waiting = layer if waiting is None else waiting * layer
                continue
            if waiting is not None and isinstance(layer, Linear):
                rows = waiting.reshape(-1, 1) * np.asarray(layer.weight, float)
                rows = jnp.asarray(rows.astype(jnp.result_type(float)))
                layer = eqx.tree_at(lambda x: x.weight, layer, rows)
                waiting = None
            factor = gain if waiting is None else waiting if gain is None else gain * waiting
            waiting = None
            if factor is not None:
                done = _gained(done, factor)
            done.append(layer)
        return done if waiting is None else _gained(done, waiting)

    def _adapted(self, neuron: Any, notes: dict[str, Any]) -> Any:
        if isinstance(neuron, LI):
            return neuron
        if notes.get("reset", "subtract" if self.subtract else "value") == "subtract":
            neuron = SoftReset(neuron)  # pyright: ignore[reportCallIssue]
        if "refractory_ms" in notes:
            hold = notes["refractory_hold"]
            neuron = Refractory(neuron, float(notes["refractory_ms"]) * ms, hold=hold)
        return neuron

    def _lif(self, node: Any, notes: dict[str, Any]) -> Any:
        get = _getter(node, notes)
        neuron = LIF(
            tau=get("tau", "tau", s),
            R=get("r", "R", Ohm),
            v_rest=get("v_leak", "v_rest", V),
            v_th=get("v_threshold", "v_th", V),
            v_reset=get("v_reset", "v_reset", V),
        )
        return neuron, None

    def _cuba(self, node: Any, notes: dict[str, Any]) -> Any:
        get = _getter(node, notes)
        neuron = CubaLIF(
            tau=get("tau_mem", "tau", s),
            tau_syn=get("tau_syn", "tau_syn", s),
            R=get("r", "R", Ohm),
            v_rest=get("v_leak", "v_rest", V),
            v_th=get("v_threshold", "v_th", V),
            v_reset=get("v_reset", "v_reset", V),
        )
        gain = np.asarray(node.w_in, float) / (np.asarray(node.tau_syn, float) / self.dt)
        gain = np.broadcast_to(gain, np.shape(node.v_threshold))
        return neuron, None if np.all(gain == 1) else gain

    def _li(self, node: Any, notes: dict[str, Any]) -> Any:
        get = _getter(node, notes)
        neuron = LI(
            tau=get("tau", "tau", s), R=get("r", "R", Ohm), v_rest=get("v_leak", "v_rest", V)
        )
        return neuron, None

    def _if(self, node: Any, notes: dict[str, Any]) -> Any:
        get = _getter(node, notes)
        node.r = 1 / np.asarray(node.r, np.float64)
        neuron = IF(
            C=get("r", "C", F),
            v_th=get("v_threshold", "v_th", V),
            v_reset=get("v_reset", "v_reset", V),
        )
        return neuron, None


def _getter(node: Any, notes: dict[str, Any]) -> Callable[[str, str, Unit], Any]:
    """Parameters by their name in NIR, as one number where they are or were one."""
    ours = "reset" in notes or "scalars" in notes
    scalars = notes.get("scalars", "").split() if ours else None

    def get(name: str, own: str, unit: Unit) -> Any:
        value = np.asarray(getattr(node, name), np.float64)
        one = own in scalars if scalars is not None else np.all(value == value.flat[0])
        return Quantity(value.flat[0] if one else value, unit)

    return get


def _linear(weight: Any, bias: Any, scale: float) -> Linear:
    n_out, n_in = np.shape(weight)
    layer = Linear(n_in, n_out, bias is not None, key=jax.random.key(0), scale=scale)
    layer = eqx.tree_at(lambda x: x.weight, layer, _amperes(np.asarray(weight, float).T))
    if bias is None:
        return layer
    return eqx.tree_at(lambda x: x.bias, layer, _amperes(np.asarray(bias, float)))


def _amperes(value: np.ndarray) -> jax.Array:
    """Currents of a file in our unit and type."""
    internal = Quantity(value.astype(np.float64), A).value_in(A.internal())
    return jnp.asarray(np.asarray(internal).astype(jnp.result_type(float)))


def _gained(layers: list[Any], factor: np.ndarray) -> list[Any]:
    """The layers with the outputs of the last one multiplied."""
    last = layers[-1] if layers else None
    if not isinstance(last, Linear):
        raise ArgumentError(
            "the NIR graph scales what is no Linear or Affine node, for which there is no layer."
        )

    def times(x: Any, factor: np.ndarray) -> jax.Array:
        return jnp.asarray((np.asarray(x, float) * factor).astype(x.dtype))

    flat = np.asarray(factor).reshape(-1)
    last = eqx.tree_at(lambda x: x.weight, last, times(last.weight, flat[None]))
    if last.bias is not None:
        last = eqx.tree_at(lambda x: x.bias, last, times(last.bias, flat))
    return [*layers[:-1], last]


def _notes(node: Any) -> dict[str, Any]:
    """Metadata of a node, as text and numbers."""
    given = getattr(node, "metadata", None)
    if not isinstance(given, dict):
        return {}
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in given.items()}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in plain.items()}


def _nir() -> Any:
    try:
        import nir
    except ImportError:
        raise ImportError(
            "NIR files need the package nir. Write pip install 'rheobase[nir]'."
        ) from None
    return nir
