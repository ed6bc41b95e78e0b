"""Neurons as nodes of NIR, and back."""

# pyright: reportArgumentType=false, reportCallIssue=false

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rheobase.adaptors import Refractory, SoftReset, SurrogateReset
from rheobase.adaptors.base import AbstractAdaptor, chain
from rheobase.io.nir.notes import KEY, kind_of, notes_of, package, packed, unpacked
from rheobase.io.nir.units import SPIKE, VOLTAGE, amperes
from rheobase.neurons import ALIF, IF, LI, LIF, CubaLI, CubaLIF, Integrator
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.units import F, MOhm, Ohm, Quantity, Unit, V, in_unit, ms, s

CURRENT = float(amperes(1.0, 1.0))
"""What one of our numbers is in NIR where it is a current: A a nA."""


class Written(NamedTuple):
    """A neuron as a node."""

    node: Any
    lost: tuple[str, ...]
    """What of it NIR does not say."""


def write_neuron(neuron: AbstractMembrane, shape: tuple[int, ...], dt: float) -> Written:
    """The node of a population of `shape`; `dt` in s. A neuron that has none is a Scale of 1."""
    notes: dict[str, Any] = {KEY: packed(neuron)}
    lost = []
    inner: Any = neuron
    while isinstance(inner, AbstractAdaptor):
        if isinstance(inner, SoftReset):
            lost.append("SoftReset, a reset by subtraction")
            notes["reset"] = "subtract"
        elif isinstance(inner, Refractory):
            lost.append("Refractory")
            notes["refractory_ms"] = float(np.asarray(inner.period))
            notes["refractory_hold"] = inner.hold_which
        elif not isinstance(inner, SurrogateReset):  # which changes gradients alone
            lost.append(type(inner).__name__)
        inner = inner.neuron
    if isinstance(inner, ALIF):
        lost.append("the adaptation of ALIF")
    write = _WRITE.get(type(inner))
    if write is None:
        lost.append(type(inner).__name__)
        node = package().Scale(scale=np.ones(shape), metadata=notes)
        return Written(node, tuple(lost))
    if inner.onset is not Onset.NEVER:
        notes.setdefault("reset", "value")
    return Written(write(package(), _Full(inner, shape), notes, dt), tuple(lost))


def gives(neuron: AbstractMembrane) -> float:
    """What one of the numbers that a population gives is in NIR."""
    return VOLTAGE if neuron.onset is Onset.NEVER else SPIKE


class _Full:
    """Parameters of a neuron in SI units, in float64, one for each element."""

    def __init__(self, neuron: Any, shape: tuple[int, ...]):
        self.neuron, self.shape = neuron, shape

    def __call__(self, name: str, unit: Unit) -> np.ndarray:
        value = np.asarray(getattr(self.neuron, name), np.float64)
        return np.broadcast_to(np.asarray(in_unit(value, unit)), self.shape).copy()

    def membrane(self) -> dict[str, np.ndarray]:
        return {"r": self("R", Ohm), "v_leak": self("v_rest", V)}

    def threshold(self) -> dict[str, np.ndarray]:
        return {"v_threshold": self("v_th", V), "v_reset": self("v_reset", V)}


def _write_lif(nir: Any, full: _Full, notes: dict, dt: float) -> Any:
    return nir.LIF(tau=full("tau", s), **full.membrane(), **full.threshold(), metadata=notes)


def _write_li(nir: Any, full: _Full, notes: dict, dt: float) -> Any:
    return nir.LI(tau=full("tau", s), **full.membrane(), metadata=notes)


def _write_cuba(nir: Any, full: _Full, notes: dict, dt: float) -> Any:
    tau_syn = full("tau_syn", s)
    times = {"tau_syn": tau_syn, "tau_mem": full("tau", s), "w_in": tau_syn / dt}
    if isinstance(full.neuron, CubaLI):
        return nir.CubaLI(**times, **full.membrane(), metadata=notes)
    return nir.CubaLIF(**times, **full.membrane(), **full.threshold(), metadata=notes)


def _write_if(nir: Any, full: _Full, notes: dict, dt: float) -> Any:
    if isinstance(full.neuron, Integrator):
        return nir.I(r=1 / full("C", F), metadata=notes)
    return nir.IF(r=1 / full("C", F), **full.threshold(), metadata=notes)


_WRITE: dict[type, Callable] = {
    LIF: _write_lif,
    ALIF: _write_lif,
    LI: _write_li,
    CubaLIF: _write_cuba,
    CubaLI: _write_cuba,
    IF: _write_if,
    Integrator: _write_if,
}


def has_node(neuron: Any) -> bool:
    """Whether NIR knows a neuron, whatever is around it."""
    return type(chain(neuron)[-1]) in _WRITE


def is_neuron(node: Any) -> bool:
    """Whether a node is a population."""
    return kind_of(node) in _READ


def own_neuron(node: Any, name: str, dt: float) -> Any:
    """The neuron of ours in the metadata of a node; None without, or where the node was changed."""
    held = unpacked(notes_of(node), name)
    if not isinstance(held, AbstractMembrane):
        return None
    shape = np.shape(node.scale) if kind_of(node) == "Scale" else np.shape(node.r)
    again = write_neuron(held, shape, dt).node
    if kind_of(again) != kind_of(node):
        return None
    same = all(np.array_equal(getattr(again, x), getattr(node, x)) for x in _numbers(node))
    return held if same else None


def read_neuron(node: Any, gain: Any, subtract: bool, dt: float) -> Any:
    """A neuron from a node of another library; its input is `gain` (A) times ours (nA)."""
    notes = notes_of(node)
    neuron = _READ[kind_of(node)](node, np.asarray(gain, np.float64) / CURRENT, dt)
    if neuron.onset is Onset.NEVER:
        return neuron
    if notes.get("reset", "subtract" if subtract else "value") == "subtract":
        neuron = SoftReset(neuron)
    if "refractory_ms" in notes:
        hold = notes["refractory_hold"]
        neuron = Refractory(neuron, float(notes["refractory_ms"]) * ms, hold=hold)
    return neuron


def _numbers(node: Any) -> list[str]:
    return [x for x, v in vars(node).items() if isinstance(v, np.ndarray) and x != "metadata"]


def _one(value: Any, unit: Unit) -> Quantity:
    """Parameters, as one number where they are one."""
    value = np.asarray(value, np.float64)
    return Quantity(value.flat[0] if np.all(value == value.flat[0]) else value, unit)


def _membrane(node: Any, gain: np.ndarray) -> dict[str, Quantity]:
    return {"R": _one(np.asarray(node.r) * gain, Ohm), "v_rest": _one(node.v_leak, V)}


def _threshold(node: Any) -> dict[str, Quantity]:
    return {"v_th": _one(node.v_threshold, V), "v_reset": _one(node.v_reset, V)}


def _read_lif(node: Any, gain: np.ndarray, dt: float) -> Any:
    return LIF(tau=_one(node.tau, s), **_membrane(node, gain), **_threshold(node))


def _read_li(node: Any, gain: np.ndarray, dt: float) -> Any:
    return LI(tau=_one(node.tau, s), **_membrane(node, gain))


def _read_cuba(node: Any, gain: np.ndarray, dt: float) -> Any:
    gain = gain * np.asarray(node.w_in, float) / (np.asarray(node.tau_syn, float) / dt)
    times = {"tau": _one(node.tau_mem, s), "tau_syn": _one(node.tau_syn, s)}
    if kind_of(node) == "CubaLI":
        return CubaLI(**times, **_membrane(node, gain))
    return CubaLIF(**times, **_membrane(node, gain), **_threshold(node))


def _read_if(node: Any, gain: np.ndarray, dt: float) -> Any:
    charge = _one(1 / (np.asarray(node.r, np.float64) * gain), F)
    return Integrator(C=charge) if kind_of(node) == "I" else IF(C=charge, **_threshold(node))


_READ: dict[str, Callable] = {
    "LIF": _read_lif,
    "LI": _read_li,
    "CubaLIF": _read_cuba,
    "CubaLI": _read_cuba,
    "IF": _read_if,
    "I": _read_if,
}


def split_synapse(node: Any, gain: Any) -> tuple[LI, Any]:
    """The synapse of a CubaLIF or CubaLI as a population of its own, and the node behind it.

    tau_syn dI/dt = -I + w_in x is an `LI` that gives nA as mV, so that the membrane of a step sees
    the current of that step, as in Norse and snnTorch; `CubaLIF` has that of the step before.
    """
    nir = package()
    weight = np.asarray(node.w_in, float) * (np.asarray(gain, float) / CURRENT)
    synapse = LI(tau=_one(node.tau_syn, s), R=_one(weight, MOhm))
    rest = {"tau": node.tau_mem, "r": node.r, "v_leak": node.v_leak}
    if kind_of(node) == "CubaLI":
        return synapse, nir.LI(**rest)
    return synapse, nir.LIF(**rest, v_threshold=node.v_threshold, v_reset=node.v_reset)
