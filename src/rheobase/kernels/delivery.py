"""Delivery of spikes along sparse rows: the native kernel, its twin in JAX, and their derivative."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.kernels import library


class Targets(eqx.Module):
    """Rows of synapses on the device; see `rheobase.connectivity.Rows`."""

    start: Array
    """(n_pre + 1,), int32."""
    target: Array
    """(synapses,), int32."""
    n_post: int = eqx.field(static=True)
    widest: int = eqx.field(static=True)
    """Synapses of the neuron that has most, by which the twin in JAX cuts out rows."""


@jax.custom_vjp
def deliver(to: Targets, spikes: Array, weight: Array) -> Array:
    """Total weight that arrives at each postsynaptic neuron, (n_post,).

    arrived[j] = sum over the synapses k from i to j of spikes[i] weight[k]

    - `spikes` (n_pre,): 0 where silent; a graded value multiplies its weights.
    - `weight` (synapses,), or (1,) for one that all share.

    The work is in proportion to the synapses of the neurons that spiked. The derivative with
    respect to the spikes visits every synapse, since a silent neuron has a surrogate derivative.
    """
    if library.available():
        result = jax.ShapeDtypeStruct((to.n_post,), spikes.dtype)
        return library.call("deliver", result, spikes, to.start, to.target, weight)
    return deliver_twin(to, spikes, weight)


def _forward(to, spikes, weight):
    return deliver(to, spikes, weight), (to, spikes, weight)


def _backward(kept, cotangent):
    to, spikes, weight = kept
    if library.available():
        like = jax.ShapeDtypeStruct(spikes.shape, spikes.dtype)
        worth = library.call("gather", like, cotangent, to.start, to.target, weight)
        like = jax.ShapeDtypeStruct(weight.shape, weight.dtype)
        change = library.call("outer", like, spikes, to.start, to.target, cotangent)
        return None, worth, change
    return None, *backward_twin(to, spikes, weight, cotangent)


deliver.defvjp(_forward, _backward)


def deliver_twin(to: Targets, spikes: Array, weight: Array) -> Array:
    """`deliver` in JAX: a loop over the neurons that spiked, each scattering its own row."""
    lanes = jnp.arange(to.widest)
    last = max(to.target.shape[0] - to.widest, 0)

    def one(carry):
        i, arrived = carry
        first = jnp.clip(to.start[i], 0, last)
        row = jax.lax.dynamic_slice_in_dim(to.target, first, to.widest)
        inside = (first + lanes >= to.start[i]) & (first + lanes < to.start[i + 1])
        if weight.shape[0] != 1:
            weights = jax.lax.dynamic_slice_in_dim(weight, first, to.widest)
        else:
            weights = weight[0]
        arrived = arrived.at[row].add(jnp.where(inside, spikes[i] * weights, 0))
        return _next(spikes, i + 1), arrived

    begin = _next(spikes, 0), jnp.zeros(to.n_post, spikes.dtype)
    return jax.lax.while_loop(lambda carry: carry[0] < spikes.shape[0], one, begin)[1]


def backward_twin(to: Targets, spikes: Array, weight: Array, cotangent: Array):
    """Cotangents of spikes and weights, over all synapses."""
    synapses = to.target.shape[0]
    row = jnp.searchsorted(to.start, jnp.arange(synapses), side="right") - 1
    at_target = cotangent[to.target]
    worth = jnp.zeros_like(spikes).at[row].add(at_target * jnp.broadcast_to(weight, (synapses,)))
    change = spikes[row] * at_target
    return worth, change if weight.shape[0] != 1 else change.sum(keepdims=True)


def _next(spikes: Array, i) -> Array:
    """The first neuron from i on that spiked, or their number."""
    later = (jnp.arange(spikes.shape[0]) >= i) & (spikes != 0)
    return jnp.where(jnp.any(later), jnp.argmax(later), spikes.shape[0])


def deliver_delayed(
    to: Targets, spikes: Array, weight: Array, delay: Array, slot: Array, ring: Array
) -> Array:
    """The ring of coming steps, (depth, n_post), after these spikes have been put into it.

    ring[(slot + delay[k]) % depth, target[k]] += spikes[i] weight[k]; delay (synapses,) in steps,
    below depth. Forward only.
    """
    if library.available():
        result = jax.ShapeDtypeStruct(ring.shape, ring.dtype)
        operands = (spikes, to.start, to.target, weight, delay, slot[None], ring)
        return library.call("deliver_delayed", result, *operands, alias={6: 0})
    return delayed_twin(to, spikes, weight, delay, slot, ring)


def delayed_twin(to, spikes, weight, delay, slot, ring):
    """`deliver_delayed` in JAX, over all synapses."""
    synapses = to.target.shape[0]
    row = jnp.searchsorted(to.start, jnp.arange(synapses), side="right") - 1
    values = spikes[row] * jnp.broadcast_to(weight, (synapses,))
    return ring.at[(slot + delay) % ring.shape[0], to.target].add(values)
