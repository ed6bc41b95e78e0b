r"""Delays that are learned: each connection has its own time of travel, fractional on the grid.

A spike with delay d (ms) is spread over the slots of the grid around d with weights that sum to 1,

    "triangle"   max(0, 1 - |k dt - d|/(w dt)),     "gaussian"   exp(-(k dt - d)²/(2 w² dt²)),

with k the number of steps and w (steps) the width. With w = 1 the triangle is linear
interpolation. A wide kernel lets the derivative with respect to d see further than the
neighbouring slots; `narrowed` makes it narrower as training proceeds, and `rounded` ends it: every
delay a whole number of steps, in one slot each.

Source: Hammouamri, Khalfaoui-Hassani & Masquelier 2024, ICLR (DCLS-Delays).
"""

import math
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.errors import ArgumentError, ShapeError, StepperError, UnknownName, brief
from rheobase.train.arguments import positive_number
from rheobase.train.layer import AbstractLayer, Shape, text, width
from rheobase.units import Quantity, dimensionless, ms

Kernel = Literal["triangle", "gaussian"]
Per = Literal["synapse", "axon"]

NARROWEST = 0.2
"""Steps: the width at which a Gaussian is all but one slot."""


class Delays(eqx.Module):
    r"""Learnable delays of the connections of a layer, from 0 to `max`.

    A recurrent connection takes one step at least. They begin uniform over the whole range.

    - `max`: the longest delay.
    - `per`: `"synapse"`, one for each connection, or `"axon"`, one for each sender.
    - `kernel`, `width` (steps): how a spike is spread over slots, see `rheobase.train.delays`. By
      default a triangle of width 1, which is linear interpolation.

    In a `Recurrent` layer linear interpolation costs what its spikes cost, whatever `max`: each is
    added to two neighbouring steps of each of its synapses, and the gradient of the weights and
    delays is taken from the spikes after the loop. On the way back every synapse is visited in
    every step. Wider kernels, and a `Linear` with delays per synapse, take `max/dt` products
    instead of one; a `Linear` with delays per axon takes one.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> from rheobase.units import ms
    >>> layer = rb.Recurrent(rb.ALIF(), 32, delays=rb.Delays(max=20 * ms))
    >>> rb.Sequential(rb.Linear(8, 32), layer, dt=2 * ms)(jnp.ones((10, 3, 8))).shape
    (10, 3, 32)
    """

    fixed: ClassVar[tuple[str, ...]] = ("width",)

    time: Array | None
    """In ms, (n_in, n_out), or (n_in, 1) per axon; None before weights are drawn."""
    width: Array | float
    longest: float = eqx.field(static=True)
    widest: float = eqx.field(static=True)
    per: Per = eqx.field(static=True)
    kernel: Kernel = eqx.field(static=True)

    def __init__(
        self,
        max: Quantity = 20 * ms,
        *,
        per: Per = "synapse",
        kernel: Kernel = "triangle",
        width: float = 1.0,
    ):
        if per not in ("synapse", "axon"):
            raise UnknownName("kind of delay", per, ("synapse", "axon"))
        if kernel not in ("triangle", "gaussian"):
            raise UnknownName("kernel of delays", kernel, ("triangle", "gaussian"))
        self.longest = positive_number(max, ms, "max", "Delays(max={})")
        self.widest = positive_number(width, dimensionless, "width", "Delays(width={})")
        self.width = self.widest
        self.per, self.kernel, self.time = per, kernel, None

    def drawn(self, key: Array, shape: tuple[int, int], dt: float, least: int) -> "Delays":
        """With a time for each connection of a layer of `shape`, of `least` steps at least."""
        if self.longest < max(least, 1) * dt:
            raise StepperError(
                f"`max` = {self.longest:g} ms is shorter than a step of {dt:g} ms. Write "
                f"Delays(max={5 * dt:g}*ms), or leave the delays out."
            )
        shape = (shape[0], 1) if self.per == "axon" else shape
        dtype = jnp.result_type(float)
        time = jax.random.uniform(key, shape, dtype, least * dt, self.longest)
        return self._with(time, jnp.asarray(self.width, dtype))

    def slots(self, dt: float) -> int:
        """Of the grid that the delays reach, that of zero among them."""
        return int(-(-self.longest // dt)) + 1

    def taps(self, dt: float, least: int) -> Array:
        """How much of a spike arrives after `least`, `least + 1`, ... steps: (slots, *time)."""
        time = self._times()
        steps = jnp.maximum(time / dt, least)
        slots = jnp.arange(least, self.slots(dt), dtype=time.dtype)
        distance = slots.reshape(-1, *(1,) * steps.ndim) - steps[None]
        width = jax.lax.stop_gradient(jnp.asarray(self.width, time.dtype))
        if self.kernel == "triangle":
            weights = jnp.maximum(0, 1 - jnp.abs(distance) / width)
        else:
            # The nearest slot gives 1 for any width, so that the sum cannot vanish.
            squares = distance**2
            nearest = jnp.min(squares, axis=0, keepdims=True)
            weights = jnp.exp((nearest - squares) / (2 * width**2))
        return weights / weights.sum(axis=0, keepdims=True)

    def interpolates(self, dt: float, least: int) -> bool:
        """Whether every delay is shared out over two neighbouring slots, as `split` says."""
        return self.kernel == "triangle" and self.widest == 1 and self.slots(dt) > least + 1

    def split(self, dt: float, least: int) -> tuple[Array, Array]:
        """The slot in which a spike arrives, and the part of it that comes one slot later.

        Slots are counted from `least` steps on; the later one is below their number too.
        """
        steps = jnp.maximum(self._times() / dt, least) - least
        slot = jnp.clip(steps.astype(jnp.int32), 0, self.slots(dt) - least - 2)
        return slot, steps - slot.astype(steps.dtype)

    def narrowed(self, progress: float) -> "Delays":
        """With the width at `progress` (0 to 1) of training, on a geometric way to one slot."""
        end = NARROWEST if self.kernel == "gaussian" else 1.0
        width = end if self.widest <= end else self.widest * (end / self.widest) ** progress
        return self._with(self.time, jnp.full_like(jnp.asarray(self.width), width))

    def rounded(self, dt: float, least: int) -> "Delays":
        """With every delay a whole number of steps, in one slot."""
        if self.time is None:
            return self
        time = dt * jnp.clip(jnp.round(self.time / dt), least, self.slots(dt) - 1)
        narrow = 1.0 if self.kernel == "triangle" else 0.05
        return self._with(time, jnp.full_like(jnp.asarray(self.width), narrow))

    def _times(self) -> Array:
        if self.time is None:
            raise ArgumentError(
                "these delays have no times yet. Put the layer into rb.Sequential(...)."
            )
        return self.time

    def _with(self, time: Array | None, width: Array) -> "Delays":
        return eqx.tree_at(
            lambda d: (d.time, d.width), self, (time, width), is_leaf=lambda x: x is None
        )


def delayed_axons(x: Array, before: Array, taps: Array) -> Array:
    """x (time, ..., n), after `before` (slots - 1, ..., n), each of the n by its own taps."""
    longer, steps = jnp.concatenate([before, x]), len(x)
    last = len(before)
    total = jnp.zeros_like(x)
    for slot, tap in enumerate(taps[:, :, 0]):
        arrived = longer[last - slot : last - slot + steps]
        total = total + arrived * tap.reshape(*(1,) * (x.ndim - 1), -1)
    return total


class Delay(AbstractLayer):
    """Each of n channels comes later by a time of its own, which is learned: y_i(t) = x_i(t - d_i).

    - `n`: channels; all places of a picture are channels.
    - `delays`: `rb.Delays(...)`, taken as one for each sender whatever its `per`.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> from rheobase.units import ms
    >>> model = rb.Sequential(rb.Delay(4, rb.Delays(max=5 * ms)), rb.Linear(4, 2), rb.LI())
    >>> model(jnp.ones((10, 3, 4))).shape
    (10, 3, 2)
    """

    delays: Delays
    n: int = eqx.field(static=True)

    def __init__(self, n: int, delays: Delays):
        if not isinstance(delays, Delays):
            raise ArgumentError(
                f"`delays` takes rb.Delays, got {brief(delays)}. Write Delay(64, "
                "rb.Delays(max=20*ms))."
            )
        self.n, self.delays = width(n, "n", "Delay(64, rb.Delays(max=20*ms))"), delays

    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        if before is not None and math.prod(before) != self.n:
            raise ShapeError(f"delays {self.n} channels, but {giver} gives {text(before)}.")
        return before

    def begin(self, x: Any, dt: float) -> Any:
        return jnp.zeros((self.delays.slots(dt) - 1, x.shape[1], self.n), x.dtype)

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        rows = x.reshape(*x.shape[:2], self.n)
        after = jnp.concatenate([carry, rows])[len(x) :]
        return delayed_axons(rows, carry, self.delays.taps(dt, 0)).reshape(x.shape), after

    def drawn(self, key: Array, scale: float, dt: float) -> "Delay":
        if self.delays.time is not None:
            return self
        delays = self.delays.drawn(key, (self.n, 1), dt, 0)
        return eqx.tree_at(lambda layer: layer.delays, self, delays)
