"""A training process that is killed goes on to the same bits."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import rheobase as rb
from rheobase.train import read_notes

SCRIPT = """
import sys
import numpy as np, optax, rheobase as rb
from rheobase.units import Hz, ms, nA

x = np.random.default_rng(0).uniform(size=(192, 4))
layer = rb.Recurrent(rb.WhiteNoise(rb.LIF(), 1 * nA * ms**0.5), 24)
model = rb.Sequential(rb.Linear(4, 24), layer, rb.Linear(24, 2), rb.LI())
result = rb.fit(
    model, (x, (x[:, 0] > x[:, 1]).astype(int)), epochs=40, batch_size=16, progress=False,
    encoder=rb.encoders.Poisson(30 * ms, rate=300 * Hz), validation=(x[:50], np.zeros(50, int)),
    optimizer=optax.adam(2e-3), checkpoint=sys.argv[1] or None,
)
rb.train.save(sys.argv[2], result.model, result.history._asdict())
"""
LONGEST = 240.0


def start(*arguments):
    source = Path(rb.__file__).parent.parent
    environment = os.environ | {"PYTHONPATH": str(source)}
    return subprocess.Popen([sys.executable, "-c", SCRIPT, *map(str, arguments)], env=environment)


def epochs(path):
    return len(read_notes(path)["history"]["train_loss"]) if path.exists() else 0


@pytest.mark.slow
def test_a_killed_training_run_goes_on_to_the_same_bits(tmp_path):
    path, kills, random = tmp_path / "run", 0, np.random.default_rng(0)
    for _ in range(3):
        process, before, begun = start(path, tmp_path / "resumed"), epochs(path), time.monotonic()
        while epochs(path) < before + 2 and process.poll() is None:
            assert time.monotonic() - begun < LONGEST
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.1))  # in the middle of a step, or of a file
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills and not (tmp_path / "resumed").exists()
    assert start(path, tmp_path / "resumed").wait(LONGEST) == 0
    assert start("", tmp_path / "whole").wait(LONGEST) == 0
    whole, resumed = (tmp_path / name for name in ("whole", "resumed"))
    assert whole.read_bytes() == resumed.read_bytes()
    assert len(read_notes(whole)["train_loss"]) == 40
