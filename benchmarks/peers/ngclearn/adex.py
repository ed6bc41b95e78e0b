"""The AdEx workload in ngc-learn: the scan of a compiled process, under jit."""

import jax
import jax.numpy as jnp
import numpy as np
from ngclearn import Context, MethodProcess
from ngclearn.components import AdExCell
from ngcsimlib.global_state import stateManager

from benchmarks.measure import contend, spike_counts

STEPS_A_SCAN = 1000
"""A process returns what it watches of every step: 40 MB of spikes a thousand steps."""


def prepare(spec):
    p, n, dt = spec["parameters"], spec["n"], spec["dt"]
    with Context("benchmark"):
        cell = AdExCell(
            "cell",
            n_units=n,
            tau_m=p["tau"],
            resist_m=p["R"],
            tau_w=p["tau_w"],
            v_sharpness=p["delta_T"],
            intrinsic_mem_thr=p["v_T"],
            thr=p["v_th"],
            v_rest=p["v_rest"],
            v_reset=p["v_reset"],
            a=p["a"],
            b=p["b"],
            v0=p["v_rest"],
            w0=0.0,
        )
        advance = MethodProcess("advance") >> cell.advance_state
        reset = MethodProcess("reset") >> cell.reset
        advance.watch(cell.s)
    current = jnp.linspace(*spec["current"], n)[None, :]
    steps = advance.pack_rows(spec["steps"], t=lambda step: step * dt, dt=dt)
    rows = jnp.split(jnp.asarray(steps), max(1, spec["steps"] // STEPS_A_SCAN))

    @jax.jit
    def simulate(state, rows):
        state, (spikes,) = advance.scan(rows, state, store_state=False, store_results=False)
        return state, spikes.sum(axis=(0, 1))

    def run():
        reset.run()
        cell.j.set(current)
        state, counts = stateManager.state, 0
        for some in rows:
            state, spikes = simulate(state, some)
            counts += spikes
        return spike_counts(np.asarray(counts))

    return run


if __name__ == "__main__":
    contend(prepare, packages=("ngclearn", "jax"))
