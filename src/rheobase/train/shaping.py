"""Layers without weights: flatten, reshape, pool, drop, skip."""

import math
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.errors import ParameterError, ShapeError, UnknownName, require_key
from rheobase.train.layer import AbstractLayer, Shape, text, width


class Flatten(AbstractLayer):
    """All axes of a sample as one, in C order: pictures to (time, batch, n).

    >>> import jax.numpy as jnp, rheobase as rb
    >>> rb.Sequential(rb.Flatten())(jnp.ones((5, 2, 3, 4, 4))).shape
    (5, 2, 48)
    """

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        return None if before is None else (math.prod(before),)

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        return x.reshape(*x.shape[:2], -1), None


class Reshape(AbstractLayer):
    """The n of a sample as an array, in C order: (time, batch, n) to (time, batch, *axes).

    >>> import jax.numpy as jnp, rheobase as rb
    >>> rb.Sequential(rb.Reshape(1, 8, 8))(jnp.ones((5, 2, 64))).shape
    (5, 2, 1, 8, 8)
    """

    axes: Shape = eqx.field(static=True)

    def __init__(self, *axes: int):
        self.axes = tuple(width(axis, "axes", "Reshape(1, 8, 8)") for axis in axes)

    def shape(self, before: Shape | None, giver: str) -> Shape:
        if before is not None and math.prod(before) != math.prod(self.axes):
            raise ShapeError(f"makes {self.axes} of {giver}, which gives {text(before)}.")
        return self.axes

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        return x.reshape(*x.shape[:2], *self.axes), None


class Pool(AbstractLayer):
    """Puts squares of neighbouring places together: (channels, height, width) to a smaller one.

    - `size`: places along the side of a square, or of a stretch where there is one axis;
      what does not fill a square at the end is left out.
    - `how`: `"sum"` (spikes are added as currents), `"mean"`, or `"max"` (one spike if any).

    >>> import jax.numpy as jnp, rheobase as rb
    >>> rb.Sequential(rb.Pool(2))(jnp.ones((5, 2, 3, 8, 9))).shape
    (5, 2, 3, 4, 4)
    """

    size: int = eqx.field(static=True)
    how: Literal["sum", "mean", "max"] = eqx.field(static=True)

    def __init__(self, size: int = 2, how: Literal["sum", "mean", "max"] = "sum"):
        if how not in ("sum", "mean", "max"):
            raise UnknownName("way of pooling", how, ("sum", "mean", "max"))
        self.size, self.how = width(size, "size", "Pool(2)"), how

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        if before is None:
            return None
        if len(before) < 2 or min(before[1:]) < self.size:
            raise ShapeError(
                f"pools {self.size} neighbours of (channels, ...), but {giver} gives "
                f"{text(before)}. Put rb.Reshape(1, 8, 8) before it."
            )
        return before[0], *(axis // self.size for axis in before[1:])

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        for axis in range(3, x.ndim):
            whole = x.shape[axis] // self.size
            x = jax.lax.slice_in_dim(x, 0, whole * self.size, axis=axis)
            x = x.reshape(*x.shape[:axis], whole, self.size, *x.shape[axis + 1 :])
            put = {"sum": jnp.sum, "mean": jnp.mean, "max": jnp.max}[self.how]
            x = put(x, axis=axis + 1)
        return x, None


class Dropout(AbstractLayer):
    """While training, silences a part of its input, and makes up for it with the rest.

    - `rate`: the part that is silenced.
    - `steps`: False for the same places through the whole run of a sample (Gal & Ghahramani 2016);
      True for other ones in each step.

    Acts in `fit` alone; a trained model is without it.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> model = rb.Sequential(rb.Dropout(0.3), rb.Linear(4, 2))
    >>> model(jnp.ones((3, 2, 4))).shape
    (3, 2, 2)
    """

    fixed: ClassVar[tuple[str, ...]] = ()

    active: bool
    rate: float = eqx.field(static=True)
    steps: bool = eqx.field(static=True)

    def __init__(self, rate: float = 0.2, steps: bool = False):
        if not 0 <= rate < 1:
            raise ParameterError(
                f"`rate` is a part, from 0 to below 1, got {rate!r}. Write Dropout(0.2)."
            )
        self.rate, self.steps, self.active = float(rate), steps, False

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        return before

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        if not self.active:
            return x, None
        shape = x.shape if self.steps else (1, *x.shape[1:])
        kept = jax.random.bernoulli(require_key(key), 1 - self.rate, shape)
        return jnp.where(kept, x / (1 - self.rate), 0), None

    def in_training(self, active: bool) -> "Dropout":
        return eqx.tree_at(lambda layer: layer.active, self, active)


class Skip(AbstractLayer):
    """A residual connection: adds what entered the `layers` layers before it.

    Before a neuron, currents are added to currents; after one, spikes to spikes.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> model = rb.Sequential(rb.Linear(8, 8), rb.LIF(), rb.Linear(8, 8), rb.Skip(2), rb.LIF())
    >>> model(jnp.ones((5, 2, 8))).shape
    (5, 2, 8)
    """

    layers: int = eqx.field(static=True)

    def __init__(self, layers: int = 2):
        self.layers = width(layers, "layers", "Skip(2)")

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        return before

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        # What it adds is known to the stack alone, which does it.
        return x, None
