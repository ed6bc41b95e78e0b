"""Results of the other simulators, one process each; a test without its simulator is skipped."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks.environments import EnvironmentMissing, python_of
from tests.peers.cases import BRAINPY_COUPLED, BRAINPY_STEP_FOR_STEP, NGCLEARN

SCRIPTS = Path(__file__).parent / "scripts"


def run(peer, script, cases, folder):
    """Spikes and voltages by case, from a script in the environment of its simulator."""
    try:
        python = python_of(peer)
    except EnvironmentMissing as missing:
        pytest.skip(str(missing))
    described, currents, out = folder / "cases.json", folder / "currents.npz", folder / "out.npz"
    described.write_text(json.dumps({case.name: case.for_peer() for case in cases}))
    np.savez(currents, **{case.name: case.current for case in cases})
    command = [python, SCRIPTS / script, described, currents, out]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        pytest.fail(f"{script} failed:\n{process.stderr[-2000:]}")
    with np.load(out) as results:
        return {
            case.name: (results[f"{case.name}.spikes"], results[f"{case.name}.v"]) for case in cases
        }


@pytest.fixture(scope="session")
def brainpy(tmp_path_factory):
    cases = BRAINPY_STEP_FOR_STEP + BRAINPY_COUPLED
    return run("brainpy", "brainpy_neurons.py", cases, tmp_path_factory.mktemp("brainpy"))


@pytest.fixture(scope="session")
def ngclearn(tmp_path_factory):
    return run("ngclearn", "ngclearn_adex.py", NGCLEARN, tmp_path_factory.mktemp("ngclearn"))
