"""Poisson spike trains, drawn from whole numbers so that rare spikes are as right as frequent ones.

The number of spikes in a step is found by inversion: it is the number of k for which a uniform
random number lies below P(more than k spikes). That probability is kept in 64 bits, and the random
number has 32 of them; only where these are so few that they do not tell are 32 more drawn.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.stimulus.base import AbstractStimulus, Grid, Kind, measured, over_time, spread
from rheobase.stimulus.random import by_step
from rheobase.units import Hz, Quantity, Unit, UnitError, non_negative, quantity

_MOST = 200.0
"""Mean number of spikes in a step up to which a table is made."""
_FEW, _ROWS = 10.0, 48
"""The same inside a trace, where its size is given: P(more than 48 of a mean of 10) is 1e-17."""
EXTREME = 1 << 12
"""Below it a first word is followed by a second one: a chance of less is not right to 0.1 %."""
FURTHER = 2**32 - 2
"""What the key of a step is folded with for the second word."""
_OWN = 2**32 - 1
"""What the key of a train is folded with for a rate that is random itself."""


class Poisson(AbstractStimulus):
    r"""Poisson spike trains: in each step amplitude times a Poisson number of mean rate dt.

    As `delta=` each spike adds `amplitude` once, whatever dt; one independent train for each
    neuron, or the sum of `sources` of them. As a current a spike lasts one step, so that its charge
    goes with dt: send it through a synapse instead. Needs `simulate(..., key=...)`.

    - `rate`: in Hz, one for all neurons or one for each, or a stimulus in Hz for a rate that
      changes in time; where that is negative there are no spikes.

    >>> import rheobase as rb
    >>> from rheobase.units import Hz, ms, mV
    >>> barrage = rb.stimulus.Poisson(10 * Hz, 0.5 * mV, sources=100)
    >>> waves = 50 * Hz + rb.stimulus.Sine(50 * Hz, frequency=8 * Hz)
    >>> theta = rb.stimulus.Poisson(waves, 0.5 * mV)
    """

    rate: Array | AbstractStimulus = quantity(
        Hz, non_negative, "rate of each source", instead=AbstractStimulus
    )
    amplitude: Quantity = measured("what one spike adds")
    sources: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        if isinstance(self.rate, AbstractStimulus) and not self.rate.unit.same_dimension(Hz):
            raise UnitError(
                f"`rate` of Poisson is measured in Hz, got a stimulus in {self.rate.unit}. Write "
                "for example rb.stimulus.Step(100*Hz, start=50*ms)."
            )

    @property
    def unit(self) -> Unit:
        return self.amplitude.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.rate.shape, self.amplitude.shape)

    @property
    def random(self) -> bool:
        return True

    @property
    def kind(self) -> Kind:
        return "events"

    def start(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return self.rate.start(shape, dtype) if isinstance(self.rate, AbstractStimulus) else None

    def check(self, dt: float) -> None:
        if isinstance(self.rate, AbstractStimulus):
            self.rate.check(dt)

    def extent(self) -> tuple[Any, Any] | None:
        return _extent(self.amplitude)

    def ready(self, dt: float) -> AbstractStimulus:
        if isinstance(self.rate, AbstractStimulus | Tracer):
            return self
        mean = np.asarray(self.rate, np.float64) * dt * self.sources
        if np.max(mean, initial=0) > _MOST:
            return self
        return Tabled(*table(mean), self.amplitude)

    def values(self, grid: Grid, memory: Any, key: Array | None) -> tuple[Array, Any]:
        if isinstance(self.rate, AbstractStimulus):
            own = None if key is None else jax.random.fold_in(key, np.uint32(_OWN))
            rate, memory = self.rate.values(grid, memory, own)
        else:
            known = self.ready(grid.dt)
            if isinstance(known, Tabled):
                return known.values(grid, memory, key)
            rate = self.rate[None]
        mean = jnp.maximum(rate * (grid.dt * self.sources), 0)
        mean = jnp.broadcast_to(mean, (grid.clock.low.shape[0], *mean.shape[1:]))
        counts = jax.lax.cond(
            jnp.any(mean > _FEW),
            lambda: by_step(grid, key, lambda k, m: _many(k, m, grid), mean),
            lambda: below(grid, key, *_table(jnp.minimum(mean, _FEW))),
        )
        return over_time(counts.astype(grid.dtype), self.amplitude.value), memory


class Tabled(AbstractStimulus):
    """Poisson spike trains of a rate that is known before the run, ready to be drawn.

    >>> from rheobase.stimulus import Poisson
    >>> from rheobase.units import Hz, mV
    >>> type(Poisson(5 * Hz, 1 * mV).ready(0.1)).__name__
    'Tabled'
    """

    coarse: Array
    """P(more than 0, 1, ... spikes in a step) in units of 2**-32, rounded, (rows, *s), uint32."""
    fine: Array
    """The same in units of 2**-64, of more rows, by words: (2, rows, *s)."""
    amplitude: Quantity

    @property
    def unit(self) -> Unit:
        return self.amplitude.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.coarse.shape[1:], self.amplitude.shape)

    @property
    def random(self) -> bool:
        return True

    @property
    def kind(self) -> Kind:
        return "events"

    def start(self, shape: tuple[int, ...], dtype: Any) -> None:
        return None

    def check(self, dt: float) -> None:
        pass

    def extent(self) -> tuple[Any, Any] | None:
        return _extent(self.amplitude)

    def values(self, grid: Grid, memory: None, key: Array | None) -> tuple[Array, None]:
        counts = below(grid, key, self.coarse[:, None], self.fine[:, :, None])
        return over_time(counts.astype(grid.dtype), self.amplitude.value), None


def table(mean: np.ndarray) -> tuple[Any, Any]:
    """`coarse` and `fine` of `Tabled` for the mean number of spikes in a step, (*s)."""
    most = float(np.max(mean, initial=0))
    rows = int(most + 10 * math.sqrt(most) + 30)
    number = np.arange(1, rows + 1, dtype=np.float64).reshape(-1, *[1] * mean.ndim)
    with np.errstate(divide="ignore"):
        # Of exactly k spikes, by logarithms: e^-mean alone would be zero for large means.
        chance = np.exp(np.cumsum(np.log(mean / number), axis=0) - mean)
    above = np.cumsum(chance[::-1], axis=0)[::-1]
    above[0] = -np.expm1(-mean)
    high, low = np.divmod(np.minimum(above, 1 - 2.0**-53) * 2.0**32, 1.0)
    low = np.floor(low * 2.0**32)
    nearest = np.minimum(high + (low >= 2.0**31), 2.0**32 - 1)
    fine = np.stack([high, low]).astype(np.uint32)
    used = [int(np.sum(np.any(x > 0, axis=tuple(range(1, x.ndim))))) for x in (nearest, high + low)]
    coarse, all_rows = (_size(x, rows) for x in used)
    return nearest[:coarse].astype(np.uint32), fine[:, :all_rows]


def _size(rows: int, most: int) -> int:
    """A few sizes only, so that a sweep over rates compiles few programs."""
    size = 2
    while size < rows:
        size += max(2, size // 2)
    return min(size, most)


def _table(mean: Array) -> tuple[Array, Array]:
    """The same inside a trace, for means up to `_FEW`."""
    number = jnp.arange(1, _ROWS + 1, dtype=mean.dtype).reshape(-1, *[1] * mean.ndim)
    some = mean > 0
    chance = jnp.exp(
        jnp.cumsum(jnp.log(jnp.where(some, mean, 1)[None] / number), axis=0) - mean[None]
    )
    chance = jnp.where(some[None], chance, 0)
    above = jnp.cumsum(chance[::-1], axis=0)[::-1].at[0].set(-jnp.expm1(-mean))
    largest = 1 - 2.0**-24
    scaled = jnp.minimum(above, largest) * 2.0**32
    high = jnp.floor(scaled)
    low = jnp.floor((scaled - high) * 2.0**32)
    words = [x.astype(jnp.uint32) for x in (high, low)]
    up = (words[1] >= np.uint32(2**31)) & (words[0] < np.uint32(2**32 - 1))
    return words[0] + up.astype(jnp.uint32), jnp.stack(words)


def below(grid: Grid, key: Array | None, coarse: Array, fine: Array) -> Array:
    """Poisson numbers by inversion, (time, *shape), from tables (rows, time or 1, *s)."""
    shape = grid.shape

    def bits(k: Array) -> Array:
        return jax.random.bits(k, shape, jnp.uint32)

    def wide(rows: Array) -> Array:
        return rows.reshape(rows.shape[:2] + (1,) * (len(shape) + 2 - rows.ndim) + rows.shape[2:])

    word = by_step(grid, key, bits)
    found = _counted(lambda row: word < row, wide(coarse))

    def further() -> Array:
        more = by_step(grid, key, lambda k: bits(jax.random.fold_in(k, np.uint32(FURTHER))))
        exact = _counted(
            lambda rows: (word < rows[0]) | ((word == rows[0]) & (more < rows[1])),
            jnp.stack([wide(one) for one in fine], axis=1),
        )
        return jnp.where(word < np.uint32(EXTREME), exact, found)

    return jax.lax.cond(jnp.any(word < np.uint32(EXTREME)), further, lambda: found)


def _counted(test: Any, rows: Array) -> Array:
    if len(rows) <= 16:
        return sum(test(row).astype(jnp.int32) for row in rows)  # pyright: ignore
    first = test(rows[0]).astype(jnp.int32)
    return jax.lax.scan(lambda n, row: (n + test(row).astype(jnp.int32), None), first, rows[1:])[0]


def _many(key: Array, mean: Array, grid: Grid) -> Array:
    return jax.random.poisson(key, mean, grid.shape, dtype=jnp.int32)


def _extent(amplitude: Quantity) -> tuple[Any, Any] | None:
    known = spread(amplitude.value, 0.0)
    if known is None:
        return None
    low, high = known
    return np.where(low < 0, -np.inf, 0.0), np.where(high > 0, np.inf, 0.0)
