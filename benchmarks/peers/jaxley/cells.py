"""The workload of cells in Jaxley: one compiled `integrate`."""

import time

import jax
import jax.numpy as jnp
import jaxley as jx
import numpy as np
from jaxley.channels import HH

from benchmarks.measure import contend
from benchmarks.swc import path_of, spikes_of

jax.config.update("jax_enable_x64", True)  # as its documentation has it; NaN in float32


def prepare(spec):
    built = []

    def build():
        cell = jx.read_swc(path_of(spec), ncomp=1, max_branch_len=spec["max_length"])
        cell.insert(HH())
        cell.set("axial_resistivity", 100.0)
        cell.set("v", -65.0)
        cell.init_states()
        soma = cell.soma.branch(0).comp(0)
        current = jx.step_current(10.0, 80.0, spec["amplitude"], spec["dt"], spec["duration"])
        soma.record(verbose=False)
        cell.to_jax()

        def simulate(current):
            stimuli = soma.data_stimulate(current)
            return jx.integrate(cell, data_stimuli=stimuli, delta_t=spec["dt"])

        return cell, jax.jit(simulate), current

    def run():
        if not built:
            begin = time.process_time()
            built.extend((*build(), time.process_time() - begin))
        cell, simulate, current, seconds = built
        v = np.asarray(jnp.asarray(simulate(current)))[0]
        count = len(cell.nodes)
        return {"spikes": spikes_of(v), "compartments": count, "construction": seconds}

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jaxley", "jax"))
