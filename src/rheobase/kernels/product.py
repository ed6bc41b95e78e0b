"""Spikes times dense weights, at the price of the spikes."""

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.kernels import library


def spike_product(spikes: Array, weight: Array) -> Array:
    """What arrives by dense weights, spikes @ weight, (..., n_post).

    - `spikes` (..., n_pre): mostly 0; a graded value multiplies its row of weights.
    - `weight` (n_pre, n_post), taken in the type of the spikes.

    Where there are compiled kernels the rows of what spiked are added up in the order of the
    neurons, elsewhere it is the plain product. Derivatives are those of the plain product.

    >>> import jax.numpy as jnp
    >>> spike_product(jnp.asarray([[0.0, 1.0]]), jnp.asarray([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[3.0, 4.0]]
    """
    rows = spikes.reshape(-1, spikes.shape[-1])
    arrived = _product(rows, weight.astype(spikes.dtype))
    return arrived.reshape(*spikes.shape[:-1], weight.shape[-1])


@jax.custom_jvp
def _product(spikes: Array, weight: Array) -> Array:
    if not library.serves(spikes.dtype):
        return spikes @ weight
    result = jax.ShapeDtypeStruct((spikes.shape[0], weight.shape[1]), spikes.dtype)
    return library.call("spike_product", result, spikes, weight)


@_product.defjvp
def _(primals, tangents):
    (spikes, weight), (more, other) = primals, tangents
    return _product(spikes, weight), jnp.add(more @ weight, spikes @ other)


@jax.custom_vjp
def rows_added(spikes: Array, weight: Array) -> Array:
    """As `spike_product`, with a derivative by the spikes alone, backwards only."""
    return spike_product(spikes, weight)


def _rows_forward(spikes: Array, weight: Array) -> tuple[Array, Array]:
    return spike_product(spikes, weight), weight


rows_added.defvjp(_rows_forward, lambda weight, cotangent: (cotangent @ weight.T, None))


def spike_outer(spikes: Array, cotangent: Array) -> Array:
    """The gradient of weights by which spikes arrived, spikes.T @ cotangent, (n_pre, n_post).

    - `spikes` (rows, n_pre), mostly 0; `cotangent` (rows, n_post), of what arrived.

    >>> import jax.numpy as jnp
    >>> spike_outer(jnp.asarray([[0.0, 1.0]]), jnp.asarray([[3.0, 4.0]])).tolist()
    [[0.0, 0.0], [3.0, 4.0]]
    """
    if not library.serves(spikes.dtype):
        return spikes.T @ cotangent
    result = jax.ShapeDtypeStruct((spikes.shape[1], cotangent.shape[1]), spikes.dtype)
    return library.call("spike_outer", result, spikes, cotangent)
