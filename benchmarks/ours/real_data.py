"""A training command of rheobase from beginning to end, and how often its model errs."""

import contextlib
import importlib.util
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import cannot_run, contend, data
from rheobase import demo
from rheobase.tasks import TASKS, train

FOLDERS = {"spoken-digits": "fsdd", "nmnist": "nmnist"}


def digits(out, epochs):
    found = demo.run(out, epochs=epochs)
    return {
        "error": 1 - found["test_accuracy"], "samples": found["test_images"],
        "spikes": found["spikes_per_image"],
    }  # fmt: skip


def trained(name, folder, out, epochs):
    found, _, _ = train(TASKS[name](), folder, out, epochs=epochs, progress=False)
    return {
        "error": 1 - found["validation_accuracy"], "samples": found["validation_samples"],
        "spikes": found["spikes_per_inference"],
    }  # fmt: skip


def prepare(spec):
    name = spec["task"]
    samples = data(FOLDERS[name]) if name in FOLDERS else None
    if samples is None and importlib.util.find_spec("sklearn") is None:
        cannot_run("scikit-learn, which has the digits, is not installed")

    def run():
        # What the commands print is for people; the last line here is the report.
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
            out = Path(folder)
            if name == "demo":
                return digits(out, spec["epochs"])
            return trained(name, samples, out, spec["epochs"])

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox", "optax"))
