"""The workload of cells in Arbor."""

import time

import arbor as A
import numpy as np
from arbor import units as U

from benchmarks.measure import contend
from benchmarks.swc import path_of, spikes_of


def build(spec):
    shape = A.load_swc_neuron(path_of(spec)).morphology
    decor = A.decor()
    decor.set_property(
        Vm=-65 * U.mV, cm=0.01 * U.F / U.m2, rL=100 * U.Ohm * U.cm, tempK=279.45 * U.Kelvin
    )
    decor.paint("(all)", A.density("hh"))
    clamp = A.i_clamp(10 * U.ms, 80 * U.ms, spec["amplitude"] * U.nA)
    decor.place("(location 0 0.5)", clamp)
    policy = A.cv_policy_max_extent(spec["max_length"] * U.um)
    cell = A.cable_cell(shape, decor, A.label_dict(), policy)
    model = A.single_cell_model(cell)
    model.probe("voltage", "(location 0 0.5)", tag="v", frequency=1 / spec["dt"] * U.kHz)
    # Where branches meet, Arbor has volumes of no length; no one else counts branch points.
    volumes = A.cv_data(cell)
    count = sum(
        any(part.dist > part.prox for part in volumes.cables(i)) for i in range(volumes.num_cv)
    )
    return model, count


def prepare(spec):
    def run():
        begin = time.process_time()
        model, count = build(spec)
        built = time.process_time() - begin
        begin = time.process_time()
        model.run(tfinal=spec["duration"] * U.ms, dt=spec["dt"] * U.ms)
        taken = time.process_time() - begin
        v = np.asarray(model.traces[0].value)
        return {
            "spikes": spikes_of(v),
            "compartments": int(count),
            "construction": built,
            "seconds": taken,
        }

    return run


if __name__ == "__main__":
    contend(prepare, packages=("arbor",))
