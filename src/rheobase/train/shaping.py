"""Layers without weights: flatten, reshape, pool, drop, skip, threshold."""

import math
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.errors import (
    ArgumentError,
    ParameterError,
    ShapeError,
    UnknownName,
    brief,
    require_key,
)
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.train.convolution import Sides
from rheobase.train.layer import AbstractLayer, Shape, text, width
from rheobase.units import Quantity


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
    """Puts neighbouring places together: (channels, height, width) to a smaller one.

    - `size`: places along the side of a square, or of a stretch where there is one axis, or one
      number for each axis; what does not fill a square at the end is left out.
    - `how`: `"sum"` (spikes are added as currents), `"mean"`, or `"max"` (one spike if any).
    - `stride`: places from one square to the next, `size` by default.
    - `padding`: zeros on each side, which count in a mean.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> rb.Sequential(rb.Pool(2))(jnp.ones((5, 2, 3, 8, 9))).shape
    (5, 2, 3, 4, 4)
    """

    size: Sides = eqx.field(static=True)
    how: Literal["sum", "mean", "max"] = eqx.field(static=True)
    stride: Sides = eqx.field(static=True)
    padding: Sides = eqx.field(static=True)

    def __init__(
        self,
        size: Sides = 2,
        how: Literal["sum", "mean", "max"] = "sum",
        *,
        stride: Sides | None = None,
        padding: Sides = 0,
    ):
        if how not in ("sum", "mean", "max"):
            raise UnknownName("way of pooling", how, ("sum", "mean", "max"))
        self.how, self.size = how, _places(size, "size", 1)
        self.stride = self.size if stride is None else _places(stride, "stride", 1)
        self.padding = _places(padding, "padding", 0)

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        if before is None:
            return None
        after = []
        if len(before) >= 2:
            along = zip(before[1:], *self._along(len(before) - 1), strict=True)
            after = [(x + 2 * zeros - size) // step + 1 for x, size, step, zeros in along]
        if not after or min(after) < 1:
            raise ShapeError(
                f"pools {self.size} neighbours of (channels, ...), but {giver} gives "
                f"{text(before)}. Put rb.Reshape(1, 8, 8) before it."
            )
        return (*before[:1], *after)

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        sizes, steps, zeros = self._along(x.ndim - 3)
        if sizes != steps or any(zeros):
            return self._windows(x, sizes, steps, zeros), None
        put = {"sum": jnp.sum, "mean": jnp.mean, "max": jnp.max}[self.how]
        for axis, size in enumerate(sizes, 3):
            whole = x.shape[axis] // size
            x = jax.lax.slice_in_dim(x, 0, whole * size, axis=axis)
            x = x.reshape(*x.shape[:axis], whole, size, *x.shape[axis + 1 :])
            x = put(x, axis=axis + 1)
        return x, None

    def _windows(self, x: Array, sizes: Shape, steps: Shape, zeros: Shape) -> Array:
        """As `advance`, with squares that overlap, leave gaps or reach over the edge."""
        x = jnp.pad(x, ((0, 0),) * 3 + tuple((z, z) for z in zeros))
        ends = (1,) * 3 + sizes, (1,) * 3 + steps, "VALID"
        if self.how == "max":
            return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, *ends)
        total = jax.lax.reduce_window(x, 0.0, jax.lax.add, *ends)
        return total / math.prod(sizes) if self.how == "mean" else total

    def _along(self, axes: int) -> tuple[Shape, Shape, Shape]:
        """Size, stride and padding of each of `axes` axes."""

        def each(given: Sides) -> Shape:
            return (given,) * axes if isinstance(given, int) else given

        return each(self.size), each(self.stride), each(self.padding)


def _places(given: Sides, name: str, least: int) -> Sides:
    """A number of places, or one for each axis."""
    for number in given if isinstance(given, tuple) else (given,):
        if isinstance(number, bool) or not isinstance(number, int) or number < least:
            raise ShapeError(
                f"`{name}` of Pool is a number >= {least}, got {brief(given)}. Pool(2)."
            )
    return given


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
                f"`rate` is a part, from 0 to below 1, got {brief(rate)}. Write Dropout(0.2)."
            )
        self.rate, self.steps, self.active = float(rate), steps, False

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        return before

    def begin(self, x: Any, dt: float) -> Any:
        # The number of the step: a run in stretches draws for each step what one run draws.
        return jnp.zeros((), jnp.int32) if self.steps else None

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        after = None if carry is None else carry + len(x)
        if not self.active:
            return x, after
        own, part = require_key(key), 1 - self.rate

        def drawn(step: Array) -> Array:
            return jax.random.bernoulli(jax.random.fold_in(own, step), part, x.shape[1:])

        if self.steps:
            first = 0 if carry is None else carry
            kept = jax.vmap(drawn)(first + jnp.arange(len(x), dtype=jnp.int32))
        else:
            kept = jax.random.bernoulli(own, part, (1, *x.shape[1:]))
        return jnp.where(kept, x / part, 0), after

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


class Threshold(AbstractLayer):
    """1 where the input is at least `theta`, else 0: spikes of a membrane that has no reset.

    - `theta`: in the unit of what enters, `1*mV` after an `LI`; trains.
    - `spike`: a surrogate, whose argument is (x - theta)/|theta|.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> from rheobase.units import mV
    >>> model = rb.Sequential(rb.Linear(4, 9), rb.LI(), rb.Threshold(1 * mV))
    >>> model(jnp.ones((3, 2, 4))).shape
    (3, 2, 9)
    """

    theta: Array
    spike: AbstractSurrogate

    def __init__(self, theta: Any, spike: AbstractSurrogate | None = None):
        if isinstance(theta, Quantity):
            theta = theta.value_in(theta.unit.internal())
        if not eqx.is_array_like(theta):
            raise ArgumentError(
                f"`theta` is a number or a quantity, got {brief(theta)}. Write Threshold(1*mV)."
            )
        self.theta = jnp.asarray(theta, jnp.result_type(float))
        self.spike = FastSigmoid() if spike is None else spike
        if not isinstance(self.spike, AbstractSurrogate):
            raise ArgumentError(
                f"`spike` takes a surrogate, got {brief(spike)}. rb.surrogate.Sigmoid()"
            )

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        if before is not None and self.theta.shape not in ((), (1,), before):
            raise ShapeError(
                f"has theta of shape {self.theta.shape}, but {giver} gives {text(before)}."
            )
        return before

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        theta = self.theta.reshape(*(1,) * (x.ndim - self.theta.ndim), *self.theta.shape)
        size = jnp.where(theta == 0, 1, jnp.abs(theta))
        return self.spike((x - theta) / size), None
