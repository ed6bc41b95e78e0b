"""A fit of a recording from beginning to end, and how well its model does on held-out sweeps."""

import tempfile

import rheobase as rb
from benchmarks.measure import contend, data


def prepare(spec):
    path = data("patch_clamp", f"{spec['file']}.abf")

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
