"""The one time loop of whatever moves: a circuit over a series of steps."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Int32, PyTree

from rheobase.errors import ArgumentError, brief
from rheobase.loop import blocks, scan
from rheobase.record import Kept
from rheobase.systems import feedback
from rheobase.systems.base import Fired
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


def run(
    circuit: Circuit, moving: Moving, start: Clock, steps: int, way: Way, dtype: DTypeLike
) -> Ran:
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

    def step(carry: PyTree, now: Told) -> tuple[Any, dict[str, Fired | None], dict[str, Row]]:
        moving, sums = carry
        if way.truncate is not None:
            moving = _cut(moving, now.number.since(start), way.truncate)
        moving, fired, kept = circuit.step(moving, now, inputs, dtype)
        sums = {
            name: total if one is None else total + one.spike
            for name, total in sums.items()
            for one in [fired[name]]
        }
        return (moving, sums), fired, kept

    if circuit.recurrence is not None:
        (moving, sums), rows = _recurrent(circuit, step, (moving, sums), told, way)
    else:

        def plain(carry: PyTree, now: Told) -> tuple[Any, dict[str, Row]]:
            carry, _, rows = step(carry, now)
            return carry, rows

        (moving, sums), rows = _over(plain, (moving, sums), told, steps, way)
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


def _recurrent(
    circuit: Circuit, step: Callable, carry: PyTree, told: Told, way: Way
) -> tuple[Any, dict[str, Row]]:
    """The loop over steps with dense feedback, whose weights get their gradient after it."""
    between: Any = circuit.recurrence
    moving, sums = carry
    fed = [one.system for one in circuit.inputs]
    into = [fed.index(name) for name in between.targets]
    entering: list[Any] = [told.series[i] for i in into]
    ends = np.cumsum([x.shape[-1] for x in entering])[:-1]
    others = told._replace(
        series=tuple(None if i in into else x for i, x in enumerate(told.series))
    )
    alone = _sent_as_kept(circuit, moving)

    def body(carry: PyTree, heard: Array, now: Told) -> tuple[Any, Array, dict[str, Row]]:
        parts = dict(zip(into, jnp.split(heard, ends, axis=-1), strict=True))
        series = tuple(parts.get(i, x) for i, x in enumerate(now.series))
        carry, fired, rows = step(carry, now._replace(series=series))
        sent = [
            circuit.sender(name, fired[name], carry[0].systems[name]).output
            for name in between.sources
        ]
        if alone is not None:
            rows[alone] = rows[alone]._replace(raster=None)
        return carry, jnp.concatenate(sent, axis=-1), rows

    carry = moving._replace(way=None), sums
    inputs = jnp.concatenate(entering, axis=-1)
    ran = feedback.scan(body, between.feedback, carry, moving.way, inputs, others)
    (moving, sums), rows = ran.carry, _thinned(ran.y, way.every)
    if alone is not None:
        rows[alone] = rows[alone]._replace(raster=ran.sent)
    return (moving._replace(way=ran.way), sums), rows


def _sent_as_kept(circuit: Circuit, moving: Moving) -> str | None:
    """The one sender whose raster is what the loop sends, and need not be kept twice."""
    name, *more = circuit.recurrence.sources if circuit.recurrence else ("",)
    system = circuit.systems[name]
    if more or system.in_parts or system.fires(moving.systems[name]) is None:
        return None
    return name if system.record is not None and system.record.spikes == "raster" else None


def _over(step: Callable, carry: PyTree, told: Told, steps: int, way: Way) -> tuple[Any, Any]:
    """The loop over steps, of which the last of each `every` keeps its variables."""
    every = way.every
    if every == 1 or way.stretch is not None:
        carry, rows = scan(step, carry, told, steps, way.stretch)
        return carry, rows if every == 1 else _thinned(rows, every)

    def bare(carry: PyTree, now: PyTree) -> tuple[Any, dict[str, Row]]:
        carry, rows = step(carry, now)
        return carry, {name: row._replace(traces={}) for name, row in rows.items()}

    def block(carry: PyTree, now: PyTree) -> tuple[Any, dict[str, Row]]:
        length = len(jax.tree.leaves(now)[0])
        if length < every:
            carry, rows = scan(step, carry, now, length)
            return carry, _thinned(rows, every)
        carry, rows = scan(bare, carry, jax.tree.map(lambda x: x[:-1], now), every - 1)
        carry, last = step(carry, jax.tree.map(lambda x: x[-1], now))
        last = jax.tree.map(lambda x: x[None], last)
        return carry, {
            name: jax.tree.map(
                lambda a, b: jnp.concatenate([a, b]), row, last[name]._replace(traces={})
            )._replace(traces=last[name].traces)
            for name, row in rows.items()
        }

    return blocks(block, carry, told, steps, every)
