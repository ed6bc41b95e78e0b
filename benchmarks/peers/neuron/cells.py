"""The workload of cells in NEURON: fixed step, rates from tables."""

import math
import time

import numpy as np
from neuron import h

from benchmarks.measure import contend
from benchmarks.swc import path_of, spikes_of


def build(spec):
    h.load_file("stdrun.hoc")
    h.load_file("import3d.hoc")
    reader = h.Import3d_SWC_read()
    reader.input(path_of(spec))
    h.Import3d_GUI(reader, 0).instantiate(None)
    for section in h.allsec():
        section.nseg = max(1, math.ceil(section.L / spec["max_length"]))
        section.Ra, section.cm = 100, 1
        section.insert("hh")
    soma = next(section for section in h.allsec() if "soma" in section.name())
    clamp = h.IClamp(soma(0.5))
    clamp.delay, clamp.dur, clamp.amp = 10, 80, spec["amplitude"]
    return clamp, h.Vector().record(soma(0.5)._ref_v)


def prepare(spec):
    built = []
    h.celsius = 6.3

    def run():
        if not built:
            begin = time.process_time()
            built.extend((*build(spec), time.process_time() - begin))
        h.dt, h.steps_per_ms = spec["dt"], 1 / spec["dt"]
        h.secondorder = 2
        h.finitialize(-65)
        h.continuerun(spec["duration"])
        count = sum(section.nseg for section in h.allsec())
        v = np.asarray(built[1])
        return {"spikes": spikes_of(v), "compartments": count, "construction": built[2]}

    return run


if __name__ == "__main__":
    contend(prepare, packages=("neuron",))
