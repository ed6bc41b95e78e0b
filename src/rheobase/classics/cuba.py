"""Vogels and Abbott's network with current-based synapses, benchmark 2 of Brette et al. 2007."""

# The fields of neurons and synapses take quantities and hold arrays.
# pyright: reportArgumentType=false

import jax

from rheobase.adaptors import Refractory
from rheobase.classics.base import Classic
from rheobase.connectivity import FixedProbability
from rheobase.connectivity.base import generator
from rheobase.network import Connection, Network, Population
from rheobase.neurons import LIF
from rheobase.synapses import Exponential
from rheobase.units import ms, mV, s


def cuba(key: jax.Array, n: int = 4000) -> Classic:
    """4,000 LIF neurons (80 % excitatory), 2 % connected, self-sustained at about 5.5 Hz.

    Another `n` keeps the synapses of a neuron at 80, so that the rate stays the same.

    >>> import jax
    >>> import rheobase as rb
    >>> rb.classics.cuba(jax.random.key(0), n=400).network.populations["e"].n
    320
    """
    neuron = Refractory(LIF(tau=20 * ms, v_rest=-49 * mV, v_th=-50 * mV, v_reset=-60 * mV), 5 * ms)
    excitatory, inhibitory = n * 4 // 5, n - n * 4 // 5
    rule = FixedProbability(min(1.0, 80 / n))
    random = generator(key)
    network = Network(
        {"e": Population(neuron, excitatory), "i": Population(neuron, inhibitory)},
        [
            Connection("e", ("e", "i"), rule, Exponential(tau=5 * ms), weight=1.62 * mV),
            Connection("i", ("e", "i"), rule, Exponential(tau=10 * ms), weight=-9 * mV),
        ],
        key=key,
    )
    return Classic(
        network,
        {
            "e": {"v": random.uniform(-60, -50, excitatory) * mV},
            "i": {"v": random.uniform(-60, -50, inhibitory) * mV},
        },
        dt=0.1 * ms,
        duration=1 * s,
        rates={"e": 5.5, "i": 5.5},
        source="Vogels & Abbott 2005, J Neurosci 25:10786; Brette et al. 2007, benchmark 2",
    )
