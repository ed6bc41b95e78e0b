"""One step of a neuron, in the order that holds at every level of the library.

From t_k to t_k + dt: every variable is advanced from the same old state; delta inputs are added;
the spike is taken from the margin; this is the state that is recorded; where it spiked, the state
is reset by selection; counters advance.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.loop import plainly
from rheobase.neurons import variables
from rheobase.neurons.base import (
    AbstractMembrane,
    AbstractNeuron,
    Onset,
    at_most,
    eased,
    reset_by,
    span,
)
from rheobase.steppers import AbstractStepper, Flow
from rheobase.substep import locate

_FAST = 0.1
"""Part of the way from reset to threshold, risen in one step, above which gradients are eased."""


class Stepped(NamedTuple):
    """What came of a step."""

    reached: Any
    """The state that is recorded: that of a spiking step is the one that crossed."""
    spike: Array | None
    """0 or 1, or None of a membrane that never fires."""
    fraction: Array | None
    """Where in the step the threshold was crossed, 0 to 1; None on the grid."""
    state: Any
    """The state from which the next step begins."""


def step(
    neuron: AbstractMembrane,
    stepper: AbstractStepper,
    state: Any,
    current: Array,
    delta: Array | None,
    dt: float,
    key: Array | None,
    substep: bool,
) -> Stepped:
    """Advance a neuron by one step of dt (ms) under a current that is constant in it."""
    old, current = neuron.perturb(state, current, dt, key)

    flow = Flow(neuron, current)
    advance = plainly(stepper.advance) if substep else stepper.advance
    coasted = advance(flow, old, dt)
    if isinstance(neuron, AbstractNeuron) and neuron.onset is Onset.UPSTROKE and not substep:
        coasted = _eased(neuron, old, coasted)
    reached = _pushed(neuron, coasted, delta)
    if not isinstance(neuron, AbstractNeuron) or neuron.onset is Onset.NEVER:
        return Stepped(reached, None, None, reached)

    margin = neuron.margin(reached)
    held_margin = margin
    if neuron.onset is Onset.UPSTROKE:
        reached = _bounded(neuron, reached)
        held_margin = at_most(margin, 0.0, 1.0)
    held = neuron.hold(old, reached)
    ready = neuron.ready(old)
    if neuron.onset is Onset.EDGE:
        ready = ready & (neuron.margin(old) < 0)
    spike = neuron.spike(held_margin)
    spike = spike if ready is True else jnp.where(ready, spike, 0)

    if not substep:
        after = reset_by(neuron, spike, held)
        return Stepped(held, spike, None, neuron.count(after, spike, dt))

    fraction = locate(neuron, advance, flow, old, neuron.margin(coasted), dt)
    at_spike = advance(flow, old, fraction * dt)
    fresh = advance(flow, neuron.reset(at_spike), (1 - fraction) * dt)
    if delta is not None:
        # What arrives at the end of the step comes after the spike, unless it caused it.
        inside = neuron.margin(coasted) >= 0
        late = _pushed(neuron, fresh, delta)
        fresh = jax.tree.map(
            lambda a, b: a if a is b else jnp.where(inside, a, b), late, neuron.reset(reached)
        )
    fired = jax.lax.stop_gradient(spike) > 0
    after = jax.tree.map(lambda f, h: jnp.where(fired, f, h), fresh, held)
    return Stepped(held, spike, fraction, neuron.count(after, spike, dt))


def _pushed(neuron: AbstractMembrane, state: Any, delta: Array | None) -> Any:
    """The state after a delta input."""
    if delta is None:
        return state
    return variables.replace(state, neuron.target, variables.get(state, neuron.target) + delta)


def _eased(neuron: AbstractNeuron, old: Any, new: Any) -> Any:
    """`new`, its derivative to the voltage bounded where that took a long way at once."""
    before, after = variables.get(old, "v"), variables.get(new, "v")
    return variables.replace(new, "v", eased(after, after - before, _FAST * span(neuron, old)))


def _bounded(neuron: AbstractNeuron, reached: Any) -> Any:
    """`reached` with its voltage at most at the threshold.

    The margin is linear in the voltage, so the threshold is read off at v = 0: the reached voltage
    may be too large to compute with, and a fixed one leaves nothing to do in the time loop.
    """
    v = variables.get(reached, "v")
    origin = variables.replace(reached, "v", jnp.zeros_like(v))
    scale = span(neuron, origin)
    limit = -neuron.margin(origin) * scale
    return variables.replace(reached, "v", at_most(v, limit, scale))
