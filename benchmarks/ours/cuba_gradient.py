"""The spikes of the CUBA network, and their gradient with respect to each weight, in rheobase."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import rheobase as rb
from benchmarks.measure import contend
from benchmarks.ours.network import NAMES, build
from benchmarks.wiring import wiring
from rheobase.units import ms


def weights_of(network):
    return tuple(p.weight for p in network.projections)


def prepare(spec):
    network, init = build(spec, wiring(spec))
    weights = tuple(jnp.broadcast_to(p.weight, (p.synapses,)) for p in network.projections)
    network = eqx.tree_at(weights_of, network, weights)

    def loss(weights):
        run = rb.simulate(
            eqx.tree_at(weights_of, network, weights),
            duration=spec["steps"] * spec["dt"] * ms,
            dt=spec["dt"] * ms,
            stepper=rb.Exact(),
            init=init,
            record={name: rb.Record(spikes="count") for name in NAMES},
        )
        return sum(run[name].counts.sum() for name in NAMES)

    if spec["what"] == "gradient":
        program = jax.jit(jax.value_and_grad(loss))

        def run():
            spikes, gradient = program(weights)
            norm = np.sqrt(sum(float((g.astype(float) ** 2).sum()) for g in gradient))
            return {"spikes": int(spikes), "norm of gradient": float(norm)}

        return run
    program = jax.jit(loss)
    return lambda: {"spikes": int(program(weights))}


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox"))
