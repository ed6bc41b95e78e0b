"""The one time loop of whatever moves: a circuit over a series of steps."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int32

from rheobase.errors import ArgumentError, brief
from rheobase.loop import scan
from rheobase.record import Kept
from rheobase.systems.circuit import Circuit, Moving, Row, Told
from rheobase.time import Clock


class Ran(NamedTuple):
    """The result of a run."""

    moving: Moving
    """The state from which the next step begins."""
    kept: dict[str, Kept]
    """The recorded arrays of each system."""


class Way(NamedTuple):
    """Options of a run."""

    every: int = 1
    """The variables of every so many-th step are kept; spikes are kept of all."""
    stretch: int | None = None
    """Steps of which the backward pass keeps the first state; None where it keeps them all."""
    truncate: int | None = None
    """Derivatives end at every so many-th step; None where they go back to the beginning."""

    @classmethod
    def of(cls, every: int, checkpoint: bool | int, steps: int) -> "Way":
        """Check what a user says: `checkpoint` is True for the root of all steps, or a number."""
        if checkpoint is False:
            return cls(every)
        if not isinstance(checkpoint, int | np.integer) or checkpoint < 1:
            raise ArgumentError(
                f"`checkpoint` is True or a whole number of steps >= 1, got {brief(checkpoint)}. "
                "Write simulate(..., checkpoint=True)."
            )
        return cls(every, max(1, math.isqrt(steps)) if checkpoint is True else int(checkpoint))


def run(circuit: Circuit, moving: Moving, start: Clock, steps: int, way: Way, dtype: Any) -> Ran:
    """Make `steps` steps from the step `start` on.

    - `moving`: the state of every system and edge, and what inputs remember.
    - `dtype`: the floating-point type in which inputs and counts are computed.

    A pure function, differentiable in all arrays. It is traced into the program of its caller.
    """
    told, inputs = circuit.told(start, steps, dtype)
    sums = {
        name: jnp.zeros(shape, dtype)
        for name, system in circuit.systems.items()
        for shape in [system.fires(moving.systems[name])]
        if system.record is not None and system.record.spikes == "count" and shape is not None
    }

    def step(carry: Any, now: Any) -> tuple[Any, dict[str, Row]]:
        moving, sums = carry
        if way.truncate is not None:
            moving = _cut(moving, now.number.since(start), way.truncate)
        moving, fired, kept = circuit.step(moving, now, inputs, dtype)
        sums = {
            name: total if one is None else total + one.spike
            for name, total in sums.items()
            for one in [fired[name]]
        }
        return (moving, sums), kept

    (moving, sums), rows = _over(step, (moving, sums), told, steps, way)
    depth = {name: level for level, rate in enumerate(circuit.rates) for name in rate.names}
    kept = {}
    for name, row in rows.items():
        raster, fractions, traces = _unfolded(row, depth[name])
        kept[name] = Kept(traces, raster, sums.get(name), fractions)
    return Ran(moving, kept)


def _thinned(rows: dict[str, Row], every: int) -> dict[str, Row]:
    """The last of each `every` rows of the variables."""
    kept = slice(every - 1, None, every)
    return {
        name: row._replace(traces={v: x[kept] for v, x in row.traces.items()})
        for name, row in rows.items()
    }


def _cut(moving: Moving, step: Int32[Array, ""], every: int) -> Moving:
    """What moves, without its past for derivatives where a new stretch begins."""
    here = (step > 0) & (step % every == 0)

    def end(x: Array) -> Array:
        if not jnp.issubdtype(x.dtype, jnp.floating):
            return x
        return jnp.where(here, jax.lax.stop_gradient(x), x)

    return jax.tree.map(end, moving)


def _unfolded(row: Row, level: int) -> Row:
    """The rows of a system, one after the other, that makes many steps in one of the longest."""
    if not level:
        return row
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[level + 1 :]), row)


def _over(step: Callable, carry: Any, told: Told, steps: int, way: Way) -> tuple[Any, Any]:
    """The loop over steps, of which the last of each `every` keeps its variables."""
    every = way.every
    if every == 1 or way.stretch is not None:
        carry, rows = scan(step, carry, told, steps, way.stretch)
        return carry, rows if every == 1 else _thinned(rows, every)

    def bare(carry: Any, now: Any) -> tuple[Any, dict[str, Row]]:
        carry, rows = step(carry, now)
        return carry, {name: row._replace(traces={}) for name, row in rows.items()}

    def block(carry: Any, now: Any) -> tuple[Any, Any]:
        carry, rows = scan(bare, carry, jax.tree.map(lambda x: x[:-1], now), every - 1)
        carry, last = step(carry, jax.tree.map(lambda x: x[-1], now))
        spikes = {name: row._replace(traces={}) for name, row in last.items()}
        rows = jax.tree.map(lambda a, b: jnp.concatenate([a, b[None]]), rows, spikes)
        return carry, (rows, {name: row.traces for name, row in last.items()})

    blocks = steps // every
    whole = blocks * every
    folded = jax.tree.map(lambda x: x[:whole].reshape(blocks, every, *x.shape[1:]), told)
    carry, (rows, traces) = jax.lax.scan(block, carry, folded, blocks)
    rows = jax.tree.map(lambda x: x.reshape(whole, *x.shape[2:]), rows)
    carry, tail = scan(bare, carry, jax.tree.map(lambda x: x[whole:], told), steps - whole)
    rows = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), rows, tail)
    return carry, {name: row._replace(traces=traces[name]) for name, row in rows.items()}
