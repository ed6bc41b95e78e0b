"""The input and the weights of the dense workload: the same numbers for every contender."""

import numpy as np


def arrays(spec):
    """Input (time, batch, n), weights (n out, n in) and bias (n,), float32.

    Weights are scaled for a membrane v <- decay v + W x + b with threshold 1.
    """
    n = spec["n"]
    random = np.random.default_rng(0)
    x = random.standard_normal((spec["steps"], spec["batch"], n), np.float32)
    bound = spec["gain"] / np.sqrt(n)
    weight = random.uniform(-bound, bound, (n, n)).astype(np.float32)
    bias = random.uniform(-bound, bound, n).astype(np.float32)
    return x, weight, bias


def work(spec, loss, gradient):
    """What was computed: spikes a neuron-step, and the gradient's size to see that there is one."""
    neuron_steps = spec["steps"] * spec["batch"] * spec["n"]
    norm = float(np.linalg.norm(np.asarray(gradient, np.float64)))
    return {"spikes per step": float(loss) / neuron_steps, "norm of gradient": norm}
