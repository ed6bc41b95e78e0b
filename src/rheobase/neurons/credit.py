r"""The derivative of a spike that counts every input once.

Between two spikes the margin m moves at the speed f = dm/dt, so a spike at which it is displaced by
dm comes dm/f earlier. That is so much of an interval more,

    d(spike) = dm/(f T),   T = integral from reset to threshold of dm/f,

the slope of the f-I curve. It is summed over spikes, not over steps, and does not depend on dt.
What led to the spike is used up: the voltage has no derivative after it, and any other variable x
that the reset changes goes on from what it was at the spike itself, dx - (dx/dt) dm/f.

A silent neuron would never learn from this. So a step without a spike counts what has come in since
the step before, at the surrogate's slope S'(m), and a spike counts the rest, 1 - (S(0) - S(-1)).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.surrogate import AbstractSurrogate

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2
"""From 0 at the reset to 1 at the threshold; where the speed is asked for."""
_SLOWEST = 1e-3
"""Of the speed at the first node: slower ones would make the interval endless."""
_MOST = 4.0
"""Largest derivative of a spike by the margin; at the onset of firing it has no bound."""


class Pace(NamedTuple):
    """How a neuron moves in a step."""

    ready: Array | bool
    """Whether it may fire."""
    speed: Array
    """dm/dt (1/ms) at the spike."""
    interval: Array
    """T (ms)."""
    pause: Array | float
    """ms after a spike in which nothing that comes in counts; a part of T."""
    decay: Array
    """What the step leaves of a displacement of the margin: what is more has come in."""
    rates: tuple[Array, ...]
    """dx/dt of the other variables at the spike."""
    early: bool
    """Whether all this is at the beginning of the step: an upstroke may overshoot by any amount."""
    upstroke: bool
    """Whether the voltage runs away: the margin does not measure what is still to come in."""


def interval(low: Array, high: Array, speeds: Array) -> tuple[Array, Array]:
    """The time (ms) from `low` to `high` by the speeds (per ms) at NODES, and the mean on the way.

    Where a node runs backwards, other variables must have been elsewhere: it counts by its size.
    """
    sizes = jnp.abs(speeds)
    weights = jnp.asarray(_WEIGHTS, speeds.dtype).reshape(-1, *(1,) * (speeds.ndim - 1))
    least = _SLOWEST * jnp.maximum(sizes[0], _SLOWEST)
    paces = weights / jnp.maximum(sizes, least[None])
    total = jnp.sum(paces, axis=0)
    return jnp.abs(high - low) * total, jnp.sum(paces * at_nodes(low, high), axis=0) / total


def relaxation(jump: Array, begun: Array, ended: Array) -> Array:
    """The time (ms) in which a variable comes back from a jump, by its rates at both ends."""
    back, last = -begun * jnp.sign(jump), -ended * jnp.sign(jump)
    returns = (back > 0) & (jump != 0)
    ratio = jnp.maximum(last / jnp.where(returns, back, 1), 0.02)
    ratio = jnp.where(jnp.abs(ratio - 1) < 1e-3, 1 + 1e-3, ratio)
    return jnp.where(returns, jnp.abs(jump) * jnp.log(ratio) / ((ratio - 1) * back), 0)


def at_nodes(low: Array, high: Array) -> Array:
    """Values at NODES between two, along a new first axis."""
    share = jnp.asarray(NODES, low.dtype).reshape(-1, *(1,) * low.ndim)
    return low[None] + share * (high - low)[None]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def credited(
    pace: Callable[..., Pace],
    surrogate: AbstractSurrogate,
    spike: Array,
    margins: tuple[Array, Array],
    before: tuple[Array, ...],
    others: tuple[Array, ...],
    given: Any,
) -> tuple[Array, tuple[Array, ...]]:
    """`spike`, and the `others`, the variables besides the voltage, as they are at the spike.

    - `margins`: at the beginning of the step and at its end.
    - `before`: the others at the beginning.
    - `pace(*given)`: called where there is a derivative.
    """
    return spike, others


@credited.defjvp
def _(pace: Callable[..., Pace], primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    surrogate, spike, (_, margin), _, others, given = primals
    old, after = tangents[2]
    found, one = pace(*given), jnp.ones_like(margin)
    slope = jax.jvp(surrogate.primitive, (margin,), (one,))[1]
    ends = surrogate.primitive(jnp.asarray([-1.0, 0.0], margin.dtype))
    approach = ends[1] - ends[0]
    free = 1 - found.pause / jnp.maximum(found.interval, jnp.finfo(margin.dtype).tiny)
    silent = jnp.where(found.ready, free * slope / jnp.maximum(approach, 1), 0)
    fired, rising = spike > 0, found.speed > 0
    worth = jnp.minimum(1 / jnp.where(rising, found.speed * found.interval, 1), _MOST)
    rest = 1.0 if found.upstroke else jnp.maximum(1 - approach, 0)
    whole = jnp.where(rising, worth * (old if found.early else after), after)
    come = (after - found.decay * old) / jnp.maximum(found.decay, 1)
    sent = jnp.where(fired, rest * whole, silent * come)
    # dx and dm at one time: in a step that overshoots, what they do to each other does as well.
    shifts = fired & rising
    lead = found.interval * whole
    here = tangents[3] if found.early else tangents[4]
    moved = tuple(
        jnp.where(shifts, at - rate * lead, dx)
        for at, dx, rate in zip(here, tangents[4], found.rates, strict=True)
    )
    return (spike, others), (sent, moved)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def steered(factor: Callable[..., Array], v: Array, given: Any) -> Array:
    """v, whose derivative is `factor(*given)` times as large."""
    return v


@steered.defjvp
def _(factor: Callable[..., Array], primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    v, given = primals
    return v, factor(*given) * tangents[0]
