"""A fit of a recording from beginning to end, and how well its model does on held-out sweeps."""

import os
import tempfile
from pathlib import Path

import rheobase as rb
from benchmarks.measure import cannot_run, contend


def prepare(spec):
    folder = Path(os.environ.get("RHEOBASE_DATA", ".")) / "patch_clamp"
    path = folder / f"{spec['file']}.abf"
    if not path.exists():
        cannot_run("RHEOBASE_DATA is not set: the folder with the recordings")

    def run():
        recording = rb.io.read_recording(path)
        fit = rb.fit_recording(recording, rb.AdEx(), steps=spec["steps"], progress=False)
        with tempfile.TemporaryDirectory() as out:
            fit.report(out)
        found = fit.test
        return {
            "spikes off": found.spike_count_error,
            "part of the count": found.spike_count_error_relative,
            "ms late": found.latency_error_ms,
            "mV off": found.subthreshold_rms_mv,
            "1 - R²": 1 - found.fi_r2,
            "gamma, 4 ms": found.gamma_4ms,
        }

    return run


if __name__ == "__main__":
    contend(prepare, packages=("jax", "scipy"))
