"""Neurons whose step is element-wise, as a program: what the compiled loop needs of them.

One step of a neuron with its synapses, whatever the model and the stepper, is traced once, freed of
what is computed twice or for nothing, and written as instructions on vectors of neurons, which
kernels/program.h carries out while they are in the nearest cache. XLA would pass over the state of
all neurons many times, and compile for seconds.
"""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase.kernels.layout import Instruction, slots_of
from rheobase.native.instructions import Builder, NotElementwise, Value
from rheobase.native.registers import Placing
from rheobase.network.known import Key, key_of
from rheobase.network.numeric import computed
from rheobase.neurons.base import Onset
from rheobase.step import step
from rheobase.steppers import AbstractStepper
from rheobase.synapses import Coupled


class Program(eqx.Module):
    """One step of a neuron with its synapses, for kernels/program.h."""

    constants: np.ndarray
    code: tuple[int, ...] = eqx.field(static=True)
    """The numbers of each `Instruction`."""
    slots: int = eqx.field(static=True)

    @property
    def instructions(self) -> int:
        """Their number."""
        return len(self.code) // len(Instruction._fields)


class Form(NamedTuple):
    """What decides about a program besides the neuron."""

    dt: float
    dtype: str
    current: bool
    """Whether anything adds to the input current."""
    delta: bool
    """Whether anything adds to a variable at once."""
    shown: tuple[int, ...]
    """The variables to record, among the continuous ones."""


def program(system: Coupled, stepper: AbstractStepper, form: Form) -> Program | None:
    """One step as a program; None where it is not element-wise in what the loop knows."""
    if system.onset is Onset.NEVER or system.random:
        return None
    key = key_of((system, stepper))
    return None if key is None else _program(key, form)


@functools.lru_cache(maxsize=64)
def _program(key: Key, form: Form) -> Program | None:
    system, stepper = key.tree()
    try:
        return _written(system, stepper, form)
    except NotElementwise:
        return None


def _written(system: Coupled, stepper: AbstractStepper, form: Form) -> Program:
    rest = jax.eval_shape(system.init)
    real, kinds = jax.ShapeDtypeStruct((), form.dtype), len(system.synapses)
    moving, others = eqx.partition(rest, _is_real)
    leaves, counters = jax.tree.leaves(moving), jax.tree.leaves(others)
    if len(counters) > 1 or any(np.ndim(x) for x in (*leaves, *counters)):
        raise NotElementwise("a state of more than numbers and a counter")

    def one(leaves, counters, arrived, current, delta):
        state = eqx.combine(
            jax.tree.unflatten(jax.tree.structure(moving), leaves),
            jax.tree.unflatten(jax.tree.structure(others), counters),
        )
        ready = system.arrive(state, arrived)
        into = current if form.current else jnp.zeros((), form.dtype)
        done = step(
            system, stepper, ready, into, delta if form.delta else None, form.dt, None, False
        )
        after, counted = eqx.partition(done.state, eqx.is_inexact_array)
        reached = jax.tree.leaves(eqx.filter(done.reached, eqx.is_inexact_array))
        shown = [reached[k] for k in form.shown]
        return [*jax.tree.leaves(after), *jax.tree.leaves(counted), done.spike, *shown]

    whole = [jax.ShapeDtypeStruct((), x.dtype) for x in counters]
    closed = jax.make_jaxpr(one)([real] * len(leaves), whole, (real,) * kinds, real, real)
    builder = Builder(np.dtype(form.dtype), len(closed.jaxpr.invars), computed)
    inputs = [Value(k) for k in range(len(closed.jaxpr.invars))]
    outputs = builder.run(closed, inputs)
    at = slots_of(len(leaves), kinds, len(form.shown))
    moved = [*range(len(leaves)), *range(at.counter, at.counter + len(counters))]
    read = [*moved, *range(at.arriving, at.spike)]
    made = [*moved, *range(at.spike, at.registers)]
    code, most = Placing(builder).placed(outputs, read, made, at.registers)
    return Program(builder.constant_array(), code, most)


def _is_real(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jnp.inexact)
