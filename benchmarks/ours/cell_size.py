"""A cell of any number of compartments in rheobase: a soma and a dendrite that forks five times."""

import time

import numpy as np

import rheobase as rb
from benchmarks.measure import contend
from benchmarks.swc import spikes_of
from rheobase import channels as ch
from rheobase.units import ms, mV, nA, um

FORKS = 5


def tree():
    soma = rb.morphology.Section(length=20 * um, radius=10 * um, region="soma")
    sections, ends = [soma], [soma]
    for level in range(FORKS + 1):
        shape = {"length": 100 * um, "radius": (2.0 - 0.3 * level) * um, "region": "dendrite"}
        branches = 1 if level == 0 else 2
        ends = [rb.morphology.Section(**shape, parent=end) for end in ends for _ in range(branches)]
        sections += ends
    return rb.morphology.Tree(sections)


def prepare(spec):
    built = []

    def run():
        if not built:
            begin = time.process_time()
            whole = tree()
            each = max(1, round(spec["compartments"] / len(whole)))
            cell = rb.Cell(whole, n=each, v_init=-65 * mV).insert(ch.HH())
            built.extend((cell, time.process_time() - begin))
        cell, seconds = built
        soma = cell.at("soma")
        v = rb.simulate(
            cell,
            duration=spec["steps"] * spec["dt"] * ms,
            dt=spec["dt"] * ms,
            current={soma: rb.stimulus.Step(2 * nA, start=1 * ms)},
            record={"v": [soma]},
        ).v
        return {
            "spikes": spikes_of(np.asarray(v)[:, 0]),
            "compartments": int(cell.compartments.membrane.sum()),
            "construction": seconds,
        }

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox"))
