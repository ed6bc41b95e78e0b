"""Adaptors of layers: the weights that a layer uses, made from those that train.

Each wraps any layer with a `weight`: `rb.Quantised(rb.Linear(64, 256), bits=4)`, or a population
with weights of its own, `rb.Quantised(rb.Recurrent(rb.LIF(), 256))`, which then is one still.
"""

from abc import abstractmethod
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.errors import ArgumentError, ParameterError, brief
from rheobase.train.convolution import AbstractConvolution
from rheobase.train.dense import Linear
from rheobase.train.layer import AbstractLayer, Shape
from rheobase.train.recurrent import Recurrent


class AbstractWeights(AbstractLayer):
    """A layer whose weights are a function of what trains; a final class states `made`."""

    layer: eqx.AbstractVar[Any]

    @abstractmethod
    def made(self, weight: Array) -> Array:
        """The weights that the layer uses, of the same shape."""

    def plain(self) -> Any:
        """The layer as it is used: its weights fixed at what they are now."""
        inner = self.layer.plain() if isinstance(self.layer, AbstractWeights) else self.layer
        if inner.weight is None:
            raise ArgumentError(
                f"this {type(inner).__name__} has no weights yet. Put it into rb.Sequential(...)."
            )
        return eqx.tree_at(lambda layer: layer.weight, inner, self.made(inner.weight))

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        return self.layer.shape(before, giver)

    def begin(self, x: Any, dt: float) -> Any:
        return self.layer.begin(x, dt)

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        return self.plain().advance(x, carry, dt, key)

    def drawn(self, key: Array, scale: float, dt: float) -> Self:
        inner = self.layer.drawn(key, scale, dt)
        return eqx.tree_at(lambda adaptor: adaptor.layer, self, inner)


class Quantised(AbstractWeights):
    r"""Weights on a grid of n bits: w ← s round(w/s), s = max|w|/(2^(bits-1) - 1).

    The grid is symmetric, so that 4 bits are the 15 numbers from -7 s to 7 s. Gradients pass the
    rounding as if it were not there (the straight-through estimator), so that training goes on in
    the full precision below the grid. `plain()` gives the layer with its weights on the grid.

    - `layer`: a `Linear`, a `Recurrent`, a convolution, or another adaptor of weights.
    - `bits`: 2 to 16.

    Source: Bengio, Léonard & Courville 2013, arXiv 1308.3432; Jacob et al. 2018, CVPR.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> model = rb.Sequential(rb.Quantised(rb.Linear(9, 20), bits=3), rb.LIF())
    >>> len(jnp.unique(model.layers[0].plain().weight)) <= 7
    True
    """

    layer: Any
    bits: int = eqx.field(static=True)

    def __init__(self, layer: Any, bits: int = 4):
        self.layer = require_weights(layer, "Quantised")
        if isinstance(bits, bool) or not isinstance(bits, int) or not 2 <= bits <= 16:
            raise ParameterError(f"`bits` is 2 to 16, got {brief(bits)}. Write bits=4.")
        self.bits = bits

    def made(self, weight: Array) -> Array:
        most = 2 ** (self.bits - 1) - 1
        size = jax.lax.stop_gradient(jnp.max(jnp.abs(weight))) / most
        size = jnp.where(size > 0, size, 1)
        on_grid = size * jnp.round(weight / size)
        return weight + jax.lax.stop_gradient(on_grid - weight)


class HalfPrecision(AbstractWeights):
    """Weights as bfloat16 has them, 8 bits of mantissa; they train below that in full precision.

    - `layer`: a `Linear`, a `Recurrent`, a convolution, or another adaptor of weights.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> model = rb.Sequential(rb.HalfPrecision(rb.Linear(9, 20)), rb.LIF())
    >>> weight = model.layers[0].plain().weight
    >>> bool((weight == weight.astype(jnp.bfloat16).astype(weight.dtype)).all())
    True
    """

    layer: Any

    def __init__(self, layer: Any):
        self.layer = require_weights(layer, "HalfPrecision")

    def made(self, weight: Array) -> Array:
        # Not a cast there and back, which XLA may leave out.
        half = jax.lax.reduce_precision(weight, exponent_bits=8, mantissa_bits=7)
        return weight + jax.lax.stop_gradient(half - weight)


class WeightNorm(AbstractWeights):
    """Direction and length of the weights to each neuron by themselves: w_j = g_j v_j/|v_j|.

    - `layer`: a `Linear`, a `Recurrent`, a convolution, or another adaptor of weights; its weights
      are v, and g begins as their length.

    Source: Salimans & Kingma 2016, NeurIPS.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> model = rb.Sequential(rb.WeightNorm(rb.Linear(9, 20)), rb.LIF())
    >>> model.layers[0].length.shape
    (20,)
    """

    layer: Any
    length: Array | None
    """g, in the unit of the weights; None before weights are drawn."""

    def __init__(self, layer: Any):
        self.layer = require_weights(layer, "WeightNorm")
        weight = innermost(self.layer).weight
        self.length = None if weight is None else self._lengths(weight)

    def made(self, weight: Array) -> Array:
        lengths = self._lengths(weight)
        length = lengths if self.length is None else self.length
        factor = jnp.where(lengths > 0, length / jnp.where(lengths > 0, lengths, 1), 0)
        if isinstance(innermost(self.layer), Linear | Recurrent):
            return weight * factor[None]
        return weight * factor.reshape(-1, *(1,) * (weight.ndim - 1))

    def drawn(self, key: Array, scale: float, dt: float) -> "WeightNorm":
        return self if self.length is not None else WeightNorm(self.layer.drawn(key, scale, dt))

    def _lengths(self, weight: Array) -> Array:
        dense = isinstance(innermost(self.layer), Linear | Recurrent)
        squares = jnp.sum(weight**2, axis=0 if dense else tuple(range(1, weight.ndim)))
        safe = jnp.where(squares > 0, squares, 1)
        return jnp.where(squares > 0, jnp.sqrt(safe), 0)


def require_weights(layer: Any, name: str) -> Any:
    """A layer whose weights can be made from others."""
    if isinstance(layer, Linear | Recurrent | AbstractConvolution | AbstractWeights):
        return layer
    raise ArgumentError(
        f"{name} takes a layer with weights, got {brief(layer)}. Write rb.{name}(rb.Linear(64, "
        "256))."
    )


def innermost(layer: Any) -> Any:
    """The layer that adaptors wrap."""
    while isinstance(layer, AbstractWeights):
        layer = layer.layer
    return layer
