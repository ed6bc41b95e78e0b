"""The network of Hodgkin-Huxley neurons with conductances, benchmark 3 of Brette et al. 2007."""

# The fields of neurons and synapses take quantities and hold arrays.
# pyright: reportArgumentType=false

import jax

from rheobase.classics.base import Classic
from rheobase.connectivity import FixedProbability
from rheobase.connectivity.base import generator
from rheobase.network import Connection, Drive, Network, Population
from rheobase.neurons import TraubMiles
from rheobase.steppers import ExponentialEuler
from rheobase.stimulus import Poisson, Step
from rheobase.synapses import Conductance, Exponential
from rheobase.units import Hz, ms, mV, nS, s


def cobahh(key: jax.Array, n: int = 4000) -> Classic:
    """4,000 Traub-Miles neurons (80 % excitatory), 2 % connected by conductances of 6 and 67 nS.

    With the leak at -60 mV, where a neuron alone fires at 14 Hz; set off by random kicks during
    the first 50 ms, the network goes on at about 34 Hz. That is the rate of the published scheme,
    exponential Euler at 0.1 ms, which `run` takes; steps short enough to converge give about 43 Hz.
    Another `n` keeps the synapses of a neuron at 80.

    >>> import jax
    >>> import rheobase as rb
    >>> rb.classics.cobahh(jax.random.key(0), n=400).network.populations["i"].n
    80
    """
    neuron = TraubMiles(v_L=-60 * mV, v_rest=-60 * mV)
    excitatory, inhibitory = n * 4 // 5, n - n * 4 // 5
    rule = FixedProbability(min(1.0, 80 / n))
    excite = Conductance(Exponential(tau=5 * ms), reversal=0 * mV)
    inhibit = Conductance(Exponential(tau=10 * ms), reversal=-80 * mV)
    kicks = Poisson(200 * Hz, 3 * mV) * Step(1.0, stop=50 * ms)
    random = generator(key)
    network = Network(
        {"e": Population(neuron, excitatory), "i": Population(neuron, inhibitory)},
        [
            Connection("e", ("e", "i"), rule, excite, weight=6 * nS),
            Connection("i", ("e", "i"), rule, inhibit, weight=67 * nS),
        ],
        drives=[Drive("e", kicks), Drive("i", kicks)],
        key=key,
    )
    return Classic(
        network,
        {
            "e": {"v": random.normal(-65, 5, excitatory) * mV},
            "i": {"v": random.normal(-65, 5, inhibitory) * mV},
        },
        dt=0.1 * ms,
        duration=1 * s,
        rates={"e": 34, "i": 34},
        source="Brette et al. 2007, J Comput Neurosci 23:349, benchmark 3",
        stepper=ExponentialEuler(),
    )
