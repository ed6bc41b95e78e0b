r"""The time loop of what receives what it sends: spikes forwards, and one pass for the weights.

    u_t = x_t + sum_m W_m s_{t-1-m},     (c_{t+1}, s_t, y_t) = f(c_t, u_t)

Within the loop only spikes have their gradient by way of the weights. That of the weights is taken
after it, from the spikes of all steps and the cotangents of all u,

    dL/dW_m = sum_t s_t dL/du_{t+1+m}^T,

since what is added up in a loop would be written to memory at each of its steps.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.extend.core as jex
import jax.numpy as jnp
from jax import Array
from jaxtyping import PyTree

from rheobase import loop
from rheobase.kernels import late
from rheobase.kernels.product import rows_added, spike_outer
from rheobase.neurons.base import softened


class Way(NamedTuple):
    """What is under way from one step to those after it."""

    arriving: Array
    """In the next step, (*population)."""
    later: Array | None = None
    """In the steps after it, (slots - 1, *population); None where nothing comes so late."""


class AbstractFeedback(eqx.Module):
    """Connections by which what is sent in a step arrives in later ones."""

    @property
    @abstractmethod
    def damping(self) -> float:
        """Factor on the derivative of what is sent, which comes back by the weights."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """Steps after the present one that a spike can reach."""

    @abstractmethod
    def dense(self) -> Array:
        """The weights by slot, (slots, n_pre, n_post), or without slots where there is one."""

    @abstractmethod
    def enter(self, way: Way) -> Any:
        """What the loop carries besides what arrives next."""

    @abstractmethod
    def leave(self, memory: PyTree, way: Way, steps: int) -> Array | None:
        """What is under way after so many steps that began with `way`."""

    @abstractmethod
    def moved(self, sent: Array, memory: PyTree, number: Array) -> tuple[Array, Any]:
        """What arrives in the next step and what is carried, with the derivative by `sent` only.

        `sent` (samples, n_pre) in step `number` of the loop.
        """

    @abstractmethod
    def slope(self, sent: Array, cotangent: Array) -> "AbstractFeedback":
        """The gradient of the weights.

        By what was sent, (steps, samples, n_pre), and the cotangents of what arrived after the
        first step, (steps + slots - 1, samples, n_post).
        """


class Dense(AbstractFeedback):
    """Weights of whole steps: (n_pre, n_post), or by slot (slots, n_pre, n_post)."""

    weight: Array
    damping: float = eqx.field(static=True, default=1.0)  # pyright: ignore

    @property
    def slots(self) -> int:
        return 1 if self.weight.ndim == 2 else len(self.weight)

    def dense(self) -> Array:
        return self.weight

    def enter(self, way: Way) -> Any:
        return way.later

    def leave(self, memory: PyTree, way: Way, steps: int) -> Array | None:
        return memory

    def moved(self, sent: Array, memory: PyTree, number: Array) -> tuple[Array, Any]:
        return echoes(sent, self.weight, memory, rows_added)

    def slope(self, sent: Array, cotangent: Array) -> "Dense":
        spikes, steps = _rows(sent), len(sent)
        if self.weight.ndim == 2:
            return Dense(spike_outer(spikes, _rows(cotangent)), self.damping)

        def of(slot: Array) -> Array:
            rows = jax.lax.dynamic_slice_in_dim(cotangent, slot, steps)
            return spike_outer(spikes, _rows(rows))

        slopes = jax.lax.map(of, jnp.arange(self.slots, dtype=jnp.int32))
        return Dense(slopes, self.damping)


class Late(AbstractFeedback):
    """A delay for each synapse: its weight is shared out over two neighbouring slots."""

    early: Array
    """(n_pre, n_post), what arrives in the slot."""
    late: Array
    """(n_pre, n_post), what arrives one later."""
    slot: Array
    """(n_pre, n_post), from 0 to slots - 2, int32."""
    depth: int = eqx.field(static=True)
    damping: float = eqx.field(static=True, default=1.0)  # pyright: ignore

    @property
    def slots(self) -> int:
        return self.depth

    def dense(self) -> Array:
        number = jnp.arange(self.depth, dtype=jnp.int32)[:, None, None]
        first = jnp.where(number == self.slot[None], self.early[None], 0)
        return first + jnp.where(number == self.slot[None] + 1, self.late[None], 0)

    def enter(self, way: Way) -> Any:
        if way.later is None:
            return None
        n = way.later.shape[-1]
        rows = way.later.reshape(len(way.later), -1, n)
        return late.entered(jnp.concatenate([rows, jnp.zeros_like(rows[:1])]))

    def leave(self, memory: PyTree, way: Way, steps: int) -> Array | None:
        if way.later is None:
            return None
        samples = way.arriving.size // way.arriving.shape[-1]
        rows = late.left(memory, self.depth, samples, steps % self.depth)
        return rows[:-1].reshape(way.later.shape)

    def moved(self, sent: Array, memory: PyTree, number: Array) -> tuple[Array, Any]:
        n = sent.shape[-1]
        weights = late.Weights(self.early, self.late, self.slot)
        arriving, memory = late.pushed(weights, number % self.depth, sent.reshape(-1, n), memory)
        return arriving.reshape(*sent.shape[:-1], -1), memory

    def slope(self, sent: Array, cotangent: Array) -> "Late":
        spikes, back = (x.reshape(len(x), -1, x.shape[-1]) for x in (sent, cotangent))
        changed = late.changed(self.slot, spikes, back)
        return Late(*changed, self.slot, self.depth, self.damping)


def echoes(
    spike: Array, weight: Array, later: Array | None, product: Callable = jnp.matmul
) -> tuple[Array, Array | None]:
    """What the spikes of a step give to the next step, and to those after it.

    What is on its way enters by addition alone, so the backward pass need not keep it.
    """
    if later is None:
        return product(spike, weight), None
    slots, n, width = weight.shape
    given = product(spike, jnp.moveaxis(weight, 0, 1).reshape(n, slots * width))
    given = jnp.moveaxis(given.reshape(*spike.shape[:-1], slots, width), -2, 0)
    coming = jnp.concatenate([later, jnp.zeros_like(later[:1])]) + given
    return coming[0], coming[1:]


class Recurrence(NamedTuple):
    """Dense feedback among systems: what the sources send, side by side, reaches the targets."""

    feedback: AbstractFeedback
    sources: tuple[str, ...]
    targets: tuple[str, ...]


class Ran(NamedTuple):
    """What came of a loop."""

    carry: Any
    way: Way
    sent: Array
    """(steps, ...)."""
    y: Any


def scan(
    body: Callable, feedback: AbstractFeedback, carry: PyTree, way: Way, inputs: Array, xs: PyTree
) -> Ran:
    """Loop `carry, sent, y = body(carry, u, x)` with u the inputs and what was sent before.

    - `inputs` (steps, ...) are added to what arrives, and have its shape and type.
    - `xs`: what else the steps take, each of leading axis steps.

    Reverse mode: the weights have their gradient after the loop.
    """
    steps = len(inputs)
    row = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), (inputs, xs))
    closed, shape = jax.make_jaxpr(body, return_shape=True)(carry, *row)

    def run(feedback: AbstractFeedback, given: PyTree) -> Ran:
        constants, carry, way, inputs, xs = given
        plain = jex.jaxpr_as_fun(jex.ClosedJaxpr(closed.jaxpr, constants))

        def whole(state: PyTree, x: PyTree) -> Any:
            carry, arriving, memory = state
            number, now, x = x
            leaves = plain(*jax.tree.leaves((carry, now + arriving, x)))
            carry, sent, y = jax.tree.unflatten(jax.tree.structure(shape), leaves)
            heard = sent if feedback.damping == 1 else softened(sent, feedback.damping)
            arriving, memory = feedback.moved(heard, memory, number)
            return (carry, arriving, memory), (sent, y)

        numbers = jnp.arange(steps, dtype=jnp.int32)
        state = carry, way.arriving, feedback.enter(way)
        state, (sent, y) = loop.scan(whole, state, (numbers, inputs, xs), steps)
        carry, arriving, memory = state
        return Ran(carry, Way(arriving, feedback.leave(memory, way, steps)), sent, y)

    return _looped(run, feedback, (closed.consts, carry, way, inputs, xs))


def _looped(run: Callable, feedback: AbstractFeedback, given: PyTree) -> Ran:
    """`run(feedback, given)`, with the gradient of the feedback after that of what was given."""

    @jax.custom_vjp
    def looped(weights: PyTree, fixed: PyTree, moving: PyTree, still: PyTree) -> Ran:
        return run(eqx.combine(weights, fixed), eqx.combine(moving, still))

    def forward(weights: PyTree, fixed: PyTree, moving: PyTree, still: PyTree) -> Any:
        feedback = eqx.combine(weights, fixed)

        def real(moving: PyTree) -> Any:
            return eqx.partition(run(feedback, eqx.combine(moving, still)), eqx.is_inexact_array)

        ran, back, others = jax.vjp(real, moving, has_aux=True)
        return eqx.combine(ran, others), (back, feedback, ran.sent)

    def backward(kept: PyTree, cotangent: Ran) -> Any:
        back, feedback, sent = kept
        cotangent = eqx.filter(cotangent, lambda x: x.dtype != jax.dtypes.float0)
        (slope,) = back(cotangent)
        after = [slope[3], cotangent.way.arriving[None]]
        after += [] if cotangent.way.later is None else [cotangent.way.later]
        arrived = jnp.concatenate(after)[1:]
        change = eqx.filter(feedback.slope(sent, arrived), eqx.is_inexact_array)
        return change, None, slope, None

    looped.defvjp(forward, backward)
    parts = (eqx.partition(part, eqx.is_inexact_array) for part in (feedback, given))
    return looped(*(half for part in parts for half in part))


def _rows(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])
