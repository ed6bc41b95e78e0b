"""Refuses a time step that is too long for the gates of a model, before the run.

A step of a cell or of a neuron with gates freezes the voltage while the gates move, and the gates
while the voltage moves. Where a gate settles several times in a step, an action potential is no
longer followed: spikes come late, are lost, or the voltage runs away. How fast each gate can be is
known before the run.
"""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer

from rheobase.cable.members import Member
from rheobase.errors import StepperError
from rheobase.network.known import is_key
from rheobase.network.numeric import evaluated
from rheobase.neurons.gates import RANGE

_MOST = 6.5
"""Time constants of the fastest gate in a step. The cells of Hodgkin and Huxley (at 6 to 26 °C),
Traub and Miles, Pospischil and Hay keep their spikes up to there within one in a hundred, and lose
them or run away from 7 to 13 time constants on."""
_AT_ONCE = 100.0
"""1/ms. A gate that is nowhere slower than this is meant to follow the voltage at once: a step
sets it to its limit, whatever its length."""


class _Fastest(NamedTuple):
    """The fastest gate of a model."""

    rate: float
    """1/ms."""
    name: str
    v: float
    """Where it is so fast, mV."""


def require_slow_gates(system: Member, dt: float) -> None:
    """Refuse a time step (ms) of more than six and a half time constants of the fastest gate."""
    for name, part in system.gated_parts:
        fastest = _known(_Part(part))
        if fastest is not None and dt * fastest.rate > _MOST * (1 + 1e-6):
            longest = _MOST / fastest.rate
            raise StepperError(
                f"dt = {dt:g} ms is too long for {name}: its gate {fastest.name} relaxes in "
                f"{1 / fastest.rate:.3g} ms at {fastest.v:.0f} mV, so that spikes would come late, "
                f"be lost or run away. Write dt={_floored(longest):g}*ms or less, or add "
                f"coarse=True to take this step all the same."
            )


def _floored(x: float) -> float:
    """x rounded down to two digits."""
    unit = 10.0 ** (np.floor(np.log10(x)) - 1)
    return float(f"{np.floor(x / unit) * unit:.2g}")


class _Part:
    """What the rates depend on; equal to any other of the same structure and numbers."""

    def __init__(self, model: Any):
        self.model = model
        leaves, structure = jax.tree.flatten(model)
        self.traced = any(isinstance(x, Tracer) for x in leaves)
        with jax.ensure_compile_time_eval():  # keys that are known are read inside of jit too
            words = [jax.random.key_data(x) if is_key(x) else x for x in leaves]
        arrays = [] if self.traced else [np.asarray(x) for x in words if eqx.is_array_like(x)]
        self.key = structure, tuple((x.shape, str(x.dtype), x.tobytes()) for x in arrays)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Part) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _known(part: _Part) -> _Fastest | None:
    return None if part.traced else _fastest(part)


@functools.lru_cache(maxsize=256)
def _fastest(part: _Part) -> _Fastest | None:
    """The fastest gate over the voltages of `RANGE`; None where no gate sets a bound."""
    best: _Fastest | None = None
    for name, rate in _rates(part.model).items():
        each = rate.reshape(len(RANGE), -1).max(axis=1)
        k = int(np.argmax(each))
        if each.min() < _AT_ONCE and (best is None or each[k] > best.rate):
            best = _Fastest(float(each[k]), name, float(RANGE[k]))
    return best


def _rates(model: Any) -> dict[str, np.ndarray]:
    if any(map(is_key, jax.tree.leaves(model))):  # parameters are drawn, which needs JAX
        with jax.ensure_compile_time_eval():
            return jax.tree.map(np.asarray, jax.jit(lambda: model.gate_rates(RANGE))())
    return evaluated(lambda: model.gate_rates(RANGE))
