"""`rheobase simulate` under a recording: which of its channels and sweeps are taken."""

import numpy as np
import pytest

import rheobase as rb
from rheobase.fitting.judge import free_run
from tests.unit.io.abf import Command, Epoch, write

pytest.importorskip("neo")

LEVELS = {"Cmd 0": -100.0, "Cmd 1": 40.0}
"""pA of the two headstages."""


@pytest.fixture
def words(tmp_path):
    """Of a command for a recording of two electrodes."""
    model, file = tmp_path / "cell.rheobase", tmp_path / "two.abf"
    rb.save(model, rb.LIF())
    data = -65 + np.random.default_rng(0).normal(size=(3, 2000, 2))
    outputs = [
        Command(name=name, epochs=[Epoch(1, level, 0, 2000)]) for name, level in LEVELS.items()
    ]
    write(file, [("IN 0", "mV"), ("IN 1", "mV")], data, outputs)
    out = str(tmp_path / "out")
    return ["simulate", str(model), "--recording", str(file), "--out", out, "--dt", "0.1ms"]


@pytest.mark.parametrize(
    "chosen, named, levels",
    [
        (["--voltage", "IN 0"], {"voltage": "IN 0"}, [-100, -100, -100]),
        (["--voltage", "IN 1", "--sweeps", "0,2"], {"voltage": "IN 1", "sweeps": [0, 2]}, [40, 40]),
        (["--voltage", "IN 1", "--sweeps", "1:"], {"voltage": "IN 1", "sweeps": [1, 2]}, [40, 40]),
        (
            ["--voltage", "IN 1", "--current", "Cmd 0", "--sweeps", "1"],
            {"voltage": "IN 1", "current": "Cmd 0", "sweeps": 1},
            [-100],
        ),
    ],
)
def test_the_chosen_currents_are_injected(rheobase, words, chosen, named, levels):
    result = rheobase(*words, *chosen)
    assert result.code == 0, result.err
    sweeps = rb.io.read_recording(words[3], **named).sweeps
    np.testing.assert_allclose([1e3 * s.i[1000] for s in sweeps], levels, rtol=1e-6)
    v = np.load(f"{words[5]}/voltage.npz")["v"]
    np.testing.assert_array_equal(v, free_run(rb.LIF(), sweeps, 0.1).v)


@pytest.mark.parametrize(
    "chosen, said",
    [
        (["--voltage", "IN1"], "Did you mean 'IN 1'"),
        (["--voltage", "IN 0", "--sweeps", "3"], "--sweeps names sweep 3"),
        (["--voltage", "IN 0", "--sweeps", "x"], "Write --sweeps 0,2,5-8"),
    ],
)
def test_what_is_not_in_the_recording_is_refused(rheobase, words, chosen, said):
    result = rheobase(*words, *chosen)
    assert result.code == 2 and said in result.err


@pytest.mark.parametrize("name", ["voltage", "electrode", "sweeps"])
def test_without_a_recording_nothing_is_chosen_from_it(rheobase, words, name):
    result = rheobase(*words[:2], f"--{name}", "0")
    assert result.code == 2 and f"--{name} chooses from a recording" in result.err
