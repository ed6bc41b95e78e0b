"""Run AdEx cases in ngc-learn, float64: `python ngclearn_adex.py cases.json currents.npz out.npz`.

Parameters have our names and are in ms, mV, MOhm, uS, nA: the consistent reading of its units.
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)

from ngclearn import Context, MethodProcess  # noqa: E402
from ngclearn.components import AdExCell  # noqa: E402

NAMES = {
    "tau": "tau_m", "R": "resist_m", "tau_w": "tau_w", "delta_T": "v_sharpness",
    "v_T": "intrinsic_mem_thr", "v_th": "thr", "v_rest": "v_rest", "v_reset": "v_reset",
    "a": "a", "b": "b",
}  # fmt: skip


def simulate(name, case, current):
    """Spikes (time, n) of 0 and 1, and the voltage (time, n) after the reset."""
    steps, n = current.shape
    parameters = {
        NAMES[key]: np.asarray(value)[None, :] for key, value in case["parameters"].items()
    }
    with Context(name):
        cell = AdExCell("cell", n, **parameters, v0=np.asarray(case["start"]["V"])[None, :])
        advance = MethodProcess("advance") >> cell.advance_state
        reset = MethodProcess("reset") >> cell.reset
    reset.run()
    spikes, v = np.empty((steps, n)), np.empty((steps, n))
    for i, now in enumerate(jnp.asarray(current)):
        cell.j.set(now[None, :])
        advance.run(t=i * case["dt"], dt=case["dt"])
        spikes[i], v[i] = cell.s.get()[0], cell.v.get()[0]
    return spikes, v


def main(cases, currents, out):
    results = {}
    with np.load(currents) as current, open(cases) as file:
        for name, case in json.load(file).items():
            results[name + ".spikes"], results[name + ".v"] = simulate(name, case, current[name])
    np.savez(out, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
