"""What libraries do with a NIR graph that does not stand in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rheobase.errors import ArgumentError
from rheobase.io.nir.notes import kind_of, package
from rheobase.steppers import AbstractStepper, Euler, ExponentialEuler

_TIE = 5e-7
"""By this part of it a threshold is higher than one that must be exceeded."""
_SPIKING = ("IF", "LIF", "CubaLIF")


def _as_it_is(node: Any, dt: float) -> Any:
    return node


@dataclass(frozen=True)
class Convention:
    """How a library steps a graph, read off its importer and compared with it spike by spike."""

    dt: float
    """s, where it is not told."""
    stepper: AbstractStepper
    subtract: tuple[str, ...] = ()
    """The nodes whose reset subtracts the distance from v_reset to the threshold."""
    split: bool = False
    """Whether the membrane of CubaLIF sees the synaptic current of its own step."""
    late: bool = False
    """Whether a spike leaves in the step after that in which the threshold was crossed."""
    seen: Callable[[Any, float], Any] = _as_it_is
    """The node of a population as the library takes it, and dt (s)."""


def _changed(node: Any, **values: Any) -> Any:
    """The node with other numbers."""
    names = ("r", "tau", "tau_mem", "tau_syn", "v_leak", "v_threshold", "v_reset", "w_in")
    held = {x: getattr(node, x) for x in names if getattr(node, x, None) is not None}
    held |= {x: v for x, v in values.items() if x in held}
    made = getattr(package(), kind_of(node))(**held)
    made.metadata = node.metadata
    return made


def _summing(node: Any, dt: float) -> Any:
    """V <- V + x, with a spike where V > v_threshold; v_reset is 0.

    Sums of inputs reach a threshold exactly, where there is no spike: it lies a little higher.
    """
    threshold = np.asarray(node.v_threshold, float)
    none = 0 * threshold
    higher = threshold + _TIE * np.abs(threshold)
    return _changed(node, r=none + 1 / dt, v_threshold=higher, v_reset=none)


def _snntorch(node: Any, dt: float) -> Any:
    if kind_of(node) != "IF":
        return _changed(node, v_reset=0 * np.asarray(node.r, float))
    if np.any(np.asarray(node.r) != 1):
        raise ArgumentError(
            f"an IF of snnTorch has r = 1, got {np.ravel(node.r)[0]:g}. Write the graph with "
            f"r = 1, or read it with dt= and without a convention."
        )
    return _summing(node, dt)


def _norse(node: Any, dt: float) -> Any:
    if kind_of(node) == "IF":
        return _summing(node, dt)
    r = node.r if kind_of(node).startswith("Cuba") else np.ones(np.shape(node.r))
    return _changed(node, r=r, v_reset=0 * np.asarray(node.r, float))


def _spyx(node: Any, dt: float) -> Any:
    """r, w_in and v_leak are not looked at; a LIF is reset after its decay, by its threshold."""
    none = 0 * np.asarray(node.r, float)
    if kind_of(node) == "LIF":
        tau = np.asarray(node.tau, float)
        th = np.asarray(node.v_threshold, float)
        # Subtracted before the decay it is larger.
        return _changed(node, r=tau / dt, v_leak=none, v_reset=th - th / (1 - dt / tau))
    if kind_of(node) == "IF":
        return _changed(node, r=none + 1 / dt, v_reset=none)
    tau = np.asarray(node.tau_mem, float)
    w_in = np.asarray(node.tau_syn, float) / dt
    return _changed(node, r=tau / dt, w_in=w_in, v_leak=none, v_reset=none)


def _jumps(node: Any, dt: float) -> Any:
    """V <- exp(-dt/tau) V + x, and the same of a synapse whose input decays with it.

    r and w_in are not looked at; what is called v_leak is added in each step.
    """
    none = 0 * np.asarray(node.r, float)
    if kind_of(node) == "IF":
        return _changed(node, r=none + 1 / dt, v_reset=none)
    cuba = kind_of(node).startswith("Cuba")
    gain = 1 / -np.expm1(-dt / np.asarray(node.tau_mem if cuba else node.tau, float))
    w_in = none + 1 / np.expm1(dt / np.asarray(node.tau_syn, float)) if cuba else none
    return _changed(node, r=gain, w_in=w_in, v_leak=gain * np.asarray(node.v_leak), v_reset=none)


CONVENTIONS = {
    # Leaky(beta=1 - dt/tau, reset_mechanism="zero", reset_delay=False), whatever v_reset is; an IF
    # is a Leaky(beta=1) with a reset by subtraction (from its pull request 452 on).
    "snntorch": Convention(1e-4, Euler(), subtract=("IF",), split=True, seen=_snntorch),
    # LIFBoxCell, IAFCell: r and v_reset are not looked at.
    "norse": Convention(1e-3, Euler(), split=True, seen=_norse),
    "spikingjelly": Convention(1e-4, Euler(), split=True),
    # LIF: V <- beta V + x - s, s the spikes of the step before, which are what leaves.
    "spyx": Convention(1.0, Euler(), subtract=_SPIKING, split=True, late=True, seen=_spyx),
    # Decays of exp(-dt/tau), inputs that jump; several spikes in a step and a lowest voltage, which
    # sinabs gives to IF, are not imitated.
    "sinabs": Convention(1.0, ExponentialEuler(), subtract=_SPIKING, split=True, seen=_jumps),
    "rockpool": Convention(1e-3, ExponentialEuler(), subtract=_SPIKING, split=True, seen=_jumps),
}
"""By the names of libraries."""
