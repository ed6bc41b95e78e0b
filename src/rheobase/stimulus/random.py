"""Stimuli that draw random numbers."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.errors import require_key
from rheobase.stimulus.base import AbstractStimulus, Grid, measured, require_same_dimension, spread
from rheobase.time import Clock, fold_in
from rheobase.units import Hz, Quantity, Unit, ms, non_negative, positive, quantity, to_internal

_FEW = 10.0
"""Mean number of spikes in a step below which Poisson numbers are drawn by inversion."""


class OrnsteinUhlenbeck(AbstractStimulus):
    r"""Ornstein-Uhlenbeck current: tau dx = (mean - x) dt + sigma sqrt(2 tau) dW.

    Stepped by its exact solution, so that mean and standard deviation sigma do not depend on dt;
    starts at the mean. One independent path for each neuron; needs `simulate(..., key=...)`.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> noise = rb.stimulus.OrnsteinUhlenbeck(mean=0.5 * nA, sigma=0.2 * nA, tau=5 * ms)
    """

    mean: Quantity = measured("mean")
    sigma: Quantity = measured("stationary standard deviation")
    tau: Array = quantity(ms, positive, "correlation time")

    def __check_init__(self):
        require_same_dimension(self.mean.unit, self.sigma.unit)

    @property
    def unit(self) -> Unit:
        return self.mean.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.mean.shape, self.sigma.shape, self.tau.shape)

    @property
    def random(self) -> bool:
        return True

    def start(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return jnp.zeros(shape, dtype)

    def extent(self) -> tuple[Any, Any] | None:
        known = spread(self.sigma.value)
        if known is None or not np.any(known[1]):
            return spread(self.mean.value)
        return -np.inf, np.inf

    def check(self, dt: float) -> None:
        pass

    def values(self, grid: Grid, memory: Array, key: Array | None) -> tuple[Array, Array]:
        decay = jnp.exp(-grid.dt / self.tau)
        kick = self.sigma.value * jnp.sqrt(-jnp.expm1(-2 * grid.dt / self.tau))
        draws = _draw(grid, key, lambda k: jax.random.normal(k, grid.shape, grid.dtype))

        def body(x, draw):
            return decay * x + kick * draw, x

        last, path = jax.lax.scan(body, memory, draws)
        return self.mean.value + path, last


class Poisson(AbstractStimulus):
    r"""Poisson spike trains: in each step amplitude times a Poisson number of mean rate dt.

        As `delta=` each spike adds `amplitude` once, whatever dt; one independent train for each
        neuron, or the sum of `sources` of them. Needs `simulate(..., key=...)`.

        >>> import rheobase as rb
        >>> from rheobase.time import Clock, fold_in
    from rheobase.units import Hz, mV
        >>> barrage = rb.stimulus.Poisson(10 * Hz, 0.5 * mV, sources=100)
    """

    rate: Array = quantity(Hz, non_negative, "rate of each source")
    amplitude: Quantity = measured("what one spike adds")
    sources: int = eqx.field(static=True)  # pyright: ignore[reportGeneralTypeIssues]
    ceiling: float = eqx.field(static=True)  # pyright: ignore[reportGeneralTypeIssues]
    """A power of two (1/ms) above the rate: how many spikes a step can bring, known beforehand."""

    def __init__(self, rate: Quantity, amplitude: Quantity, sources: int = 1):
        self.rate = rate  # pyright: ignore[reportAttributeAccessIssue]
        self.amplitude = amplitude
        self.sources = sources
        given = to_internal(rate, Hz, "rate", "Poisson(rate={})")
        known = not isinstance(given, Tracer)
        self.ceiling = 2.0 ** math.ceil(math.log2(max(np.max(given), 1e-6))) if known else math.inf

    @property
    def unit(self) -> Unit:
        return self.amplitude.unit

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(self.rate.shape, self.amplitude.shape)

    @property
    def random(self) -> bool:
        return True

    def start(self, shape: tuple[int, ...], dtype: Any) -> None:
        return None

    def check(self, dt: float) -> None:
        pass

    def values(self, grid: Grid, memory: None, key: Array | None) -> tuple[Array, None]:
        below = self.below(grid.dt)
        counts = _draw(grid, key, lambda k: self._counts(k, below, grid))
        return counts.astype(grid.dtype) * self.amplitude.value, None

    def extent(self) -> tuple[Any, Any] | None:
        known = spread(self.amplitude.value, 0.0)
        if known is None:
            return None
        low, high = known
        return np.where(low < 0, -np.inf, 0.0), np.where(high > 0, np.inf, 0.0)

    def few(self, dt: float) -> bool:
        """Whether a step brings so few spikes that they are drawn by inversion."""
        return self.ceiling * dt * self.sources <= _FEW

    def below(self, dt: float) -> list[Array]:
        """The probabilities of at most 0, 1, 2, ... spikes in a step of dt (ms), where it is few.

        Their number is known beforehand; what is left out has a probability below rounding.
        """
        if not self.few(dt):
            return []
        mean, most = self.rate * dt * self.sources, self.ceiling * dt * self.sources
        term = jnp.exp(-mean)
        totals = [term]
        for number in range(1, int(most + 8 * most**0.5 + 7)):
            term = term * mean / number
            totals.append(totals[-1] + term)
        return totals

    def _counts(self, key: Array, below: list[Array], grid: Grid) -> Array:
        """Poisson numbers, by comparing one uniform draw with the distribution where it is few.

        That takes a hundredth of the time of `jax.random.poisson`, which serves large means.
        """
        if not below:
            mean = self.rate * grid.dt * self.sources
            return jax.random.poisson(key, mean, grid.shape).astype(mean.dtype)
        draw = jax.random.uniform(key, grid.shape, below[0].dtype)
        count = jnp.zeros(grid.shape, draw.dtype)
        for total in below:
            count = count + (draw >= jnp.broadcast_to(total, grid.shape)).astype(draw.dtype)
        return count


def _draw(grid: Grid, key: Array | None, draw: Callable[[Array], Array]) -> Array:
    """One draw for each step, from the key and the number of the step, so that runs continue."""
    return jax.vmap(lambda k: draw(fold_in(require_key(key), k)))(Clock.of(grid.clock))
