"""The AdEx workload in BrainPy: its AdExIF, in one compiled for-loop."""

import brainpy.state
import brainstate
import brainunit as u
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.measure import contend, spike_counts


def prepare(spec):
    p, n = spec["parameters"], spec["n"]
    units = {"tau": u.ms, "tau_w": u.ms, "R": u.ohm, "a": u.siemens, "b": u.mA}
    parameters = {
        name.replace("v_", "V_"): value * units.get(name, u.mV) for name, value in p.items()
    }
    neurons = brainpy.state.AdExIF(n, **parameters, spk_reset="hard")
    current = jnp.linspace(*spec["current"], n) * u.mA
    dt = spec["dt"] * u.ms

    @brainstate.transform.jit
    def simulate():
        neurons.V.value = jnp.full(n, p["v_rest"]) * u.mV
        neurons.w.value = jnp.zeros(n) * u.mA
        counts = brainstate.ShortTermState(jnp.zeros(n))

        def step(i):
            with brainstate.environ.context(i=i, t=i * dt):
                counts.value += neurons(current)

        brainstate.transform.for_loop(step, jnp.arange(spec["steps"]))
        return counts.value

    def run():
        with brainstate.environ.context(dt=dt):
            return spike_counts(np.asarray(jax.block_until_ready(simulate())))

    brainstate.nn.init_all_states(neurons)
    return run


if __name__ == "__main__":
    contend(prepare, packages=("brainpy", "brainstate", "jax"))
