"""NEURON compiles the same .mod files and reads the same SWC file."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

import rheobase as rb
from benchmarks.environments import EnvironmentMissing, python_of
from rheobase.units import S, cm, mM, ms, mV, nA, um
from tests.unit.io import mechanisms

pytestmark = pytest.mark.peers
SCRIPT = Path(__file__).parent / "scripts" / "neuron_cell.py"
NAMES = ("SQUID", "SODIUM", "SLOW", "CALCIUM", "SHELL")

CELL = """1 1 0 0 0 6 -1
2 1 0 6 0 7 1
3 1 0 12 0 5 2
4 4 0 20 0 2 3
5 4 0 60 5 1.5 4
6 4 20 100 0 0.7 5
7 4 30 150 0 0.4 6
8 4 -20 100 0 0.8 5
9 4 -20 130 0 0.5 8
10 3 10 -10 0 1 1
11 3 40 -30 0 0.5 10
12 3 60 -90 0 0.3 11
"""
"""In the order that their reader wants, and without a soma that branches, where it differs."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mechanisms")
    for name in NAMES:
        (folder / f"{name.lower()}.mod").write_text(getattr(mechanisms, name))
    (folder / "cell.swc").write_text(CELL)
    return folder


@pytest.fixture(scope="module")
def neuron(folder):
    try:
        python = python_of("neuron")
    except EnvironmentMissing as missing:
        pytest.skip(str(missing))
    out = folder / "out.npz"
    command = [python, SCRIPT, folder, folder / "cell.swc", out]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        pytest.fail(f"NEURON failed:\n{process.stderr[-2000:]}")
    with np.load(out) as results:
        return dict(results)


def test_their_areas_and_lengths(neuron, folder):
    tree = rb.io.read_swc(folder / "cell.swc")
    assert len(neuron["area"]) == len(tree)
    np.testing.assert_allclose(np.sort(neuron["length"]), np.sort(tree.lengths), rtol=1e-5)
    np.testing.assert_allclose(np.sort(neuron["area"]), np.sort(tree.areas), rtol=1e-5)


def test_a_compartment_with_all_mechanisms(neuron, folder, x64):
    made = {name: rb.io.read_mod(folder / f"{name.lower()}.mod") for name in NAMES}
    cell = rb.Cell(
        rb.morphology.soma(radius=10 * um),
        solutions=rb.channels.Solutions(ca_outside=2 * mM, ca_inside=1e-4 * mM),
        v_init=-65 * mV,
    )
    for name, kind in made.items():
        cell = cell.insert(kind(gbar=0.001 * S / cm**2) if name == "SODIUM" else kind())
    soma = cell.at("soma")
    run = rb.simulate(
        cell,
        current={soma: rb.stimulus.Step(0.3 * nA, start=5 * ms, stop=25 * ms)},
        duration=30 * ms,
        dt=0.005 * ms,
        record={"v": soma, "cashell.cai": soma},
    )
    v, theirs = np.asarray(run.v)[:, 0], neuron["v"]
    assert theirs.max() > 20, "there are spikes to compare"
    rms = np.sqrt(np.mean((v - theirs) ** 2))
    spikes = [np.flatnonzero((x[1:] >= 0) & (x[:-1] < 0)) * 0.005 for x in (v, theirs)]
    assert rms < 0.1, (rms, np.abs(v - theirs).max())
    np.testing.assert_allclose(*spikes, atol=0.03)
    np.testing.assert_allclose(run["cashell.cai"][:, 0], neuron["ca"], rtol=2e-2)
