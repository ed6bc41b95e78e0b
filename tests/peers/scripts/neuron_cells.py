"""Voltages of small cells in NEURON with Hodgkin-Huxley channels, at a step where they stand."""

import json
import sys

import numpy as np
from neuron import h


def build(case):
    sections = []
    for one in case["sections"]:
        section = h.Section()
        section.L, section.nseg = one["length"], one["n"]
        section.diam = 2 * one["radius"]
        section.Ra, section.cm = 100, 1
        section.insert("hh")
        if one["parent"] >= 0:
            section.connect(sections[one["parent"]](1), 0)
        sections.append(section)
    return sections


def run(case):
    sections = build(case)
    h.load_file("stdrun.hoc")
    h.usetable_hh = 0
    clamp = h.IClamp(sections[0](0.5))
    clamp.delay, clamp.dur, clamp.amp = 1, 1e9, case["amplitude"]
    traces = [h.Vector().record(sections[i](at)._ref_v) for i, at in case["places"]]
    h.celsius, h.secondorder = 6.3, 2
    h.dt, h.steps_per_ms = case["dt"], 1 / case["dt"]
    h.finitialize(-65)
    h.continuerun(case["duration"])
    every = round(0.025 / case["dt"])
    return np.stack([np.asarray(v)[every::every] for v in traces], axis=1)


if __name__ == "__main__":
    cases = json.loads(open(sys.argv[1]).read())
    np.savez(sys.argv[2], **{name: run(case) for name, case in cases.items()})
