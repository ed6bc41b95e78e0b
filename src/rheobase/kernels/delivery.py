"""Delivery of spikes along sparse rows: compiled kernels, their twins in JAX, and derivatives."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array, lax

from rheobase.errors import ShapeError
from rheobase.kernels import library

_BLOCK = 64
"""Neurons among which the twins look for spikes at a time."""


class Targets(eqx.Module):
    """Rows of synapses on the device; see `rheobase.connectivity.Rows`."""

    start: Array
    """(n_pre + 1,), int32."""
    target: Array
    """(synapses,), int32."""
    n_post: int = eqx.field(static=True)
    widest: int = eqx.field(static=True)
    """Synapses of the neuron that has most, by which the twins cut out rows."""
    native: bool = eqx.field(static=True, default=True)
    """Whether to use the compiled kernels where there are any; False: their twins in JAX."""


def deliver(to: Targets, spikes: Array, weight: Array) -> Array:
    """Total weight that arrives at each postsynaptic neuron, (n_post,).

    arrived[j] = sum of spikes[i] weight[k] over the synapses k from a neuron i to j

    - `spikes` (n_pre,): 0 where silent; a graded value multiplies its weights.
    - `weight` (synapses,), or (1,) for one that all share; taken in the type of the spikes.

    The work is in proportion to the synapses of the neurons that spiked. The derivative with
    respect to the spikes visits every synapse, since a silent neuron has a surrogate derivative,
    and a weight changes nothing while its neuron is silent. Reverse mode only.

    Errors: `ShapeError` for arrays that do not fit the synapses.
    """
    _require(to, spikes, weight)
    return _deliver(to, sources(to, spikes), spikes, weight.astype(spikes.dtype))


def deliver_delayed(
    to: Targets, spikes: Array, weight: Array, delay: Array, slot: Array, ring: Array
) -> Array:
    """The ring of coming steps, (depth, n_post), after these spikes have been put into it.

    ring[(slot + delay[k]) % depth, target[k]] += spikes[i] weight[k]

    - `spikes`, `weight`: as in `deliver`, taken in the type of the ring.
    - `delay` (synapses,): whole steps, int32. Its derivative is zero.
    - `slot`: the row of the present, int32.

    Errors: `ShapeError` for arrays that do not fit the synapses.
    """
    _require(to, spikes, weight)
    if delay.shape != to.target.shape or ring.ndim != 2 or ring.shape[1] != to.n_post:
        raise ShapeError(
            f"`delay` {delay.shape} and `ring` {ring.shape} do not fit {to.target.shape[0]} "
            f"synapses on {to.n_post} neurons: ({to.target.shape[0]},) and (depth, {to.n_post})."
        )
    spikes, weight = spikes.astype(ring.dtype), weight.astype(ring.dtype)
    return _delayed(to, sources(to, spikes), spikes, weight, delay, slot, ring)


def collect(to: Targets, by_post: Targets, synapse: Array, values: Array, weight: Array) -> Array:
    """As `deliver`, of values of which few are zero: each postsynaptic neuron sums up its own.

    - `by_post`: the same synapses as rows of the postsynaptic neurons, with their sources.
    - `synapse` (synapses,): which one of `to` each of these is.

    The work is in proportion to all synapses, and none waits for what another has written.
    """
    _require(to, values, weight)
    weight = weight.astype(values.dtype)
    if not compiled(to, values):
        return _deliver(to, sources(to, values), values, weight)
    # Outside of what has a derivative of its own, where a loop over time computes it once.
    ordered = weight if weight.shape == (1,) else weight[synapse]
    return _collect(to, by_post, values, ordered, lax.stop_gradient(weight))


@jax.custom_vjp
def _collect(to: Targets, by_post: Targets, values: Array, ordered: Array, weight: Array) -> Array:
    arrived = jax.ShapeDtypeStruct((to.n_post,), values.dtype)
    return library.call("gather", arrived, values, by_post.start, by_post.target, ordered)


def _collect_forward(to, by_post, values, ordered, weight):
    return _collect(to, by_post, values, ordered, weight), (to, by_post, values, ordered, weight)


def _collect_backward(kept, cotangent):
    to, by_post, values, ordered, weight = kept
    worth = library.call("gather", values, cotangent, to.start, to.target, weight)
    change = library.call("outer", ordered, cotangent, by_post.start, by_post.target, values)
    return None, None, worth, change, None


_collect.defvjp(_collect_forward, _collect_backward)


def _require(to: Targets, spikes: Array, weight: Array) -> None:
    """Nothing of this is checked in the kernels, and it costs nothing: shapes are static."""
    n_pre, synapses = to.start.shape[0] - 1, to.target.shape[0]
    if spikes.shape != (n_pre,) or weight.shape not in ((1,), (synapses,)):
        raise ShapeError(
            f"`spikes` {spikes.shape} and `weight` {weight.shape} do not fit {synapses} synapses "
            f"of {n_pre} neurons: ({n_pre},) and ({synapses},), or (1,) for one weight."
        )


def compiled(to: Targets, spikes: Array) -> bool:
    """Whether compiled kernels serve these synapses and numbers."""
    return to.native and library.serves(spikes.dtype)


def sources(to: Targets, spikes: Array) -> Array | None:
    """The neuron of each synapse, for the derivatives of the twins; None where nobody asks.

    Taken before those derivatives are, so that a loop over time computes it once.
    """
    if compiled(to, spikes):
        return None
    neurons = jnp.arange(to.start.shape[0] - 1, dtype=jnp.int32)
    return jnp.repeat(neurons, jnp.diff(to.start), total_repeat_length=to.target.shape[0])


@jax.custom_vjp
def _deliver(to: Targets, sources: Array | None, spikes: Array, weight: Array) -> Array:
    arrived = jax.ShapeDtypeStruct((to.n_post,), spikes.dtype)
    if compiled(to, spikes):
        return library.call("deliver", arrived, spikes, to.start, to.target, weight)
    return _scatter(to, spikes, weight, jnp.zeros_like(arrived), lambda row: row.cut(to.target))


def _deliver_forward(to, sources, spikes, weight):
    return _deliver(to, sources, spikes, weight), (to, sources, spikes, weight)


def _deliver_backward(kept, cotangent):
    to, sources, spikes, weight = kept
    if compiled(to, spikes):
        rows = to.start, to.target
        worth = library.call("gather", spikes, cotangent, *rows, weight)
        change = library.call("outer", weight, spikes, *rows, cotangent)
    else:
        worth, change = _transpose(to, sources, spikes, weight, cotangent[to.target])
    return None, None, worth, change


_deliver.defvjp(_deliver_forward, _deliver_backward)


@jax.custom_vjp
def _delayed(to, sources, spikes, weight, delay, slot, ring):
    if compiled(to, spikes):
        operands = spikes, to.start, to.target, weight, delay, slot[None]
        return library.update("deliver_delayed", (ring,), *operands)[0]

    def place(row):
        return (slot + row.cut(delay)) % ring.shape[0], row.cut(to.target)

    return _scatter(to, spikes, weight, ring, place)


def _delayed_forward(to, sources, spikes, weight, delay, slot, ring):
    kept = to, sources, spikes, weight, delay, slot
    return _delayed(*kept, ring), kept


def _delayed_backward(kept, cotangent):
    to, sources, spikes, weight, delay, slot = kept
    if compiled(to, spikes):
        rows, late = (to.start, to.target), (delay, slot[None])
        worth = library.call("gather_delayed", spikes, cotangent, *rows, weight, *late)
        change = library.call("outer_delayed", weight, spikes, *rows, cotangent, *late)
    else:
        at_place = cotangent[(slot + delay) % cotangent.shape[0], to.target]
        worth, change = _transpose(to, sources, spikes, weight, at_place)
    return None, None, worth, change, None, None, cotangent


_delayed.defvjp(_delayed_forward, _delayed_backward)


class _Row(NamedTuple):
    """The synapses of a neuron within a cut as long as the widest row."""

    first: Array
    own: Array
    """(widest,), whether they are the neuron's."""

    def cut(self, array: Array) -> Array:
        return lax.dynamic_slice_in_dim(array, self.first, self.own.shape[0])


def _scatter(to: Targets, spikes: Array, weight: Array, out: Array, place: Callable) -> Array:
    """`out` with the weights of each spike added at the indices `place(row)`."""

    def visit(row, spike, out):
        values = spike * (weight if weight.shape == (1,) else row.cut(weight))
        return out.at[place(row)].add(jnp.where(row.own, values, jnp.zeros((), out.dtype)))

    return for_each_row(to, spikes, visit, out)


def _transpose(to: Targets, sources: Array, spikes: Array, weight: Array, at_place: Array):
    """Cotangents of spikes and weights, from the cotangent where each synapse acts."""
    shared, silent = weight.shape == (1,), jnp.zeros((), spikes.dtype)
    values = at_place if shared else weight * at_place
    sums = jax.ops.segment_sum(values, sources, spikes.shape[0], indices_are_sorted=True)
    if shared:
        sent = jnp.where(spikes != 0, spikes * sums, silent)
        return weight * sums, sent.sum(keepdims=True)

    def visit(row, spike, change):
        add = jnp.where(row.own, spike * row.cut(at_place), silent)
        return lax.dynamic_update_slice_in_dim(change, row.cut(change) + add, row.first, 0)

    return sums, for_each_row(to, spikes, visit, jnp.zeros_like(weight))


def for_each_row(to: Targets, spikes: Array, visit: Callable, out: Any) -> Any:
    """Loop `out = visit(row, spike, out)` over the neurons that spiked, in order.

    The next one is looked for in its own block, then in the first later block that has any. One
    spike more, behind the last neuron, ends the search.
    """
    n, synapses = spikes.shape[0], to.target.shape[0]
    if synapses == 0:
        return out
    blocks = n // _BLOCK + 1
    fires = jnp.concatenate([spikes != 0, jnp.arange(blocks * _BLOCK - n) == 0])
    fires = fires.reshape(blocks, _BLOCK)
    any_fires = fires.any(axis=1)
    numbers, places, lanes = (jnp.arange(m, dtype=jnp.int32) for m in (blocks, _BLOCK, to.widest))

    def following(i):
        block = i // _BLOCK
        here = fires[block] & (places >= i % _BLOCK)
        later = lax.argmax(any_fires & (numbers > block), 0, jnp.int32)
        stays = here.any()
        block = jnp.where(stays, block, later)
        return block * _BLOCK + lax.argmax(jnp.where(stays, here, fires[later]), 0, jnp.int32)

    def step(carry):
        i, out = carry
        begin, end = to.start[i], to.start[i + 1]
        first = jnp.minimum(begin, synapses - to.widest)
        row = _Row(first, (first + lanes >= begin) & (first + lanes < end))
        return following(i + 1), visit(row, spikes[i], out)

    begin = following(jnp.zeros((), jnp.int32)), out
    return lax.while_loop(lambda carry: carry[0] < n, step, begin)[1]
