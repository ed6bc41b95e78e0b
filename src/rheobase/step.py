"""One step of a neuron, in the order that holds at every level of the library.

From t_k to t_k + dt: every variable is advanced from the same old state; delta inputs are added;
the spike is taken from the margin; this is the state that is recorded; where it spiked, the state
is reset by selection; counters advance.
"""

from collections.abc import Callable
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
    reset_by,
    span,
)
from rheobase.neurons.credit import (
    Pace,
    at_nodes,
    credited,
    interval,
    relaxation,
    steered,
)
from rheobase.steppers import AbstractStepper, Flow
from rheobase.substep import locate, moving

_FAST = 0.1
"""Part of the way from reset to threshold, risen in one step, above which gradients are eased."""


_LONG = 0.02
"""The same, above which the derivative of an upstroke is that of the equations."""


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
        coasted = _steered(Move(neuron, stepper, old, coasted, current, dt, True))
    reached = pushed(neuron, coasted, delta)
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
        ended = held
        if neuron.through_reset and neuron.onset is not Onset.EDGE:
            move = Move(neuron, stepper, old, held, current, jnp.asarray(dt, margin.dtype), ready)
            spike, ended = _credited(move, spike, held_margin)
        after = reset_by(neuron, spike, ended)
        return Stepped(held, spike, None, neuron.count(after, spike, dt))

    fraction = locate(neuron, advance, flow, old, neuron.margin(coasted), dt)
    at_spike = advance(flow, old, fraction * dt)
    begun = neuron.reset(at_spike)
    if all(a is b for a, b in zip(*map(jax.tree.leaves, (at_spike, begun)), strict=True)):
        # Nothing jumps. Two parts of a step are not quite the whole: beginning anew would make the
        # course depend on where in its step the spike falls.
        return Stepped(held, spike, fraction, neuron.count(held, spike, dt))
    fresh = advance(flow, begun, (1 - fraction) * dt)
    if delta is not None:
        # What arrives at the end of the step comes after the spike, unless it caused it.
        inside = neuron.margin(coasted) >= 0
        late = pushed(neuron, fresh, delta)
        fresh = jax.tree.map(
            lambda a, b: a if a is b else jnp.where(inside, a, b), late, neuron.reset(reached)
        )
    fired = jax.lax.stop_gradient(spike) > 0
    after = jax.tree.map(lambda f, h: jnp.where(fired, f, h), fresh, held)
    return Stepped(held, spike, fraction, neuron.count(after, spike, dt))


class Move(NamedTuple):
    """A step of a neuron, for its derivative where every input counts once."""

    neuron: AbstractNeuron
    stepper: AbstractStepper
    old: Any
    reached: Any
    current: Array
    dt: Array | float
    ready: Array | bool

    def others(self) -> tuple[str, ...]:
        """The variables besides the crossing one that a reset changes."""
        fresh, state = (dict(variables.items(x)) for x in (self.fresh(), self.reached))
        names = (name for name in state if fresh[name] is not state[name])
        return tuple(name for name in names if name != self.neuron.crosses)

    def fresh(self) -> Any:
        """The state after a reset."""
        return self.neuron.reset(self.reached)


def _credited(move: Move, spike: Array, margin: Array) -> tuple[Array, Any]:
    """The spike and the state from which it is reset, with derivatives that count once."""
    neuron, state, names = move.neuron, move.reached, move.others()
    margins = neuron.margin(move.old), margin
    before, values = (tuple(variables.get(x, name) for name in names) for x in (move.old, state))
    spike, values = credited(_pace, neuron.spike, spike, margins, before, values, tuple(move))
    for name, value in zip(names, values, strict=True):
        state = variables.replace(state, name, value)
    return spike, state


def _pace(*given: Any) -> Pace:
    """How a neuron moves, all but the crossing variable standing as they are."""
    move = Move(*given)
    neuron, name = move.neuron, move.neuron.crosses
    flow, upstroke = Flow(neuron, move.current), neuron.onset is Onset.UPSTROKE
    at = move.old if upstroke else move.reached
    v = variables.get(at, name)

    def margin(v: Array) -> Array:
        return neuron.margin(variables.replace(at, name, v))

    def speed(v: Array) -> tuple[Array, Array]:
        """dm/dt, and the speed of the crossing variable that this is."""
        state = variables.replace(at, name, v)
        rise = jax.jvp(neuron.margin, (state,), (moving(state, flow(state)),))[1]
        return rise, rise / slope(margin, v)

    fresh = neuron.reset(at)
    low = jnp.broadcast_to(variables.get(fresh, name), v.shape).astype(v.dtype)
    high = v if upstroke else v - margin(v) / slope(margin, v)
    took, mean = interval(low, high, jax.vmap(speed)(at_nodes(low, high))[1])
    begun, ended = (flow(variables.replace(x, name, mean)) for x in (fresh, at))
    names = move.others()
    for each in names:
        jump = variables.get(fresh, each) - variables.get(at, each)
        ends = variables.get(begun, each), variables.get(ended, each)
        took = jnp.maximum(took, relaxation(jump, *ends))
    rates, begin = flow(at), variables.get(move.old, name)
    decay = _growth(move) * slope(margin, v) / slope(margin, begin)
    if upstroke:
        decay = decay * _factor(*given)
    return Pace(
        move.ready,
        speed(v)[0],
        took + neuron.pause,
        neuron.pause,
        decay,
        tuple(variables.get(rates, each) for each in names),
        upstroke,
        upstroke,
    )


def _growth(move: Move) -> Array:
    """The derivative of the crossing variable after the step by itself before it."""
    name, flow = move.neuron.crosses, Flow(move.neuron, move.current)

    def after(v: Array) -> Array:
        state = variables.replace(move.old, name, v)
        return variables.get(move.stepper.advance(flow, state, move.dt), name)

    return slope(after, variables.get(move.old, name))


def _steered(move: Move) -> Any:
    """The state reached, with a derivative of its own on an upstroke.

    Where every input counts once it grows as the speed of the voltage does in the equations, for
    which steps may be too long. Else it is bounded: a spike seen through two layers, or through its
    own recurrent weights, would have a gradient of 1e6 and more, of which none can learn.
    """
    state, name = move.reached, move.neuron.crosses
    v = steered(_factor, variables.get(state, name), tuple(move))
    return variables.replace(state, name, v)


def _factor(*given: Any) -> Array:
    move = Move(*given)
    flow, name = Flow(move.neuron, move.current), move.neuron.crosses
    rise = variables.get(move.reached, name) - variables.get(move.old, name)
    part, growth = rise / span(move.neuron, move.old), _growth(move)
    if not move.neuron.through_reset:
        return jnp.where((part > _FAST) & (growth > 1), _FAST / part, 1)
    before, after = (variables.get(flow(x), name) for x in (move.old, move.reached))
    fast = (before > 0) & (after > before) & (part > _LONG)
    return jnp.where(fast, after / jnp.where(fast, before * growth, 1), 1)


def slope(function: Callable[[Array], Array], x: Array) -> Array:
    """The derivative of an element-wise function."""
    return jax.jvp(function, (x,), (jnp.ones_like(x),))[1]


def pushed(neuron: AbstractMembrane, state: Any, delta: Array | None) -> Any:
    """Add a delta input to its target."""
    if delta is None:
        return state
    return variables.replace(state, neuron.target, variables.get(state, neuron.target) + delta)


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
