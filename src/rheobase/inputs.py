"""A stimulus as the time loop takes it: a constant, a series, or drawn step by step."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.origin import require_like
from rheobase.stimulus import AbstractStimulus, Grid
from rheobase.time import Clock

_LARGEST = 1e9
"""Inputs saturate here (one ampere, a million volts), so that squares of them stay finite."""


class Input(eqx.Module):
    """An input of a run. Random ones are drawn inside the loop, so that memory does not grow."""

    stimulus: AbstractStimulus | None
    key: Array | None
    constant: Array | None
    series: Array | None
    """(time, *s): what the loop hands back, step by step, as `now`."""
    shape: tuple[int, ...] = eqx.field(static=True)
    dtype: Any = eqx.field(static=True)
    dt: float = eqx.field(static=True)

    @property
    def random(self) -> bool:
        """Whether its values are drawn step by step."""
        return self.stimulus is not None and self.stimulus.random

    def at(self, number: Clock, now: Array | None, memory: Any) -> tuple[Array | None, Any]:
        """The value in step `number`, and what the stimulus remembers after it."""
        if self.stimulus is not None and self.random:
            grid = Grid(Clock(*(x[None] for x in number)), self.dt, self.shape, self.dtype)
            values, memory = self.stimulus.values(grid, memory, self.key)
            return _bounded(values, self.dtype)[0], memory
        return (self.constant if now is None else now), memory

    def over(self, numbers: Clock, memory: Any) -> Array:
        """The values in many steps, (time or 1, *s), of a stimulus without memory."""
        if self.stimulus is not None and self.random:
            grid = Grid(numbers, self.dt, self.shape, self.dtype)
            return _bounded(self.stimulus.values(grid, memory, self.key)[0], self.dtype)
        return self.series if self.series is not None else jnp.asarray(self.constant)[None]


def prepare(stimulus: AbstractStimulus | None, grid: Grid, key: Array | None) -> Input:
    """The input over the steps of `grid`; what does not depend on chance is computed here."""
    constant = series = None
    if stimulus is not None and not stimulus.random:
        values = _bounded(
            stimulus.values(grid, stimulus.start(grid.shape, grid.dtype), key)[0], grid.dtype
        )
        if values.shape[0] == 1 and grid.clock.low.shape[0] != 1:
            constant = values[0]
        else:
            series = values
    return Input(stimulus, key, constant, series, grid.shape, grid.dtype, grid.dt)


def _bounded(values: Array, dtype: Any) -> Array:
    return jnp.clip(values.astype(dtype), -_LARGEST, _LARGEST)


def remembers(stimulus: AbstractStimulus, memory: Any, shape: tuple[int, ...], dtype: Any) -> bool:
    """Whether a memory is that of a stimulus; refuses one that is, but does not fit."""
    fresh = stimulus.start(shape, dtype)
    if jax.tree.structure(fresh) != jax.tree.structure(memory):
        return False
    require_like("the memory of a stimulus in `state`", memory, fresh)
    return True


def memories(
    inputs: Sequence[AbstractStimulus], given: Any, shapes: Sequence[tuple[int, ...]], dtype: Any
) -> tuple[Any, ...]:
    """What stimuli remember, as far as `given` is of them; the others begin to remember now."""
    had = given if isinstance(given, tuple) else ()
    return tuple(
        had[i] if i < len(had) and remembers(one, had[i], shape, dtype) else one.start(shape, dtype)
        for i, (one, shape) in enumerate(zip(inputs, shapes, strict=True))
    )
