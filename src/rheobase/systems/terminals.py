"""Terminals: the synapses of a neuron that its spikes reach after the same delay.

Learning rules, short-term plasticity and receptors keep one state for whatever sends spikes to
several synapses at one time. Where each synapse has a delay of its own, that is no neuron but a
group of its synapses. The synapses of a neuron stand in the order of their delays, so that at any
time step a terminal is a run of neighbours, and everything that works on the synapses of a neuron
works on those of a terminal.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.kernels.delivery import Targets
from rheobase.kernels.plasticity import Columns
from rheobase.time import Clock, whole_steps


class Terminals(NamedTuple):
    """The terminals of all neurons, in the order of their synapses."""

    start: Array
    """Where the synapses of each begin, (terminals + 1,), int32."""
    neuron: Array
    """Whose it is, (terminals,), int32."""
    lag: Array
    """Steps from a spike of the neuron to its arrival, (terminals,), int32."""
    by_post: Array
    """The terminal of each synapse in the order of the postsynaptic neurons, (synapses,), int32."""

    def rows(self, to: Targets) -> Targets:
        """The synapses as rows of terminals."""
        return Targets(self.start, to.target, to.n_post, to.widest, to.native)

    def columns(self, by_post: Columns) -> Columns:
        """The synapses by postsynaptic neuron, each with its terminal."""
        to = by_post.to
        seen = Targets(to.start, self.by_post, self.neuron.shape[0], to.widest, to.native)
        return Columns(seen, by_post.synapse)

    def arriving(self, ring: Array, number: Clock) -> Array:
        """The spikes that arrive at each in a step, of a ring with those of the last steps."""
        depth = ring.shape[0]
        now = number.divided(depth, depth)[1].astype(jnp.int32)
        return ring[(now - self.lag) % depth, self.neuron]


def by_delay(start: np.ndarray, target: np.ndarray, delay: np.ndarray) -> np.ndarray:
    """The order of synapses by neuron, then by delay, then by target."""
    neuron = np.repeat(np.arange(len(start) - 1), np.diff(start))
    return np.lexsort((target, delay, neuron))


def terminals(to: Targets, by_post: Columns | None, delay: Array, dt: float) -> Terminals:
    """The terminals at a time step (ms), of synapses that stand in the order of their delays."""
    lag = np.asarray(whole_steps(np.asarray(delay), dt))
    first = np.asarray(to.start)
    begins = np.ones(len(lag), bool)
    begins[1:] = lag[1:] != lag[:-1]
    begins[first[:-1][first[:-1] < len(lag)]] = True
    places = np.flatnonzero(begins)
    neuron = np.searchsorted(first, places, side="right") - 1
    start = np.append(places, len(lag))
    own = np.cumsum(begins) - 1
    ordered = own if by_post is None else own[np.asarray(by_post.synapse)]
    found: list[Any] = [x.astype(np.int32) for x in (start, neuron, lag[places], ordered)]
    return Terminals(*found)
