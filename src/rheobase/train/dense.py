"""The dense connection, with delays or a fixed mask where they are asked for."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.errors import ArgumentError, ParameterError, ShapeError, brief
from rheobase.given import require_random_key
from rheobase.kernels.sparse import product
from rheobase.train.delays import Delays, delayed_axons
from rheobase.train.layer import GAIN, AbstractLayer, Shape, text, uniform, width


class Linear(AbstractLayer):
    r"""A dense connection: I_j = sum_i x_i w_ij + b_j.

    x (..., n_in) spikes or currents, w (n_in, n_out) and b (n_out,) in the unit that the following
    neuron receives (nA). A neuron whose `target` is not its voltage takes I as a delta input to
    that variable (`CubaLIF`: nA onto i_syn at each step).

    - `n_in`, `n_out`: widths.
    - `bias`: whether there is b; it starts at zero.
    - `key`: with it the weights are drawn now; without it they are None until `Sequential` draws
      them, by its own key and for the neuron that follows.
    - `scale`: size of a strong input of what follows; w is uniform with standard deviation
      scale/sqrt(n_in), and is trained in units of it.
    - `delays`: `rb.Delays(max=20*ms)`, times of travel that are learned, x_i(t - d_ij).
    - `density`: the part of the connections that there are, drawn once; the others stay 0.

    >>> import jax, jax.numpy as jnp, rheobase as rb
    >>> rb.Linear(3, 5, key=jax.random.key(0))(jnp.ones((7, 3))).shape
    (7, 5)
    """

    weight: Array | None
    bias: Array | None
    delays: Delays | None
    mask: Array | None
    """Which connections there are; None for all."""
    n_in: int = eqx.field(static=True)
    n_out: int = eqx.field(static=True)
    biased: bool = eqx.field(static=True)
    scale: float = eqx.field(static=True)
    density: float = eqx.field(static=True)

    def __init__(
        self,
        n_in: int,
        n_out: int,
        bias: bool = True,
        key: Array | None = None,
        scale: float = 1.0,
        *,
        delays: Delays | None = None,
        density: float = 1.0,
    ):
        if key is not None:
            require_random_key(key, "Linear(64, 256, key={})")
        self.n_in = width(n_in, "n_in", "Linear(64, 256)")
        self.n_out = width(n_out, "n_out", "Linear(64, 256)")
        self.biased, self.scale = bias, scale
        self.delays, self.density = require_delays(delays), require_density(density)
        inputs = max(1.0, self.density * self.n_in)
        shape = (self.n_in, self.n_out)
        self.mask = None if key is None else drawn_mask(key, shape, self.density)
        weight = None if key is None else uniform(key, shape, inputs, GAIN * scale)
        self.weight = masked(weight, self.mask)
        self.bias = None if key is None or not bias else jnp.zeros(n_out)

    def __call__(self, x: Array) -> Array:
        if self.delays is not None:
            raise ArgumentError(
                "a Linear with delays needs a time step. Put it into rb.Sequential(..., dt=1*ms)."
            )
        return self._sum(x, self._weight())

    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        if self.delays is None:
            return self(x), None
        taps, weight, steps = self.delays.taps(dt, 0), self._weight(), len(x)
        longer = jnp.concatenate([carry, x])
        after = longer[len(longer) - len(carry) :]
        if self.delays.per == "axon":
            return self._sum(delayed_axons(x, carry, taps), weight), after
        # One product a slot: to unfold x over the slots would cost its size as many times.
        last = len(taps) - 1

        def slot(total: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
            number, tap = at
            arrived = jax.lax.dynamic_slice_in_dim(longer, last - number, steps)
            return total + arrived.reshape(-1, self.n_in) @ (weight * tap), None

        begin = jnp.zeros((x.size // self.n_in, self.n_out), x.dtype)
        numbers = jnp.arange(len(taps), dtype=jnp.int32)
        rows, _ = jax.lax.scan(jax.checkpoint(slot), begin, (numbers, taps))
        return self._biased(rows).reshape(*x.shape[:-1], self.n_out), after

    def begin(self, x: Any, dt: float) -> Any:
        if self.delays is None:
            return None
        return jnp.zeros((self.delays.slots(dt) - 1, *x.shape[1:]), x.dtype)

    def shape(self, before: Shape | None, giver: str) -> Shape:
        if before is not None and before != (self.n_in,):
            cure = f"Linear({before[-1]}, {self.n_out})"
            cure = cure if len(before) == 1 else f"rb.Flatten() before it, and {cure}"
            raise ShapeError(
                f"takes {self.n_in} inputs, but {giver} gives {text(before)}. Write {cure}."
            )
        return (self.n_out,)

    def drawn(self, key: Array, scale: float, dt: float) -> "Linear":
        layer = self
        if self.weight is None:
            layer = Linear(self.n_in, self.n_out, self.biased, key, scale, density=self.density)
        delays = self.delays
        if delays is not None and delays.time is None:
            own = jax.random.fold_in(key, 1)
            delays = delays.drawn(own, (self.n_in, self.n_out), dt, 0)
        return eqx.tree_at(lambda l: l.delays, layer, delays, is_leaf=lambda x: x is None)

    def _weight(self) -> Array:
        if self.weight is None:
            raise ArgumentError(
                "this Linear has no weights yet. Write Linear(..., key=jax.random.key(0)), or put "
                "it into rb.Sequential(...), which draws them for the neuron that follows."
            )
        weight = masked(self.weight, self.mask)
        return self.weight if weight is None else weight

    def _sum(self, x: Array, weight: Array) -> Array:
        # One product over all leading axes: time and batch as one long batch.
        rows = self._biased(product(x.reshape(-1, x.shape[-1]), weight))
        return rows.reshape(*x.shape[:-1], self.n_out)

    def _biased(self, rows: Array) -> Array:
        return rows if self.bias is None else rows + self.bias[None]


def require_delays(delays: Any) -> Delays | None:
    """The delays, or nothing; refuses a bare time."""
    if delays is None or isinstance(delays, Delays):
        return delays
    raise ArgumentError(
        f"`delays` takes rb.Delays, got {brief(delays)}. Write rb.Delays(max=20*ms)."
    )


def require_density(density: float) -> float:
    """A part of all connections."""
    if not 0 < density <= 1:
        raise ParameterError(
            f"`density` is a part of all connections, from above 0 to 1, got {brief(density)}. "
            f"Write density=0.1."
        )
    return float(density)


def drawn_mask(key: Array, shape: Shape, density: float) -> Array | None:
    """Which connections there are."""
    if density == 1:
        return None
    return jax.random.bernoulli(jax.random.fold_in(key, 2), density, shape)


def masked(weight: Array | None, mask: Array | None) -> Array | None:
    """The weights of the connections that there are."""
    return weight if weight is None or mask is None else jnp.where(mask, weight, 0)
