"""Populations that fire when they are told to: by lists of spikes, or by a raster."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, NoReturn

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, Int32, Shaped, UInt32

from rheobase.errors import ArgumentError
from rheobase.record import Record
from rheobase.synapses.coupled import coupled
from rheobase.systems.base import AbstractSystem, Arriving, Moved
from rheobase.time import Clock
from rheobase.units import Unit, dimensionless


class Listed(NamedTuple):
    """Spikes by the step in which they are, for one length of a step."""

    high: UInt32[Array, " spikes"]
    """Of the number of the step, the upper 32 bits, uint32, (spikes,), ascending."""
    low: UInt32[Array, " spikes"]
    """The lower 32 bits."""
    neuron: Int32[Array, " spikes"]
    """int32, (spikes,)."""


class SourceState(NamedTuple):
    """A source carries nothing from step to step: the clock says what comes next."""

    nothing: Float[Array, " n"]
    """Zero, (n,)."""


class AbstractSource(eqx.Module):
    """A population that fires at given times, in the place of neurons with synapses on them."""

    n: eqx.AbstractVar[int]

    receives: ClassVar[Unit] = dimensionless
    """What stands in the place of its own spikes: theirs."""
    random: ClassVar[bool] = False
    synapses: ClassVar[tuple] = ()
    """Nothing acts on it."""
    gated: ClassVar[bool] = False
    implicit: ClassVar[bool] = False
    kinds: ClassVar[str] = "SpikeSource"
    title: ClassVar[str] = "SpikeSource"
    units: ClassVar[dict[str, Unit]] = {}
    outputs: ClassVar[int] = 1
    gated_parts: ClassVar[tuple] = ()

    @abstractmethod
    def check(self, dt: float) -> None:
        """Refuse a time step (ms) in which a neuron would fire twice."""

    @abstractmethod
    def at(self, dt: float) -> "AbstractStepSource":
        """Its spikes by step, for steps of dt (ms)."""

    def start(self, n: int, dtype: DTypeLike, v: Any = None) -> SourceState:
        """Its state."""
        return SourceState(np.zeros(n, dtype))  # pyright: ignore[reportArgumentType]

    def arrive(self, state: SourceState, arrived: tuple) -> SourceState:
        """Its state after nothing has arrived."""
        return state

    def made_of(self, source: "AbstractSource") -> "AbstractSource":
        """Another source."""
        return source

    def sites(self, at: Any) -> tuple[int, ...]:
        """The place of it whose spikes are sent: there is one."""
        if at is not None:
            raise ArgumentError("`source` is a place on a cell: leave it out for a SpikeSource.")
        return (0,)

    def probes(self, record: Record, clamps: Any, synapses: Any) -> Record:
        """The record as a step reads it."""
        return record

    def clamps(self, given: Any, dt: float) -> NoReturn:
        """Refuse clamps, which go by place."""
        raise ArgumentError("`clamp` is for cells, and a SpikeSource fires as it is told.")


@coupled.register
def _(source: AbstractSource, kinds: Sequence[tuple]) -> AbstractSource:
    return source


class AbstractStepSource(AbstractSource):
    """A source as the time loops take it."""

    @abstractmethod
    def rows(self, start: Clock, steps: int) -> Shaped[Array, "steps row"]:
        """What it is given in each step from `start` on, (steps, ...)."""

    @abstractmethod
    def fired(self, row: Shaped[Array, " row"], silent: Float[Array, " n"]) -> Float[Array, " n"]:
        """The spikes of one step, (n,) of 0 and 1, where none of them would be `silent`."""


class StepSource(AbstractStepSource):
    """A source as the loops know it: its spikes by the number of the step."""

    n: int = eqx.field(static=True)
    widest: int = eqx.field(static=True)
    """At least the most spikes of a step."""
    listed: Listed

    def check(self, dt: float) -> None:
        """It was checked when it was made."""

    def at(self, dt: float) -> "StepSource":
        return self

    def rows(self, start: Clock, steps: int) -> Shaped[Array, "steps row"]:
        """Which spikes are in each step from `start` on: from which to which, (steps, 2), int32."""
        since = Clock(self.listed.high, self.listed.low).since(start)
        ends = jnp.searchsorted(since, jnp.arange(steps + 1, dtype=jnp.int32)).astype(jnp.int32)
        return jnp.stack([ends[:-1], ends[1:]], axis=1)

    def fired(self, row: Shaped[Array, " row"], silent: Float[Array, " n"]) -> Float[Array, " n"]:
        if not self.listed.neuron.size:
            return silent
        places = row[0] + jnp.arange(self.widest, dtype=jnp.int32)
        who = jnp.take(self.listed.neuron, places, mode="clip")
        return silent.at[jnp.where(places < row[1], who, self.n)].set(1, mode="drop")


class RasterSource(AbstractStepSource):
    """A source that fires where a raster is 1, (time, n): differentiable, and may be traced."""

    n: int = eqx.field(static=True)
    raster: Float[Array, "time n"]
    first: Clock
    """The number of the step of its first row; before that and after its end nothing fires."""

    def check(self, dt: float) -> None:
        """Every raster has one value a step."""

    def at(self, dt: float) -> "RasterSource":
        return self

    def rows(self, start: Clock, steps: int) -> Shaped[Array, "steps row"]:
        """The spikes of each step from `start` on, (steps, n)."""
        place = start.ahead(steps).since(self.first)
        return jnp.take(self.raster, place, axis=0, mode="fill", fill_value=0)

    def fired(self, row: Shaped[Array, " row"], silent: Float[Array, " n"]) -> Float[Array, " n"]:
        return row.astype(silent.dtype)


class Source(AbstractSystem):
    """A source in a run."""

    source: AbstractStepSource
    record: Record | None

    def step(self, state: SourceState, arriving: Arriving, number: Clock, dt: float) -> Moved:
        spike = self.source.fired(jnp.asarray(arriving.row), jnp.zeros_like(state.nothing))
        return Moved(spike, None, {}, state)

    def fires(self, state: SourceState) -> tuple[int, ...] | None:
        return state.nothing.shape

    def voltage(self, state: SourceState, node: int) -> Float[Array, " n"]:
        raise ArgumentError("a list of spikes has no voltage that a connection could see.")

    def rows(self, start: Clock, steps: int) -> Shaped[Array, "steps row"]:
        return self.source.rows(start, steps)
