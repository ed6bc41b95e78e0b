"""Brunel's sparse network of excitatory and inhibitory neurons."""

# The fields of neurons and synapses take quantities and hold arrays.
# pyright: reportArgumentType=false

import jax

from rheobase.adaptors import Refractory
from rheobase.classics.base import Classic
from rheobase.connectivity import FixedInDegree
from rheobase.network import Connection, Drive, Network, Population
from rheobase.neurons import LIF
from rheobase.stimulus import Poisson
from rheobase.synapses import Delta
from rheobase.units import Hz, in_unit, ms, mV, s

_PUBLISHED = {
    (6.0, 4.0): {"e": 60.7, "i": 60.7},
    (5.0, 2.0): {"e": 37.7, "i": 37.7},
    (4.5, 0.9): {"e": 5.5, "i": 5.5},
}
"""Mean rates of the simulations of figure 8, by g and eta."""


def brunel(key: jax.Array, n: int = 12_500, g: float = 5.0, eta: float = 2.0) -> Classic:
    """12,500 LIF neurons (80 % excitatory) with an in-degree of 10 %, J = 0.1 mV, delay 1.5 ms.

    - `g`: strength of inhibition relative to excitation.
    - `eta`: rate of the external input in units of what it takes to reach the threshold,
      nu_thr = theta/(J C_E tau).

    Four regimes: synchronous regular (g 3, eta 2), fast synchronous irregular (g 6, eta 4),
    asynchronous irregular (g 5, eta 2; the default) and slow synchronous irregular (g 4.5,
    eta 0.9).

    >>> import jax
    >>> import rheobase as rb
    >>> print(rb.classics.brunel(jax.random.key(0), n=100).duration)
    1 s
    """
    neuron = Refractory(LIF(tau=20 * ms, v_rest=0 * mV, v_th=20 * mV, v_reset=10 * mV), 2 * ms)
    excitatory, inhibitory = n * 4 // 5, n - n * 4 // 5
    from_e, from_i = excitatory // 10, inhibitory // 10
    weight, threshold, tau = 0.1, 20.0, 20.0
    external = in_unit(eta * threshold / (weight * tau), Hz) * Hz
    both = ("e", "i")
    network = Network(
        {"e": Population(neuron, excitatory), "i": Population(neuron, inhibitory)},
        [
            Connection(
                "e", both, FixedInDegree(from_e), Delta(), weight=weight * mV, delay=1.5 * ms
            ),
            Connection(
                "i", both, FixedInDegree(from_i), Delta(), weight=-g * weight * mV, delay=1.5 * ms
            ),
        ],
        drives=[Drive(name, Poisson(external, weight * mV)) for name in both],
        key=key,
    )
    return Classic(
        network,
        {},
        dt=0.1 * ms,
        duration=1 * s,
        rates=_PUBLISHED.get((g, eta), {}) if n == 12_500 else {},
        source="Brunel 2000, J Comput Neurosci 8:183",
    )
