"""Training for chips that differ: every step sees other transistors, and the grid if asked for."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array

from rheobase import printed
from rheobase.devices.dynapse2.mismatch import mismatch
from rheobase.devices.dynapse2.network import Network
from rheobase.devices.dynapse2.quantise import Quantised, on_grid
from rheobase.errors import ArgumentError
from rheobase.given import key_or_first
from rheobase.train.domains import Where, choose, free, legal

Loss = Callable[[Array], Array]

BLOCK = 50
"""Steps that run in one compiled loop."""


class Trained(NamedTuple):
    """What `train` returns."""

    network: Network
    losses: Array
    """One a step, the mean over its chips."""

    def __repr__(self) -> str:
        return printed.shortly(self)


class Redrawn(eqx.Module):
    """A network whose every sample runs on a chip of its own, for `rb.fit`.

    `model(x, key)` draws the mismatch of each sample of the batch from `key`.

    - `network`: nominal; `spread`: as for `mismatch`.

    >>> import jax, jax.numpy as jnp
    >>> from rheobase.devices import dynapse2 as d2
    >>> model = d2.Redrawn(d2.Network(n_in=6, n_out=2), 0.2)
    >>> model(jnp.ones((20, 3, 6)), jax.random.key(0)).shape
    (20, 3, 2)
    """

    network: Network
    spread: float = eqx.field(static=True, default=0.2)

    def __call__(self, x: Array, key: Array | None = None) -> Array:
        keys = jax.random.split(jax.random.key(0) if key is None else key, x.shape[1])

        def one(key, sample):
            return mismatch(self.network, self.spread, key=key)(sample[:, None])[:, 0]

        return jax.vmap(one, in_axes=(0, 1), out_axes=1)(keys, x)


def train(
    net: Network,
    x: Array,
    loss: Loss,
    *,
    steps: int = 500,
    chips: int = 4,
    spread: float = 0.2,
    grid: Quantised | None = None,
    trainable: Where | None = None,
    optimizer: optax.GradientTransformation | None = None,
    key: Array | None = None,
) -> Trained:
    """Train a network on one batch, on new chips in every step.

    Every current trains as its logarithm inside what the chip can give, see
    `rheobase.devices.dynapse2.layout.chip_current`; capacitors and voltages stay as they are.

    - `x`: events (time, batch, n_in).
    - `loss`: from the output (time, batch, n_out) of one chip to a number.
    - `steps`, `chips`: of the optimiser; drawn in each of them.
    - `spread`: of the mismatch; 0 for nominal transistors, on one chip.
    - `grid`: of a quantised network, whose base currents weights are rounded to forwards.
    - `trainable`: as for `rb.fit`; by default weights, Itau and Igain of soma and gates, and Idc.
    - `optimizer`: of optax; Adam with a rate of 0.01 and the norm of the gradient clipped at 1.

    Errors: `ArgumentError`.

    >>> import jax.numpy as jnp
    >>> from rheobase.devices import dynapse2 as d2
    >>> net, x = d2.Network(n_in=6, n_out=2), jnp.ones((20, 1, 6))
    >>> result = d2.train(net, x, lambda out: (out.sum() - 3) ** 2, steps=2, chips=2)
    >>> result.losses.shape
    (2,)
    """
    if steps < 1 or chips < 1:
        raise ArgumentError(f"`steps` and `chips` are at least 1, got {steps} and {chips}.")
    mask = choose(net, usual if trainable is None else trainable)
    if optimizer is None:
        optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.01))
    moving, fixed = eqx.partition(free(net, mask), mask)
    key = key_or_first(key, "d2.train(..., key={})")
    draws = chips if spread else 1

    def nominal(moving: Any) -> Network:
        return legal(eqx.combine(moving, fixed), mask)

    def cost(moving: Any, key: Array) -> Array:
        here = nominal(moving)
        rounded = here if grid is None else on_grid(here, grid)

        def one(key: Array) -> Array:
            drawn = mismatch(rounded, spread, key=key) if spread else rounded
            return loss(drawn(x))

        return jax.vmap(one)(jax.random.split(key, draws)).mean()

    def step(carry: Any, number: Array) -> tuple[Any, Array]:
        moving, memory = carry
        value, gradient = jax.value_and_grad(cost)(moving, jax.random.fold_in(key, number))
        with jax.numpy_dtype_promotion("standard"):  # optax mixes its counter with the rates
            update, memory = optimizer.update(gradient, memory, moving)
        return (eqx.apply_updates(moving, update), memory), value

    block = jax.jit(lambda carry, numbers: jax.lax.scan(step, carry, numbers))
    carry, losses = (moving, optimizer.init(moving)), []
    for begin in range(0, steps, BLOCK):
        numbers = jnp.arange(begin, min(begin + BLOCK, steps))
        carry, values = block(carry, numbers)
        losses.append(values)
    return Trained(nominal(carry[0]), jnp.concatenate(losses))


def usual(net: Network) -> tuple:
    """What trains by default."""
    p = net.neuron
    weights = (net.inputs.weight,) if net.synapses is None else (
        net.inputs.weight,
        net.synapses.weight,
    )  # fmt: skip
    currents = (p.Idc, p.Itau_mem, p.Igain_mem, p.Itau_ampa, p.Igain_ampa, p.Itau_gaba)
    return (*weights, *currents, p.Igain_gaba)
