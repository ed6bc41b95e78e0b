"""One population over a series of inputs, as a circuit: what a layer with neurons runs."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.errors import ArgumentError, StepperError, brief
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.origin import Origin, require_like
from rheobase.record import Record
from rheobase.run.run import Way as Steps
from rheobase.run.run import run as run_circuit
from rheobase.step import pushed
from rheobase.steppers import AbstractStepper
from rheobase.systems.base import EARLY, HELD, KICK
from rheobase.systems.circuit import Circuit, Fed, Moving, Rate
from rheobase.systems.feedback import AbstractFeedback, Recurrence, Way
from rheobase.systems.lateral import Lateral, Lying
from rheobase.systems.point import Point, mixed, shared_out
from rheobase.time import Clock

Run: TypeAlias = Callable[..., "Course"]
"""How a population is run: `run` without `mix`, or the same with another derivative."""
NAME = "neurons"
"""The population in its circuit."""


class Carry(NamedTuple):
    """What a population takes from one step to the next."""

    state: Any
    echo: Array | None
    """Input from its own spikes of the last step; None of a population without recurrence."""
    later: Array | None = None
    """The same for the steps after this one, (slots - 1, *population); None without delays."""
    waiting: Array | None = None
    """The parts of the last step's spikes that are sent a step later, (*population); None where
    spikes stand on the grid."""
    origin: Origin | None = None
    """The time step of the run that left it; None where that is not known, and not compared."""


class Course(NamedTuple):
    """What a population did."""

    emitted: Array | None
    """What the layer after it receives for its spikes, shape (time, *population); None of a
    membrane that never fires."""
    spikes: Array | None
    """0 or 1, shape (time, *population); None of a membrane that never fires."""
    fractions: Array | None
    """Where in its step a spike was, 0 to 1, shape (time, *population); None on the grid."""
    traces: dict[str, Array]
    """The variables that were asked for, shape (time, *population)."""
    final: Carry
    """What the next step begins with."""


class Setting(NamedTuple):
    """How a population is to run."""

    stepper: AbstractStepper
    dt: float
    """ms."""
    key: Array | None = None
    """For what draws random numbers."""
    record: tuple[str, ...] = ()
    """The variables to keep."""
    first: Clock | Array | int = 0
    """The number of the first step, by which random numbers are drawn."""


def rest(neuron: AbstractMembrane, shape: tuple[int, ...], dtype: Any) -> Any:
    """The state at rest of a population of `shape`, every variable of full shape."""

    def full(x: Any) -> Array:
        x = jnp.asarray(x)
        kind = dtype if jnp.issubdtype(x.dtype, jnp.floating) else x.dtype
        return jnp.broadcast_to(x.astype(kind), shape)

    return jax.tree.map(full, neuron.init())


def begin(neuron: AbstractMembrane, weight: AbstractFeedback | None, inputs: Any) -> Carry:
    """A population at rest that is to receive `inputs` of shape (time, *population)."""
    dtype = dtype_of(neuron, inputs)
    shape = inputs.shape[1:]
    echo = None if weight is None else jnp.zeros(shape, dtype)
    later = None
    if weight is not None and weight.slots > 1:
        later = jnp.zeros((weight.slots - 1, *shape), dtype)
    return Carry(rest(neuron, shape, dtype), echo, later)


def resumed(
    neuron: AbstractMembrane,
    weight: AbstractFeedback | None,
    inputs: Any,
    carry: Carry | None,
    dt: float,
) -> Carry:
    """`carry`, or where it is missing, or knows of no recurrence and there is one, a beginning."""
    start = begin(neuron, weight, inputs)
    if carry is None:
        return start._replace(origin=Origin(dt))
    if not isinstance(carry, Carry):
        raise ArgumentError(
            f"`carry` is what an earlier run left, got {brief(carry)}. Write carry=course.final."
        )
    _require_step(carry.origin, dt)
    if weight is None:
        if carry.echo is not None:
            raise ArgumentError(
                "`carry` is of a population whose spikes come back to it, and this one has no "
                "`weight`. Pass the weight of that run, or leave out `carry`."
            )
        require_like("`carry`", carry.state, start.state)
        return carry
    found = carry._replace(
        echo=start.echo if carry.echo is None else carry.echo,
        later=start.later if carry.later is None else carry.later,
    )
    require_like("`carry`", found._replace(waiting=start.waiting, origin=None), start)
    return found


def _require_step(origin: Origin | None, dt: float) -> None:
    """Refuse what was left by steps of another length (ms)."""
    was = None if origin is None else origin.dt
    if was is not None and not math.isclose(was, dt, rel_tol=1e-9):
        raise StepperError(
            f"`carry` is the end of a run with dt = {was:g} ms, and this one has dt = {dt:g} ms. "
            f"Delays and refractory periods are counted in steps: write dt={was:g}, or start anew "
            f"without `carry`."
        )


def dtype_of(neuron: AbstractMembrane, inputs: Any) -> Any:
    """The type of numbers in which a population computes."""
    return jnp.result_type(inputs.dtype, *jax.tree.leaves(eqx.filter(neuron, eqx.is_inexact_array)))


def run(
    neuron: AbstractMembrane,
    inputs: Array,
    setting: Setting,
    weight: AbstractFeedback | None = None,
    carry: Carry | None = None,
    mix: float | None = None,
) -> Course:
    """Run a population over `inputs` of shape (time, *population), from rest or from `carry`.

    The input is a current in the unit that the neuron receives, or, where the neuron's `target` is
    not its voltage (`CubaLIF`), a delta input to that variable. With `weight` the spikes of a step
    are added to the input of later steps, that in the first slot of the weight to the next one.

    With `mix` spikes are located in their step and sent in two parts, and keep so much of their
    surrogate derivative. What goes to the layer after it in the step before `inputs` is past, so
    the early part of a spike of the first step arrives with the late one.

    Differentiable in inputs, weight and parameters, with a weight in reverse mode only; the
    backward pass keeps nothing but the state at each step, from which it computes the step again.
    """
    stepper, dt, key, record, first = setting
    carry = resumed(neuron, weight, inputs, carry, dt)
    dtype = dtype_of(neuron, inputs)
    inputs = inputs.astype(dtype)
    timed = mix is not None and neuron.onset is not Onset.NEVER
    point = Point(neuron=neuron, stepper=stepper, record=Record(record), key=key, substep=timed)
    fed = Fed(None, None, NAME, by(neuron), inputs.shape[1:], inputs)
    circuit = Circuit({NAME: point}, (), (fed,), (Rate(dt, 1, (NAME,)),))
    moving = Moving({NAME: carry.state}, (), (None,))
    if weight is not None and carry.echo is not None:
        weight = _cast(weight, dtype)
        if timed:
            circuit, moving = _in_parts(circuit, moving, weight, carry, float(mix or 0))
        else:
            circuit = circuit._replace(recurrence=Recurrence(weight, (NAME,), (NAME,)))
            moving = moving._replace(way=_under_way(carry, carry.echo, weight))
    ran = run_circuit(circuit, moving, Clock.of(first), len(inputs), Steps(), dtype)
    kept, after = ran.kept[NAME], carry._replace(state=ran.moving.systems[NAME])
    if ran.moving.way is not None:
        after = Carry(after.state, *ran.moving.way, origin=carry.origin)
    if ran.moving.edges:
        after = _left(neuron, after, ran.moving.edges[0])
    emitted = spikes = kept.spikes
    if spikes is not None and kept.fractions is not None:
        emitted = shared_out(mixed(spikes, float(mix or 0)), kept.fractions)
    return Course(emitted, spikes, kept.fractions, kept.traces, after)


def _in_parts(
    circuit: Circuit, moving: Moving, weight: AbstractFeedback, carry: Carry, mix: float
) -> tuple[Circuit, Moving]:
    """The circuit with feedback of spikes that are located in their step.

    To a variable other than the voltage it comes at the beginning of a step; what a run on the grid
    left, at the end of the first.
    """
    (fed,) = circuit.inputs
    echo: Any = carry.echo
    none = jnp.zeros_like(echo)
    own = Lateral(
        feedback=weight, pre=NAME, post=NAME, way=HELD if fed.by == HELD else EARLY, mix=mix
    )
    if own.by == EARLY and fed.series is not None and len(fed.series):
        fed, echo = fed._replace(series=fed.series.at[:1].add(echo)), none
    lying = Lying(echo, carry.later, none if carry.waiting is None else carry.waiting)
    return (
        circuit._replace(edges=(own,), inputs=(fed,)),
        moving._replace(edges=(lying,)),
    )


def _left(neuron: AbstractMembrane, carry: Carry, lying: Lying) -> Carry:
    """What a run with located spikes leaves; what comes early has come."""
    state, echo = carry.state, lying.arriving
    if by(neuron) == KICK:
        state, echo = pushed(neuron, state, echo), jnp.zeros_like(echo)
    return Carry(state, echo, lying.later, lying.waiting, carry.origin)


def _under_way(carry: Carry, echo: Array, weight: AbstractFeedback) -> Way:
    """What a run on the grid begins with: spikes that wait are sent as a whole."""
    if carry.waiting is None:
        return Way(echo, carry.later)
    dense = weight.dense()
    slots = dense.reshape(-1, *dense.shape[-2:])
    sent = jnp.einsum("...i,mij->m...j", carry.waiting, slots)
    return Way(echo + sent[0], None if carry.later is None else carry.later + sent[1:])


def _cast(weight: AbstractFeedback, dtype: Any) -> AbstractFeedback:
    return jax.tree.map(
        lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, weight
    )


def by(neuron: AbstractMembrane) -> str:
    """How a neuron takes what a layer gives it: as a current, or as a delta input."""
    return HELD if neuron.target == "v" else KICK


def received(neuron: AbstractMembrane, inputs: Array) -> tuple[Array, Array | None]:
    """The current of a step and its delta input, from what a layer gives to a neuron."""
    if neuron.target == "v":
        return inputs, None
    return jnp.zeros_like(inputs), inputs
