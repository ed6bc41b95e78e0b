"""Run DynapSim of Rockpool on cases: `python rockpool_dynapsim.py cases.json currents.npz out.npz`.

A case holds parameters in amperes and farads, and arrays: input (time, batch, n), and recurrent
weights (n, n) or nothing. Float32, as DynapSim runs.
"""

import json
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")

from rockpool.devices.dynapse import DynapSim  # noqa: E402


def simulate(case, x, w_rec):
    """Counts (time, batch, n) and Imem (A) after the reset."""
    n = x.shape[-1]
    parameters = {name: np.full(n, v, np.float32) for name, v in case["parameters"].items()}
    for name, values in case.get("each", {}).items():
        parameters[name] = np.asarray(values, np.float32)
    recurrent = {} if w_rec is None else {"has_rec": True, "w_rec": np.asarray(w_rec, np.float32)}
    module = DynapSim((n, n), **parameters, **recurrent, dt=case["dt"])
    out, _, records = module(np.moveaxis(x, 0, 1).astype(np.float32), record=True)
    return np.moveaxis(np.asarray(out), 0, 1), np.moveaxis(np.asarray(records["imem"]), 0, 1)


def main(cases, arrays, out):
    results = {}
    with np.load(arrays) as given, open(cases) as file:
        for name, case in json.load(file).items():
            w_rec = given[f"{name}.w"] if f"{name}.w" in given else None
            counts, imem = simulate(case, given[f"{name}.x"], w_rec)
            results[f"{name}.spikes"], results[f"{name}.v"] = counts, imem
    np.savez(out, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
