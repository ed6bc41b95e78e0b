"""Models at an electrode, cells at that of their soma: current in, voltage and spikes out."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.cable import Cell
from rheobase.channels import Q10, Leak
from rheobase.fitting.engine import Course
from rheobase.origin import Origin
from rheobase.record import Record, RunState
from rheobase.simulate import simulate
from rheobase.steppers import AbstractStepper
from rheobase.stimulus import AbstractStimulus, FromArray
from rheobase.time import Clock
from rheobase.train.domains import choose
from rheobase.units import Quantity, S, cm, ms, nA, parameters

SOMA = "soma"
LEVEL = -10.0
"""mV: a voltage that rises through it counts as a spike."""


class Patched(NamedTuple):
    """What a model did under a current."""

    t: np.ndarray
    """ms, at the end of each step."""
    v: np.ndarray
    """mV, (steps,)."""
    spikes: np.ndarray
    """ms."""
    final: RunState


def under(
    model: Any,
    current: AbstractStimulus,
    duration: Quantity,
    dt: Quantity,
    stepper: AbstractStepper | None = None,
    state: RunState | None = None,
) -> Patched:
    """A neuron, or a cell with the electrode at its soma, under a current; from `state` on."""
    if isinstance(model, Cell):
        soma = model.at(SOMA)
        run = simulate(
            model, current={soma: current}, duration=duration, dt=dt, record={"v": soma},
            state=state,
        )  # fmt: skip
        v = np.asarray(run["v"], float)[:, 0]
        spikes = (np.flatnonzero((v[:-1] < LEVEL) & (v[1:] >= LEVEL)) + 2) * run.dt
    else:
        run = simulate(
            model, current=current, duration=duration, dt=dt, stepper=stepper,
            record=Record(("v",)), state=state,
        )  # fmt: skip
        v, spikes = np.asarray(run["v"], float), np.asarray(run.spike_times(), float)
    return Patched(np.asarray(run.t, float), v, spikes, run.final)


def run(cell: Cell, state: Any, current: Array, dt: float, every: int) -> tuple[Course, Any]:
    """Cells side by side from `state`, under currents (steps, n) into the soma; `engine.Course`."""
    blocks = len(current) // every
    steps, n = blocks * every, current.shape[1]
    soma = cell.at(SOMA)
    stimulus = FromArray(current[:steps] * nA)
    begin = RunState(state, Clock.of(0), None, None, None, Origin(dt))
    done = simulate(
        cell,
        current={soma: stimulus},
        duration=steps * dt * ms,
        dt=dt * ms,
        record={"v": soma},
        state=begin,
    )
    v = done["v"][..., 0]
    before = jnp.concatenate([state.v[None, :, cell.node(soma)], v[:-1]])
    rises = (before < LEVEL) & (v >= LEVEL)
    folded = rises.reshape(blocks, every, n)
    number = jnp.arange(1, every + 1, dtype=v.dtype)[None, :, None]
    when = jnp.max(jnp.where(folded, number * dt, 0), axis=1)
    fired = folded.sum(axis=1).astype(v.dtype)
    return Course(v[every - 1 :: every], jnp.zeros_like(fired), fired, when), done.final.neuron


def default_mask(cell: Cell) -> Any:
    """What a fit of a cell moves: conductances, the leak's reversal potential, the capacitance."""

    def moves(model: Cell) -> list[Any]:
        found: list[Any] = [model.capacitance]
        for ours, theirs in zip(cell.mechanisms, model.mechanisms, strict=True):
            channel = ours.channel
            moved: Any = theirs.channel
            if isinstance(channel, Q10):
                channel, moved = channel.channel, moved.channel
            for name, declared in parameters(channel).items():
                leaks = name == "e_L" or (name == "e" and isinstance(channel, Leak))
                if leaks or declared.unit.same_dimension(S / cm**2):
                    found.append(getattr(moved, name))
        return found

    return choose(cell, moves)
