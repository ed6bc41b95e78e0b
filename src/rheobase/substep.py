"""The time of a threshold crossing inside a step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.loop import kept
from rheobase.neurons.base import AbstractNeuron

_ITERATIONS = 64
"""Newton steps at most. One to four are needed, but down a runaway upstroke they are short."""
_GRAZING = 1e-6
"""Smallest slope of the margin (a step) at a crossing that a derivative is divided by."""


def locate(
    neuron: AbstractNeuron,
    advance: Callable[[Any, Any, Any], Any],
    flow: Any,
    old: Any,
    reached: Array,
    dt: float,
) -> Array:
    """The fraction s of the step at which margin(advance(old, s dt)) = 0, with its derivative.

    `crossing` is the first guess, Newton's method on the stepper's own way through the step does
    the rest. The derivative is that of the implicit function, ds/dp = -(dm/dp)/(dm/ds), which makes
    spike times, and all that follows a spike, exactly differentiable. Where the margin grazes the
    threshold it is divided by 1e-6 a step at least. Outside of (0, 1), and where nothing crosses,
    s = 1 and its derivative 0.
    """

    def margin(s: Array, parts: Any = (neuron, flow, old)) -> Array:
        neuron, flow, old = parts
        return neuron.margin(advance(flow, old, s * dt))

    guess = crossing(neuron, flow, old, reached, dt)
    inside = (guess < 1) & (reached >= 0)
    still = jax.lax.stop_gradient((neuron, flow, old))

    def newton(s: Array) -> tuple[Array, Array]:
        value, slope = jax.jvp(lambda s: margin(s, still), (s,), (jnp.ones_like(s),))
        nearer = jnp.clip(s - value / jnp.where(slope > _GRAZING, slope, 1), 0, 1)
        wanting = inside & (jnp.abs(value) > 8 * jnp.finfo(s.dtype).eps) & (slope > _GRAZING)
        return jnp.where(wanting, nearer, s), jnp.any(wanting)

    def refined(carry: Any) -> Any:
        s, _, count = carry
        s, wanting = newton(s)
        return s, wanting, count + 1

    def goes_on(carry: Any) -> Array:
        return carry[1] & (carry[2] < _ITERATIONS)

    begin = jax.lax.stop_gradient(guess), jnp.any(inside), jnp.zeros((), jnp.int32)
    s = kept(jnp.where(inside, jax.lax.while_loop(goes_on, refined, begin)[0], 1))
    _, slope = jax.jvp(lambda s: margin(s, still), (s,), (jnp.ones_like(s),))
    rest = margin(s)
    value = jax.lax.stop_gradient(rest)
    # A step too long for its upstroke has no root that a derivative could follow.
    found = inside & (jnp.abs(value) < jnp.finfo(s.dtype).eps ** 0.5)
    move = jnp.where(found, (rest - value) / jnp.maximum(slope, _GRAZING), 0)
    return s - move


def crossing(
    neuron: AbstractNeuron, flow: Callable[[Any], Any], old: Any, reached: Array, dt: float
) -> Array:
    """The fraction of the step at which the margin passes zero, in (0, 1].

    The margin is taken as m(s) = m0 + m0' s dt + (m1 - m0 - m0' dt) s^2, the parabola through its
    value and slope at the start of the step and its value `reached` at the end: third order in dt.
    Where it does not rise at the start (a delta input lifts it at the end of the step) the crossing
    is at the end.
    """
    rate = flow(old)
    start, slope = jax.jvp(neuron.margin, (old,), (moving(old, rate),))
    rising = (slope > 0) & (start < 0) & (reached >= 0)
    rise = jnp.where(rising, slope * dt, 1)
    start = jnp.where(rising, start, -1)
    bend = jnp.where(rising, reached - start - rise, 0)
    # The one root in (0, 1], written so that nothing cancels.
    root = -2 * start / (rise + jnp.sqrt(jnp.maximum(rise * rise - 4 * bend * start, 0)))
    return jnp.where(rising, jnp.clip(root, 0, 1), 1)


def moving(state: Any, rate: Any) -> Any:
    """A rate of change as a tangent of the state: counters have none."""
    return jax.tree.map(
        # A rate that depends on nothing of the population is one number.
        lambda x, d: (
            jnp.broadcast_to(d, x.shape).astype(x.dtype)
            if jnp.issubdtype(x.dtype, jnp.floating)
            else _zero(x)
        ),
        state,
        rate,
    )


def _zero(x):
    return jnp.zeros(x.shape, jax.dtypes.float0)
