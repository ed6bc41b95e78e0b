"""Stimuli that draw random numbers."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.errors import require_key
from rheobase.stimulus.base import (
    AbstractStimulus,
    Grid,
    measured,
    require_same_dimension,
    spread,
)
from rheobase.time import Clock, fold_in
from rheobase.units import Quantity, Unit, ms, positive, quantity


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
        draws = by_step(grid, key, lambda k: jax.random.normal(k, grid.shape, grid.dtype))

        def body(x, draw):
            return decay * x + kick * draw, x

        last, path = jax.lax.scan(body, memory, draws)
        return self.mean.value + path, last


def by_step(grid: Grid, key: Array | None, draw: Callable[..., Array], *each: Array) -> Array:
    """One draw for each step, from the key and the number of the step, so that runs continue.

    - `draw`: of the key of a step, and of what `each` has for it.
    """
    known = require_key(key)
    return jax.vmap(lambda k, *x: draw(fold_in(known, k), *x))(Clock.of(grid.clock), *each)
