"""Readouts: from the course of the last layer (time, batch, n) to one number each, (batch, n).

For a membrane that never fires (`LI`) the course is its voltage, for any other neuron its spikes.
"""

from dataclasses import dataclass, replace
from typing import Literal, final

import jax.numpy as jnp
from jax import Array

Code = Literal["rate", "membrane", "max", "first_spike"]


@final
@dataclass(frozen=True)
class Readout:
    """What is read of a network: the course of a population, and how it becomes one number each.

    - `of`: `"spikes"` or the name of a variable; None for spikes where there are any, else `"v"`.
    - `code`: of the cross entropy that `fit` takes where no loss is given.
    """

    population: str
    of: str | None = None
    code: Code = "rate"

    def reading(self, of: str) -> "Readout":
        """The same of a course that is known."""
        return replace(self, of=of, code=self.code if of == "spikes" else "max")


def count(population: str) -> Readout:
    """Read the number of spikes of each neuron of a population of a network.

    >>> import rheobase as rb
    >>> rb.readouts.count("e").code
    'rate'
    """
    return Readout(population, "spikes", "rate")


def voltage(population: str, code: Code = "max") -> Readout:
    """Read the voltage (mV) of each neuron of a population: its maximum, or as `code` says.

    >>> import rheobase as rb
    >>> rb.readouts.voltage("out").of
    'v'
    """
    return Readout(population, "v", code)


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
