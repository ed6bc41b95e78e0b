"""The mode `compatible` gives the spikes of Rockpool's DynapSim, in float32."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks.environments import EnvironmentMissing, python_of
from rheobase.devices import dynapse2 as d2
from rheobase.units import A, s
from tests.peers.dynapse import CASES, N

pytestmark = pytest.mark.peers

SCRIPT = Path(__file__).parent / "scripts" / "rockpool_dynapsim.py"
OURS = {"Igain_syn": "Igain_ampa", "Itau_syn": "Itau_ampa"}


@pytest.fixture(scope="module")
def rockpool(tmp_path_factory):
    """Counts and Imem (A) by case."""
    try:
        python = python_of("rockpool")
    except EnvironmentMissing as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("rockpool")
    described, arrays, out = folder / "cases.json", folder / "arrays.npz", folder / "out.npz"
    described.write_text(json.dumps({case.name: case.for_peer() for case in CASES}))
    given = {f"{case.name}.x": case.x for case in CASES}
    given |= {f"{case.name}.w": case.w for case in CASES if case.w is not None}
    np.savez(arrays, **given)
    command = [python, SCRIPT, described, arrays, out]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        pytest.fail(f"{SCRIPT.name} failed:\n{process.stderr[-2000:]}")
    with np.load(out) as found:
        return {
            case.name: (found[f"{case.name}.spikes"], found[f"{case.name}.v"]) for case in CASES
        }


def network(case):
    currents = {OURS.get(name, name): value * A for name, value in case.each.items()}
    return d2.Network(
        n_out=N,
        neuron=d2.Neuron(**currents, mode="compatible"),
        inputs=d2.Projection(np.eye(N, dtype=np.float32)),
        synapses=None if case.w is None else d2.Projection(case.w),
        dt=case.dt * s,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_spikes_are_those_of_the_peer(case, rockpool):
    counts, imem = rockpool[case.name]
    run = network(case).run(case.x, record=("Imem",))
    assert counts.sum() > 50
    np.testing.assert_array_equal(run.spikes, counts)
    quiet = counts == 0
    np.testing.assert_allclose(1e-9 * np.asarray(run.traces["Imem"])[quiet], imem[quiet], rtol=2e-3)


def test_some_case_counts_several_spikes_in_a_step(rockpool):
    assert rockpool["several spikes a step"][0].max() > 1
