"""Spikes times dense weights, each arriving in two neighbouring steps of its own.

A spike of neuron i adds early[i, j] to what arrives at neuron j in the step slot[i, j] after the
next one, and late[i, j] one step later. What is under way stands in a ring, in the order in which
it is visited: of each sample the steps one after the other on the way there, and of each neuron
and step the samples side by side on the way back, where every weight is visited for all of them.
Only these functions see its inside.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.kernels import library
from rheobase.kernels.layout import BESIDE


@jax.custom_vjp
def entered(later: Array) -> Array:
    """The ring before its first step, of what arrives in that step and after it.

    `later` (depth, samples, n), the last row of zeros.
    """
    return jnp.moveaxis(later, 0, 1).ravel()


def _entered_backward(like: Array, cotangent: Array) -> tuple[Array]:
    depth, samples, n = like.shape
    return (jnp.transpose(cotangent.reshape(n, depth, samples), (1, 2, 0)),)


entered.defvjp(lambda later: (entered(later), later), _entered_backward)


def left(ring: Array, depth: int, samples: int, cursor: int) -> Array:
    """What is under way, (depth, samples, n), from the step on whose row is `cursor`."""
    n = ring.size // (depth * samples)

    @jax.custom_vjp
    def opened(ring: Array) -> Array:
        return jnp.moveaxis(ring.reshape(samples, depth, n), 0, 1)

    def backward(_: None, cotangent: Array) -> tuple[Array]:
        return (jnp.transpose(cotangent, (2, 0, 1)).ravel(),)

    opened.defvjp(lambda ring: (opened(ring), None), backward)
    return jnp.roll(opened(ring), -cursor, axis=0)


class Weights(NamedTuple):
    """Weights and slots of the spikes of n_pre neurons, each (n_pre, n_post)."""

    early: Array
    late: Array
    slot: Array
    """Whole, from 0 to depth - 2."""


def pushed(weights: Weights, cursor: Array, spikes: Array, ring: Array) -> tuple[Array, Array]:
    """What arrives in the next step, (samples, n_post), and the ring without it.

    - `cursor`: the row of the next step in the ring, int32.
    - `spikes` (samples, n_pre): mostly 0; graded ones multiply.

    Differentiable in spikes and ring; the weights have their derivative from `changed`.
    """
    columns = Weights(*map(_columns, weights))
    return _pushed(weights, columns, cursor, spikes, ring)


def _columns(x: Array) -> Array:
    """A few columns side by side, (blocks, n_pre, BESIDE): see `late.h`."""
    pre, post = x.shape
    blocks = -(-post // BESIDE)
    padded = jnp.pad(x, ((0, 0), (0, blocks * BESIDE - post)))
    return jnp.moveaxis(padded.reshape(pre, blocks, BESIDE), 1, 0)


@jax.custom_vjp
def _pushed(
    weights: Weights, columns: Weights, cursor: Array, spikes: Array, ring: Array
) -> tuple[Array, Array]:
    made = jax.ShapeDtypeStruct((spikes.shape[0], weights.slot.shape[1]), spikes.dtype)
    operands = spikes, *weights, cursor[None]
    arriving, ring = library.update("push_late", (ring,), *operands, made=(made,))
    return arriving, ring


def _pushed_forward(weights: Weights, columns: Weights, cursor: Array, *moving: Array) -> Any:
    return _pushed(weights, columns, cursor, *moving), (columns, cursor)


def _pushed_backward(kept: Any, cotangents: tuple[Array, Array]) -> Any:
    arriving, ring = cotangents
    columns, cursor = kept
    made = jax.ShapeDtypeStruct((arriving.shape[0], columns.slot.shape[1]), arriving.dtype)
    operands = arriving, *columns, cursor[None]
    worth, ring = library.update("pull_late", (ring,), *operands, made=(made,))
    return None, None, None, worth, ring


_pushed.defvjp(_pushed_forward, _pushed_backward)


def changed(slot: Array, spikes: Array, cotangent: Array) -> tuple[Array, Array]:
    """The gradients of `early` and `late`, at the price of the spikes.

    - `spikes` (steps, samples, n_pre).
    - `cotangent` (steps + depth - 1, samples, n_post), of what arrived in the steps after those.
    """
    result = jax.ShapeDtypeStruct((2, *slot.shape), spikes.dtype)
    early, late = library.call("change_late", result, spikes, cotangent, slot)
    return early, late
