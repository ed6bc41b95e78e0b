"""Build adex.cpp with the system's compiler and run it in this process."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.measure import cannot_run, contend, spike_counts

SOURCE = Path(__file__).with_name("adex.cpp")
LIBRARY = Path(__file__).parent / ".build" / "adex.so"
FLAGS = ["-std=c++17", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]


def build() -> ctypes.CDLL:
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        cannot_run("no C++ compiler found; set CXX to one")
    LIBRARY.parent.mkdir(exist_ok=True)
    subprocess.run([compiler, *FLAGS, SOURCE, "-o", LIBRARY], check=True)
    return ctypes.CDLL(str(LIBRARY))


def prepare(spec):
    p = spec["parameters"]
    names = ("tau", "R", "v_rest", "v_th", "v_reset", "v_T", "delta_T", "tau_w", "a", "b")
    parameters = np.array([p[name] for name in names], np.float32)
    n, steps = spec["n"], spec["steps"]
    current = np.linspace(*spec["current"], n, dtype=np.float32)

    simulate = getattr(build(), "adex_" + spec["stepper"])

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
