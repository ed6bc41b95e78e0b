"""Readouts: from the course of the last layer (time, batch, n) to one number each, (batch, n).

For a membrane that never fires (`LI`) the course is its voltage, for any other neuron its spikes.
"""

import jax.numpy as jnp
from jax import Array


def last(v: Array) -> Array:
    """v at the end of the run.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> rb.readouts.last(jnp.arange(3.0).reshape(3, 1, 1)).tolist()
    [[2.0]]
    """
    return v[-1]


def mean(v: Array) -> Array:
    """Mean of v over time.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> rb.readouts.mean(jnp.arange(3.0).reshape(3, 1, 1)).tolist()
    [[1.0]]
    """
    return v.mean(axis=0)


def maximum(v: Array) -> Array:
    """Largest v of the run; the gradient goes to the step where it was reached.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> rb.readouts.maximum(jnp.arange(3.0).reshape(3, 1, 1)).tolist()
    [[2.0]]
    """
    return v.max(axis=0)


def spike_count(spikes: Array) -> Array:
    """Number of spikes.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> rb.readouts.spike_count(jnp.ones((3, 1, 1))).tolist()
    [[3.0]]
    """
    return spikes.sum(axis=0)


def first_spike(spikes: Array) -> Array:
    r"""Number of steps before the first spike, T where there is none.

    sum_k prod_{j <= k} (1 - s_j). Its derivative with respect to a spike that did not happen in
    step j is minus the number of steps by which it would have come earlier.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> rb.readouts.first_spike(jnp.array([0.0, 0, 1, 0, 1]).reshape(5, 1, 1)).tolist()
    [[2.0]]
    """
    return jnp.cumprod(1 - spikes, axis=0).sum(axis=0)
