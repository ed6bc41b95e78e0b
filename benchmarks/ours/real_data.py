"""A training command of rheobase from beginning to end, and how often its model errs."""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import cannot_run, contend
from rheobase import demo
from rheobase.tasks import TASKS, train

FOLDERS = {"spoken-digits": "fsdd", "nmnist": "nmnist"}


def digits(out, epochs):
    found = demo.run(out, epochs=epochs)
    return {
        "error": 1 - found["test_accuracy"], "samples": found["test_images"],
        "spikes": found["spikes_per_image"],
    }  # fmt: skip


def trained(name, out, epochs):
    data = Path(os.environ["RHEOBASE_DATA"]) / FOLDERS[name]
    found, _, _ = train(TASKS[name](), data, out, epochs=epochs, progress=False)
    return {
        "error": 1 - found["validation_accuracy"], "samples": found["validation_samples"],
        "spikes": found["spikes_per_inference"],
    }  # fmt: skip


def prepare(spec):
    name = spec["task"]
    if name in FOLDERS and "RHEOBASE_DATA" not in os.environ:
        cannot_run("RHEOBASE_DATA is not set: the folder with the recordings")

    def run():
        # What the commands print is for people; the last line here is the report.
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
            out = Path(folder)
            if name == "demo":
                return digits(out, spec["epochs"])
            return trained(name, out, spec["epochs"])

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jax", "equinox", "optax"))
