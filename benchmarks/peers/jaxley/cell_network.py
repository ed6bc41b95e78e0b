"""The workload of a network of cells in Jaxley: one compiled `integrate`."""

import time

import jax
import jax.numpy as jnp
import jaxley as jx
import numpy as np
from jaxley.channels import HH
from jaxley.connect import connectivity_matrix_connect
from jaxley.synapses import IonotropicSynapse

from benchmarks.measure import contend
from benchmarks.pairs import amplitudes, pairs
from benchmarks.swc import spikes_of

jax.config.update("jax_enable_x64", True)


def build(spec):
    n, steps = spec["cells"], round(spec["duration"] / spec["dt"])
    cell = jx.Cell(jx.Branch(jx.Compartment(), ncomp=1), parents=[-1])
    net = jx.Network([cell] * n)
    net.insert(HH())
    net.set("radius", 10.0)
    net.set("length", 20.0)
    net.set("v", -65.0)
    matrix = np.zeros((n, n), bool)
    matrix[tuple(np.transpose(pairs(spec)))] = True
    everyone = net.cell("all")
    # Of two views: they take one of each for the two sides of a synapse.
    connectivity_matrix_connect(everyone, net.cell("all"), IonotropicSynapse(), matrix)
    net.set("IonotropicSynapse_gS", spec["weight"])
    net.set("IonotropicSynapse_v_th", -35.0)
    net.set("IonotropicSynapse_delta", 5.0)
    net.set("IonotropicSynapse_k_minus", 0.025)
    net.set("IonotropicSynapse_e_syn", 0.0)
    net.init_states()
    current = jnp.repeat(jnp.asarray(amplitudes(spec))[:, None], steps, axis=1)
    everyone.branch(0).comp(0).record(verbose=False)
    net.to_jax()
    somata = everyone.branch(0).comp(0)

    @jax.jit
    def simulate(current):
        return jx.integrate(net, data_stimuli=somata.data_stimulate(current), delta_t=spec["dt"])

    return lambda: simulate(current), len(net.edges)


def prepare(spec):
    built = []

    def run():
        if not built:
            begin = time.process_time()
            built.extend((*build(spec), time.process_time() - begin))
        simulate, synapses, seconds = built
        v = np.asarray(simulate())
        return {
            "spikes": sum(map(spikes_of, v)), "synapses": synapses, "construction": seconds,
        }  # fmt: skip

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jaxley", "jax"))
