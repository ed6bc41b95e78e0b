"""The input and the weights of the chip workload: the same numbers for every contender."""

import numpy as np


def arrays(spec):
    """Weighted input (time, batch, n) and recurrent weights (n, n), float32."""
    n, rng = spec["n"], np.random.default_rng(0)
    x = rng.uniform(size=(spec["steps"], spec["batch"], n)) < spec["rate"]
    weight = rng.normal(0, spec["gain"] / np.sqrt(n), (n, n))
    return x.astype(np.float32), weight.astype(np.float32)


def work(spec, spikes, gradient=None):
    """What was computed: spikes a neuron-step, and whether there is a gradient."""
    done = {"spikes per step": float(spikes) / (spec["steps"] * spec["batch"] * spec["n"])}
    if gradient is not None:
        done["norm of gradient"] = float(np.linalg.norm(np.asarray(gradient, np.float64)))
    return done
