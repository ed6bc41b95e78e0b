"""Cells of Hodgkin-Huxley membrane against NEURON at a fortieth of the step."""

import json
import subprocess

import numpy as np
import pytest

import rheobase as rb
from benchmarks.environments import EnvironmentMissing, python_of
from rheobase import channels as ch
from rheobase.units import ms, nA, um
from tests.peers.conftest import SCRIPTS

pytestmark = pytest.mark.peers


def section(length, radius, n, parent=-1):
    return {"length": length, "radius": radius, "n": n, "parent": parent}


CASES = {
    "ball and stick": {
        "sections": [section(20, 10, 1), section(500, 1, 25, 0)],
        "places": [(0, 0.5), (1, 0.98)],
        "amplitude": 1.0,
    },
    "branched": {
        "sections": [
            section(20, 10, 1), section(200, 1.5, 11, 0), section(150, 0.7, 9, 1),
            section(250, 0.5, 15, 1),
        ],
        "places": [(0, 0.5), (2, 0.95), (3, 0.95)],
        "amplitude": 1.0,
    },
}  # fmt: skip
FINE = {"dt": 0.025 / 40, "duration": 50.0}
COARSE = FINE | {"dt": 0.025}


@pytest.fixture(scope="module")
def neuron(tmp_path_factory):
    folder = tmp_path_factory.mktemp("neuron")
    try:
        python = python_of("neuron")
    except EnvironmentMissing as missing:
        pytest.skip(str(missing))
    cases, out = folder / "cases.json", folder / "out.npz"
    wanted = {name: case | FINE for name, case in CASES.items()}
    wanted |= {f"{name}, coarse": case | COARSE for name, case in CASES.items()}
    cases.write_text(json.dumps(wanted))
    command = [python, SCRIPTS / "neuron_cells.py", cases, out]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        pytest.fail(f"neuron_cells.py failed:\n{process.stderr[-2000:]}")
    with np.load(out) as results:
        return dict(results)


def rises(v):
    """Times (ms) at which a voltage, one sample in 0.025 ms, passes 0 mV, between samples."""
    k = np.flatnonzero((v[1:] >= 0) & (v[:-1] < 0))
    return 0.025 * (k + 1 + -v[k] / (v[k + 1] - v[k]))


def simulated(case, dt):
    """Our voltages at the samples of the peer."""
    sections = []
    for one in case["sections"]:
        parent = None if one["parent"] < 0 else sections[one["parent"]]
        shape = {"length": one["length"] * um, "radius": one["radius"] * um}
        region = "soma" if parent is None else "dendrite"
        sections.append(rb.morphology.Section(**shape, region=region, parent=parent))
    counts = [one["n"] for one in case["sections"]]
    cell = rb.Cell(rb.morphology.Tree(sections), n=counts).insert(ch.HH())
    places = [cell.at(section=i, at=at) for i, at in case["places"]]
    step = rb.stimulus.Step(case["amplitude"] * nA, start=1 * ms)
    record = rb.simulate(cell, current={places[0]: step}, duration=50 * ms, dt=dt * ms,
                         record={"v": places})  # fmt: skip
    every = round(0.025 / dt)
    return np.asarray(record.v, float)[every - 1 :: every]


def apart(v, theirs):
    """Root of the mean square (mV) and the largest distance between spikes (ms), over places."""
    v = v[: len(theirs)]
    pairs = [(rises(a), rises(b)) for a, b in zip(v.T, theirs.T, strict=True)]
    assert all(len(a) == len(b) >= 2 for a, b in pairs)
    late = max(np.abs(a - b).max() for a, b in pairs)
    return np.sqrt(np.mean((v - theirs) ** 2, axis=0)).max(), late


@pytest.mark.parametrize("name", CASES)
def test_voltages_and_spikes_are_those_of_a_converged_run(name, neuron):
    """Errors fall by four with half the step, so that both converge to the same.

    What is left at 0.025 ms is of the method, not of us: NEURON's own Crank-Nicolson at that step
    is as far from its converged run, and its voltages there are ours.
    """
    coarse, late = apart(simulated(CASES[name], 0.025), neuron[name])
    fine, _ = apart(simulated(CASES[name], 0.0125), neuron[name])
    assert late < 0.03
    assert coarse < 0.4 and fine < 0.1
    assert 3.5 < coarse / fine < 4.5
    theirs, _ = apart(neuron[f"{name}, coarse"][: len(neuron[name])], neuron[name])
    assert coarse == pytest.approx(theirs, rel=1e-2)
    assert apart(simulated(CASES[name], 0.025), neuron[f"{name}, coarse"])[0] < 1e-3
