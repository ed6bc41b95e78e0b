"""One population over a series of inputs: the time loop of a layer, made to be differentiated."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.loop import scan
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane
from rheobase.step import step
from rheobase.steppers import AbstractStepper


class Course(NamedTuple):
    """What a population did."""

    spikes: Array | None
    """0 or 1, shape (time, *population); None of a membrane that never fires."""
    traces: dict[str, Array]
    """The variables that were asked for, shape (time, *population)."""
    final: Any
    """The state after the last step."""


def rest(neuron: AbstractMembrane, shape: tuple[int, ...], dtype: Any) -> Any:
    """The state at rest of a population of `shape`, every variable of full shape."""

    def full(x: Any) -> Array:
        x = jnp.asarray(x)
        kind = dtype if jnp.issubdtype(x.dtype, jnp.floating) else x.dtype
        return jnp.broadcast_to(x.astype(kind), shape)

    return jax.tree.map(full, neuron.init())


def run(
    neuron: AbstractMembrane,
    stepper: AbstractStepper,
    inputs: Array,
    dt: float,
    *,
    weight: Array | None = None,
    key: Array | None = None,
    record: tuple[str, ...] = (),
) -> Course:
    """Run a population from rest over `inputs` of shape (time, *population).

    The input is a current in the unit that the neuron receives, or, where the neuron's `target` is
    not its voltage (`CubaLIF`), a delta input to that variable. With `weight` of shape (n, n) the
    spikes of step k, times the weight, are added to the input of step k + 1.

    Differentiable in inputs, weight and parameters; the backward pass keeps nothing but the state
    at each step, from which it computes the step again.
    """
    dtype = jnp.result_type(inputs, *jax.tree.leaves(eqx.filter(neuron, eqx.is_inexact_array)))
    shape = inputs.shape[1:]
    by_current = neuron.target == "v"

    def body(carry: Any, x: Any) -> Any:
        state, echo = carry
        number, now = x
        now = now if echo is None else now + echo
        noise = None if key is None else jax.random.fold_in(key, number)
        current, delta = (now, None) if by_current else (jnp.zeros(shape, dtype), now)
        done = step(neuron, stepper, state, current, delta, dt, noise, False)
        # Multiplied here and not at the start of the next step, so that the backward pass, which
        # repeats a step from its carry, does not repeat the product.
        echo = None if weight is None or done.spike is None else done.spike @ weight
        named = dict(variables.items(done.reached))
        return (done.state, echo), (done.spike, {name: named[name] for name in record})

    begin = rest(neuron, shape, dtype), None if weight is None else jnp.zeros(shape, dtype)
    numbers = jnp.arange(len(inputs), dtype=jnp.int32)
    (final, _), (spikes, traces) = scan(body, begin, (numbers, inputs.astype(dtype)), len(inputs))
    return Course(spikes, traces, final)
