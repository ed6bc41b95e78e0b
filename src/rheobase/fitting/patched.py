"""A cell with an electrode at its soma, as the fits see it: current in, voltage and spikes out."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.cable import Cell
from rheobase.cable.run import at_rest
from rheobase.channels import Q10, Leak
from rheobase.fitting.engine import Course
from rheobase.record import RunState
from rheobase.simulate import simulate
from rheobase.stimulus import FromArray
from rheobase.train.domains import choose
from rheobase.units import S, cm, ms, nA, parameters

SOMA = "soma"
LEVEL = -10.0
"""mV: a voltage that rises through it counts as a spike."""


def resting(cell: Cell, n: int) -> Any:
    """The state of n such cells at rest."""
    return at_rest(cell, n)


def run(cell: Cell, state: Any, current: Array, dt: float, every: int) -> tuple[Course, Any]:
    """Cells side by side from `state`, under currents (steps, n) into the soma; `engine.Course`."""
    blocks = len(current) // every
    steps, n = blocks * every, current.shape[1]
    soma = cell.at(SOMA)
    stimulus = FromArray(current[:steps] * nA)
    memory = (stimulus.start((n,), state.v.dtype),)
    begin = RunState(state, jnp.zeros((), jnp.int32), memory, None, None)
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


def spike_times(v: np.ndarray, dt: float) -> np.ndarray:
    """ms at which a voltage rises through `LEVEL`, at the end of steps of `dt` ms."""
    return (np.flatnonzero((v[:-1] < LEVEL) & (v[1:] >= LEVEL)) + 2) * dt
