"""The CUBA network in rheobase, at any size, as `rb.classics` builds it."""

import jax
import numpy as np

import rheobase as rb
from benchmarks.measure import contend
from rheobase.units import ms


def bytes_a_synapse(network):
    leaves = jax.tree.leaves(network.projections)
    arrays = [x for x in leaves if isinstance(x, jax.Array | np.ndarray)]
    return sum(x.nbytes for x in arrays) / sum(p.synapses for p in network.projections)


def prepare(spec):
    built = []

    def run():
        if not built:
            built.append(rb.classics.cuba(jax.random.key(0), n=spec["n"]))
        classic = built[0]
        run = rb.simulate(
            classic.network,
            duration=spec["steps"] * spec["dt"] * ms,
            dt=spec["dt"] * ms,
            stepper=rb.Exact(),
            init=classic.init,
        )
        spikes = sum(len(run[name].events[0]) for name in ("e", "i"))
        return {
            "spikes": spikes,
            "rate": spikes / spec["n"] / (spec["steps"] * spec["dt"] / 1000),
            "synapses": sum(p.synapses for p in classic.network.projections),
            "bytes a synapse": bytes_a_synapse(classic.network),
        }

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox"))
