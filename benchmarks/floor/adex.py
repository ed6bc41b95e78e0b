"""The AdEx workload by the hand-written loop of adex.cpp, in this process."""

import ctypes

import numpy as np

from benchmarks.floor.build import build
from benchmarks.measure import contend, spike_counts


def prepare(spec):
    p = spec["parameters"]
    names = ("tau", "R", "v_rest", "v_th", "v_reset", "v_T", "delta_T", "tau_w", "a", "b")
    parameters = np.array([p[name] for name in names], np.float32)
    n, steps = spec["n"], spec["steps"]
    current = np.linspace(*spec["current"], n, dtype=np.float32)

    simulate = getattr(build("adex"), "adex_" + spec["stepper"])

    def address(array):
        return array.ctypes.data_as(ctypes.c_void_p)

    def run():
        v = np.full(n, p["v_rest"], np.float32)
        w = np.zeros(n, np.float32)
        counts = np.zeros(n, np.int32)
        arrays = map(address, (current, v, w, counts))
        simulate(address(parameters), ctypes.c_float(spec["dt"]), n, steps, *arrays)
        return spike_counts(counts)

    return run


if __name__ == "__main__":
    contend(prepare, packages=())
