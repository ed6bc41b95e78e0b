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

from rheobase.network.instructions import OPERANDS, Builder, NotElementwise, Value
from rheobase.network.known import Key, key_of
from rheobase.network.numeric import computed
from rheobase.network.slots import Placing
from rheobase.neurons.base import Onset
from rheobase.step import step
from rheobase.steppers import AbstractStepper
from rheobase.synapses import Coupled


class Program(eqx.Module):
    """One step of a neuron with its synapses, for kernels/program.h."""

    constants: np.ndarray
    code: tuple[int, ...] = eqx.field(static=True)
    """An instruction: what, where to, and up to five operands, slots or ~constant."""
    slots: int = eqx.field(static=True)

    def layout(self, counters: int) -> list[int]:
        """Number of instructions, slots and counters, and the code."""
        return [len(self.code) // (2 + OPERANDS), self.slots, counters, *self.code]


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
    # Slots: variables, counter, arrivals, current, delta, spike, what is recorded, and registers.
    n, some = len(leaves), len(counters)
    into_slots = [*range(n), *range(n, n + some)]
    arrived = n + 1
    slot_of_input = [*into_slots, *range(arrived, arrived + kinds + 2)]
    first_made = arrived + kinds + 2
    into_slots += range(first_made, first_made + 1 + len(form.shown))
    code, slots = Placing(builder).placed(
        outputs, slot_of_input, into_slots, first_made + 1 + len(form.shown)
    )
    return Program(builder.constant_array(), code, slots)


def _is_real(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jnp.inexact)
