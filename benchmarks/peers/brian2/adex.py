"""The AdEx workload in Brian2: C++ standalone, compiled in the first call, then run again."""

import tempfile

import brian2 as b2
import numpy as np
from brian2 import Mohm, ms, mV, nA, usiemens

from benchmarks.measure import contend, spike_counts

EQUATIONS = """
dv/dt = (-(v - v_rest) + delta_T * exp((v - v_T) / delta_T) + R * (current - w)) / tau : volt
dw/dt = (a * (v - v_rest) - w) / tau_w : amp
current : amp (constant)
"""


def prepare(spec):
    b2.prefs.core.default_float_dtype = np.float32
    b2.set_device("cpp_standalone", build_on_run=False)
    b2.defaultclock.dt = spec["dt"] * ms

    units = {"tau": ms, "tau_w": ms, "R": Mohm, "a": usiemens, "b": nA}
    parameters = {name: value * units.get(name, mV) for name, value in spec["parameters"].items()}
    neurons = b2.NeuronGroup(
        spec["n"],
        EQUATIONS,
        method="euler",
        threshold="v >= v_th",
        reset="v = v_reset; w += b",
        namespace=parameters,
    )
    neurons.v = parameters["v_rest"]
    neurons.current = np.linspace(*spec["current"], spec["n"]) * nA
    monitor = b2.SpikeMonitor(neurons, record=False)
    network = b2.Network(neurons, monitor)
    network.run(spec["steps"] * spec["dt"] * ms)
    built = []

    def run():
        if not built:
            built.append(tempfile.TemporaryDirectory(prefix="brian2-adex-"))
            b2.device.build(directory=built[0].name, run=False)
        b2.device.run(with_output=False)
        return spike_counts(np.asarray(monitor.count))

    return run


if __name__ == "__main__":
    contend(prepare, packages=("Brian2",))
