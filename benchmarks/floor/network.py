"""The network workloads by the hand-written loops of network.cpp, in this process."""

import ctypes

import numpy as np

from benchmarks.floor.build import build
from benchmarks.measure import contend
from benchmarks.wiring import excitatory, gates, rows, spike_work, wiring

LIF = "tau v_rest v_th v_reset refractory tau_e tau_i w_e w_i E_e E_i"
TRAUB_MILES = "C g_Na g_K g_L v_Na v_K v_L v_T v_th tau_e tau_i w_e w_i E_e E_i m h n"
FIELDS = {
    "cuba": LIF,
    "coba": LIF,
    "cobahh": TRAUB_MILES,
    "brunel": "tau v_rest v_th v_reset refractory delay J g mean",
}
ROOM = 200  # spikes a neuron and second


class Run(ctypes.Structure):
    """As in network.cpp."""

    _fields_ = [
        ("dt", ctypes.c_float),
        *((name, ctypes.c_int32) for name in ("n", "excitatory", "steps", "room")),
        *((name, ctypes.c_void_p) for name in ("start", "target", "v", "step", "neuron")),
    ]


def parameters(spec):
    p = {"E_e": 0.0, "E_i": 0.0} | spec["parameters"]
    if spec["network"] == "coba":
        p |= {"w_e": p["w_e"] / p["g_L"], "w_i": p["w_i"] / p["g_L"]}
    if spec["network"] == "cobahh":
        p |= gates(p["v_L"], p["v_T"])
    if spec["network"] == "brunel":
        p["mean"] = p["eta"] * p["v_th"] / (p["J"] * p["tau"]) * spec["dt"]
    return np.array([p[name] for name in FIELDS[spec["network"]].split()], np.float32)


def prepare(spec):
    shared, values = wiring(spec), parameters(spec)
    n, steps = spec["n"], spec["steps"]
    start, target, v = rows(shared), shared.post, shared.v.astype(np.float32)
    simulate = getattr(build("network"), spec["network"])
    room = int(ROOM * n * steps * spec["dt"] / 1000)

    def run():
        step, neuron = np.empty(room, np.int32), np.empty(room, np.int32)
        arrays = [one.ctypes.data for one in (start, target, v, step, neuron)]
        one = Run(spec["dt"], n, excitatory(spec), steps, room, *arrays)
        spikes = simulate(ctypes.byref(one), values.ctypes.data_as(ctypes.c_void_p))
        return spike_work(step[:spikes], spec)

    return run


if __name__ == "__main__":
    contend(prepare, packages=())
