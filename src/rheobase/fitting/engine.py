"""Runs of a neuron over all sweeps at once, with exact derivatives of its spike times.

A spike at the end of step k happened a little earlier or later under other parameters: by

    tau = -(margin - margin°)/(d margin/dt)

with ° for the value as a constant, so that tau is zero and has the derivative of the time of
crossing. The state is carried to the crossing with the flow before it, reset there, and carried
back with the flow after it: its derivative is then the saltation matrix of the spike, and that of
every later spike time is exact. All of it comes out of forward-mode differentiation.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.adaptors.base import chain
from rheobase.loop import scan
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractNeuron, Onset, at_most, span
from rheobase.record import Record
from rheobase.run.run import Way as Steps
from rheobase.run.run import run as run_circuit
from rheobase.step import step as advance
from rheobase.steppers import AbstractStepper, Flow
from rheobase.systems.base import HELD, AbstractSystem, Arriving, Moved
from rheobase.systems.circuit import Circuit, Fed, Moving, Rate
from rheobase.time import Clock
from rheobase.units import Role
from rheobase.units.fields import of_role

_STEEPEST = 1.2
"""An upstroke whose speed grows by more than this from step to step is not resolved any more."""
_CLIMB = 0.003
"""Nor is it an upstroke as long as the margin moves by less than this in a step."""
_SLOWEST = 1e-3
"""1/ms: a margin that grazes the threshold counts as crossing it with this speed."""


class Course(NamedTuple):
    """A run in blocks of some steps each; every array is (blocks, sweeps)."""

    v: Array
    """Voltage at the end of the block, mV."""
    top: Array
    """Largest `excitation` in the block."""
    fired: Array
    """Spikes in the block."""
    when: Array
    """Time of the last of them after the beginning of the block, ms; differentiable."""


def run(
    neuron: AbstractNeuron,
    stepper: AbstractStepper,
    state: Any,
    current: Array,
    forced: Array | None,
    dt: float,
    every: int,
) -> tuple[Course, Any]:
    """Simulate sweeps side by side.

    - `state`: at the beginning, variables of shape (sweeps,).
    - `current`: nA, (steps, sweeps); steps that fill no block are left out.
    - `forced`: (steps, sweeps) of True where the data fire: the neuron is reset there and nowhere
      else; None lets it run free.
    - `dt`: ms; `every`: steps in a block.

    Returns the course and the state at the end.
    """
    v = variables.get(state, "v")
    zero = jnp.zeros_like(v)
    memory = Memory(zero, jnp.full_like(v, jnp.inf), zero, jax.lax.stop_gradient(v))
    block = Block(neuron=neuron, stepper=stepper, forced=_folded(forced, every), dt=dt)
    return _blocks(block, Begun(state, memory), current, every)


def free_run(
    neuron: AbstractNeuron,
    stepper: AbstractStepper,
    state: Any,
    current: Array,
    dt: float,
    every: int,
) -> tuple[Course, Any]:
    """`run` without a told spike and without what its derivatives need; `top` is not looked at."""
    block = Block(neuron=neuron, stepper=stepper, forced=None, dt=dt)
    return _blocks(block, Begun(state, None), current, every)


def _blocks(block: "Block", begun: "Begun", current: Array, every: int) -> tuple[Course, Any]:
    """Run a circuit of one system, each of whose steps is a block."""
    inputs = _folded(current, every)
    fed = Fed(None, None, SWEEPS, HELD, inputs.shape[1:], inputs)
    circuit = Circuit({SWEEPS: block}, (), (fed,), (Rate(every * block.dt, 1, (SWEEPS,)),))
    moving = Moving({SWEEPS: begun}, (), (None,))
    ran = run_circuit(circuit, moving, Clock.of(0), len(inputs), Steps(), current.dtype)
    return Course(**ran.kept[SWEEPS].traces), ran.moving.systems[SWEEPS].neurons


def _folded(x: Any, every: int) -> Any:
    """(steps, ...) as (blocks, steps of a block, ...); None stays."""
    blocks = 0 if x is None else len(x) // every
    return None if x is None else x[: blocks * every].reshape(blocks, every, *x.shape[1:])


SWEEPS = "sweeps"
"""The neuron in its circuit, once for each sweep."""


class Begun(NamedTuple):
    """What a block begins with."""

    neurons: Any
    memory: "Memory | None"
    """None where no derivatives of spike times are wanted."""


class Block(AbstractSystem):
    """A neuron over all sweeps at once; its step is a block of steps of dt (ms)."""

    neuron: AbstractNeuron
    stepper: AbstractStepper
    forced: Array | None
    """(blocks, steps, sweeps) of True where the data fire; None lets it run free."""
    dt: float
    record: Record = Record((), spikes=None)

    def step(self, state: Begun, arriving: Arriving, number: Clock, dt: float) -> Moved:
        (current,) = arriving.held
        v = variables.get(state.neurons, "v")
        none = jnp.zeros_like(v)
        seen = Course(v, jnp.full_like(v, -1e3) if state.memory else none, none, none)
        ends = jnp.arange(1, len(current) + 1, dtype=current.dtype) * self.dt
        one = self._free if state.memory is None else self._followed
        (state, seen), _ = scan(one, (state, seen), (ends, current, arriving.row), len(current))
        if state.memory is None:
            seen = seen._replace(v=variables.get(state.neurons, "v"))
        return Moved(None, None, seen._asdict(), state)

    def _followed(self, carry: Any, x: Any) -> Any:
        (state, memory), seen = carry
        end, now, told = x
        done = _step(self.neuron, self.stepper, state, memory, now, told, self.dt)
        margin = excitation(self.neuron, done.reached)
        fired = seen.fired + done.fired.astype(seen.v.dtype)
        when = jnp.where(done.fired, end + done.memory.shift, seen.when)
        v = variables.get(done.reached, "v")
        seen = Course(v, jnp.maximum(seen.top, margin), fired, when)
        return (Begun(done.state, done.memory), seen), None

    def _free(self, carry: Any, x: Any) -> Any:
        (state, memory), seen = carry
        end, now, _ = x
        done = advance(self.neuron, self.stepper, state, now, None, self.dt, None, False)
        spike = jnp.zeros_like(seen.fired) if done.spike is None else done.spike
        when = jnp.where(spike > 0, end, seen.when)
        return (Begun(done.state, memory), seen._replace(fired=seen.fired + spike, when=when)), None

    def fires(self, state: Begun) -> None:
        return None

    def voltage(self, state: Begun, node: int) -> Array:
        return variables.get(state.neurons, "v")

    def rows(self, start: Clock, steps: int) -> Array | None:
        return self.forced


def excitation(neuron: AbstractNeuron, state: Any) -> Array:
    """How far the voltage is from where a spike can no longer be stopped, in the unit of `margin`.

    The margin itself, but of neurons with an upstroke the distance to where that begins: their
    voltage at a spike says nothing of how close they were before.
    """
    inner = chain(neuron)[-1]
    begins = of_role(inner, Role.THRESHOLD)
    if neuron.onset is not Onset.UPSTROKE or begins is None:
        return neuron.margin(state)
    v = variables.get(state, "v")
    reach = jnp.abs(begins - neuron_reset(neuron, state)) + 5.0
    return (v - begins) / reach


def neuron_reset(neuron: AbstractNeuron, state: Any) -> Array:
    """Voltage just after a spike that begins at `state`, mV."""
    return jax.lax.stop_gradient(variables.get(neuron.reset(state), "v"))


class Memory(NamedTuple):
    """What derivatives of spike times need from step to step."""

    shift: Array
    """ms: how the crossing of the threshold moves."""
    rate: Array
    """1/ms: speed of the margin one step ago."""
    last: Array
    """ms: how the last spike moves."""
    entered: Array
    """mV, where the upstroke became steep."""


class Stepped(NamedTuple):
    """What came of a step."""

    reached: Any
    state: Any
    fired: Array
    memory: Memory


def _step(
    neuron: AbstractNeuron,
    stepper: AbstractStepper,
    old: Any,
    memory: Memory,
    current: Array,
    told: Array | None,
    dt: float,
) -> Stepped:
    """One step, in the order of `rheobase.step`."""
    speed = _constant(neuron.derivative(old, current), old)
    rate = jax.jvp(neuron.margin, (jax.lax.stop_gradient(old),), (_tangent(speed, old),))[1]
    rate = jax.lax.stop_gradient(rate)
    before = neuron.margin(old)
    shift = -(before - jax.lax.stop_gradient(before)) / jnp.maximum(rate, _SLOWEST)
    entered = memory.entered
    if neuron.onset is Onset.UPSTROKE:
        # On a steep upstroke the steps are too coarse to tell how it moves: keep what was known
        # when it was entered. It takes no time, so that other variables do not see it move.
        steep = (rate > _STEEPEST * memory.rate) & (rate * dt > _CLIMB)
        v, climb = variables.get(old, "v"), variables.get(speed, "v")
        # Where the upstroke is cut off does not matter: it runs to infinity in no time.
        shift = -(v - jax.lax.stop_gradient(v)) / jnp.maximum(climb, _SLOWEST)
        shift = jnp.where(steep, memory.shift, shift)
        entered = jax.lax.stop_gradient(jnp.where(steep, memory.entered, v))
        old = variables.replace(old, "v", jnp.where(steep, jax.lax.stop_gradient(v), v))
    reached = stepper.advance(Flow(neuron, current), old, dt)
    margin = neuron.margin(reached)
    if neuron.onset is Onset.UPSTROKE:
        reached = _bounded(neuron, reached)
    held = neuron.hold(old, reached)
    crossed = margin >= 0
    if told is not None or neuron.onset is Onset.EDGE:
        crossed = crossed & (before < 0)
    fired = crossed & neuron.ready(old)

    if neuron.onset is Onset.EDGE:
        following = neuron.count(held, fired.astype(margin.dtype), dt)
        return Stepped(held, following, fired, Memory(shift, jnp.abs(rate), shift, entered))

    resets, moves = (fired, shift) if told is None else (told, jnp.zeros_like(shift))
    last = jnp.where(resets, moves, memory.last)
    if neuron.onset is Onset.UPSTROKE:
        speed = _constant(neuron.derivative(variables.replace(held, "v", entered), current), held)
        speed = variables.replace(speed, "v", jnp.zeros_like(entered))
    crossing = _moved(held, speed, moves)
    fresh = neuron.count(neuron.reset(crossing), jnp.ones_like(margin), dt)
    fresh = _moved(fresh, _effective(neuron, fresh, current, dt), -moves)
    passed = neuron.count(held, jnp.zeros_like(margin), dt)
    if neuron.ready(old) is not True:
        passed = _released(neuron, old, passed, current, memory.last, dt)
    following = jax.tree.map(lambda a, b: jnp.where(resets, a, b), fresh, passed)
    rate = jnp.where(resets, jnp.inf, jnp.abs(rate))
    return Stepped(held, following, fired, Memory(shift, rate, last, entered))


def _effective(neuron: AbstractNeuron, state: Any, current: Array, dt: float) -> Any:
    """The speed of a state as a constant; what is held does not move."""
    speed = _constant(neuron.derivative(state, current), state)
    kept = neuron.hold(state, _moved(state, speed, dt))
    return jax.tree.map(lambda a, b: (a - b) / dt if _is_float(b) else 0 * b, kept, state)


def _released(
    neuron: AbstractNeuron, old: Any, state: Any, current: Array, last: Array, dt: float
) -> Any:
    """The state, moved where a refractoriness ends, which ends later if its spike was later."""
    free = neuron.ready(state) & ~jnp.asarray(neuron.ready(old))
    full = _constant(neuron.derivative(state, current), state)
    held = _effective(neuron, old, current, dt)
    moved = jax.tree.map(
        lambda x, f, h: x - (f - h) * last if _is_float(x) else x, state, full, held
    )
    return jax.tree.map(lambda a, b: jnp.where(free, a, b), moved, state)


def _bounded(neuron: AbstractNeuron, reached: Any) -> Any:
    """`reached` with its voltage at most at the threshold, as in `rheobase.step`."""
    v = variables.get(reached, "v")
    origin = variables.replace(reached, "v", jnp.zeros_like(v))
    scale = span(neuron, origin)
    return variables.replace(reached, "v", at_most(v, -neuron.margin(origin) * scale, scale))


def _is_float(x: Array) -> bool:
    return jnp.issubdtype(x.dtype, jnp.floating)


def _constant(speed: Any, state: Any) -> Any:
    """A speed without derivative, zero where the state holds counters."""
    return jax.tree.map(
        lambda f, x: jax.lax.stop_gradient(f) if _is_float(x) else jnp.zeros(jnp.shape(x)),
        speed,
        state,
    )


def _tangent(speed: Any, state: Any) -> Any:
    """A speed as the tangent of a state; counters have none."""
    return jax.tree.map(
        lambda f, x: f if _is_float(x) else np.zeros(x.shape, jax.dtypes.float0), speed, state
    )


def _moved(state: Any, speed: Any, by: Array | float) -> Any:
    """A state moved along a speed for a time `by` (ms)."""
    return jax.tree.map(lambda x, f: x + f * by if _is_float(x) else x, state, speed)
