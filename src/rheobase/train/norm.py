"""Batch norm through time, for what enters a spiking population."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from rheobase.errors import ArgumentError, ShapeError
from rheobase.train.layer import AbstractLayer, Shape, text, width

SMALLEST = 1e-5
"""Added to a variance, in units of the square of the layer's scale."""


class BatchNorm(AbstractLayer):
    r"""Threshold-dependent batch norm: what enters a neuron has the size that its threshold asks.

    y = s (g (x - m)/sqrt(v + 1e-5 s²) + b)

    x (time, batch, n), or (time, batch, n, ...) of pictures with n channels; m and v (n,) mean and
    variance of x in its own unit; s the input that carries the following neuron to its threshold;
    g and b (n,) without unit, which train from 1 and 0. It stands between a layer with weights,
    whose bias it makes idle, and a neuron.

    While `fit` trains, m and v are those of the batch over all its steps, samples and places, one
    for all steps, and the gradient goes through them. A model that is used has those of the
    training data instead: `fit` takes them anew by `rb.train.calibrated` before each validation
    and at its end, so that nothing is hidden in the order of batches and a run that goes on from a
    checkpoint has the same bits. Before that m = 0 and v = s²: the layer gives back what it gets.

    - `n`: channels.
    - `scale`: s until `Sequential` takes that of the neuron that follows.

    Not with `Surrogate(checkpoint=...)` or `(truncate=...)` in `fit`, which see a stretch of the
    steps at a time.

    Source: Zheng et al. 2021, AAAI 35:11062 (tdBN); Ioffe & Szegedy 2015, ICML; Wu & Johnson 2021,
    arXiv:2105.07576 (statistics of the data instead of a running mean).

    >>> import jax.numpy as jnp, rheobase as rb
    >>> model = rb.Sequential(rb.Linear(4, 9, bias=False), rb.BatchNorm(9), rb.LIF())
    >>> model(jnp.ones((3, 2, 4))).shape
    (3, 2, 9)
    """

    fixed: ClassVar[tuple[str, ...]] = ("mean", "variance")

    gain: Array
    shift: Array
    mean: Array | None
    variance: Array | None
    """Of the training data; None before the layer is in a model."""
    active: bool
    n: int = eqx.field(static=True)
    scale: float = eqx.field(static=True)

    def __init__(self, n: int, scale: float = 1.0):
        self.n = width(n, "n", "BatchNorm(256)")
        self.gain, self.shift = jnp.ones(self.n), jnp.zeros(self.n)
        self.mean = self.variance = None
        self.active, self.scale = False, scale

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        if before is not None and before[0] != self.n:
            raise ShapeError(
                f"takes {self.n} channels, but {giver} gives {text(before)}. "
                f"Write BatchNorm({before[0]})."
            )
        return before

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        if self.active:
            mean, variance = moments(x)
        elif self.mean is None or self.variance is None:
            raise ArgumentError("this BatchNorm has no scale yet. Put it into rb.Sequential(...).")
        else:
            mean, variance = self.mean, self.variance
        factor = self.gain / jnp.sqrt(variance + SMALLEST * self.scale**2)
        # One product and one sum for each number of x.
        offset = self.shift - mean * factor
        return self._along(self.scale * factor, x) * x + self._along(self.scale * offset, x), None

    def drawn(self, key: Array, scale: float, dt: float) -> "BatchNorm":
        if self.mean is not None:
            return self
        layer = BatchNorm(self.n, scale)
        return layer.measured(jnp.zeros_like(self.shift), jnp.full_like(self.shift, scale**2))

    def measured(self, mean: Array, variance: Array) -> "BatchNorm":
        """The layer with these statistics of the training data."""
        return eqx.tree_at(
            lambda x: (x.mean, x.variance), self, (mean, variance), is_leaf=lambda x: x is None
        )

    def in_training(self, active: bool) -> "BatchNorm":
        return eqx.tree_at(lambda layer: layer.active, self, active)

    def _along(self, each: Array, x: Array) -> Array:
        return each.astype(x.dtype).reshape(1, 1, -1, *(1,) * (x.ndim - 3))


def moments(x: Array) -> tuple[Array, Array]:
    """Mean and variance of each channel of x (time, batch, n, ...)."""
    axes = (0, 1, *range(3, x.ndim))
    return x.mean(axes), x.var(axes)
