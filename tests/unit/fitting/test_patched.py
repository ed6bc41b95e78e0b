"""Fits of cells with an electrode at the soma."""

import numpy as np
import pytest

import rheobase as rb
from rheobase import channels
from rheobase.errors import ArgumentError
from rheobase.stimulus import FromArray
from rheobase.units import S, cm, kHz, ms, mV, nA

TRUE = {"g_Na": 0.1, "g_K": 0.03, "g_L": 4e-4}


def cell(**conductances):
    values = {name: value * S / cm**2 for name, value in conductances.items()}
    return rb.Cell(rb.morphology.soma()).insert(channels.HH(**values))


def recorded(truth, steps=10_000):
    amplitudes = np.array([-0.05, -0.02, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3])
    current = np.zeros((steps, len(amplitudes)))
    current[steps // 5 : 4 * steps // 5] = amplitudes
    soma = truth.at("soma")
    run = rb.simulate(
        truth, current={soma: FromArray(current * nA)}, duration=steps * 0.05 * ms, dt=0.05 * ms,
        n=len(amplitudes), record={"v": soma},
    )  # fmt: skip
    v = np.asarray(run["v"], float)[..., 0]
    return rb.io.recording_of(v.T * mV, current.T * nA, rate=20 * kHz)


@pytest.mark.slow
def test_a_known_cell_is_found_again():
    fit = rb.fit_recording(recorded(cell(**TRUE)), cell(), progress=False)
    for name, value in TRUE.items():
        unit = (1 * S / cm**2).value_in(fit.parameters[name].unit)
        assert abs(fit.parameters[name].value / (value * unit) - 1) < 0.05
        assert fit.parameters[name].uncertainty > 0
    assert abs(fit.parameters["e_L"].value + 54.3) < 2
    assert fit.test.spike_count_error == 0 and fit.test.latency_error_ms < 0.5
    assert fit.test.subthreshold_rms_mv < 0.5


def test_what_is_fitted_is_saved_and_judged(tmp_path):
    rec = recorded(cell(**TRUE), 4000)
    chosen = lambda c: c.mechanisms[0].channel.g_Na  # noqa: E731
    fit = rb.fit_recording(rec, cell(), trainable=chosen, steps=1, progress=False)
    assert list(fit.parameters) == ["g_Na"]
    fit.report(tmp_path)
    again = rb.load(tmp_path / "model.rheobase")
    run = rb.fitting.judge.free_run(again, rec.sweeps, 0.05)
    np.testing.assert_array_equal(run.v, fit.details.run.v)
    assert [len(times) for times in run.spikes] == [len(times) for times in fit.details.run.spikes]
    assert "Cell(HH)" in (tmp_path / "index.html").read_text()


def test_what_is_no_cell_is_refused():
    with pytest.raises(ArgumentError, match="a neuron or a cell, got a Tree"):
        rb.fit_recording(recorded(cell(**TRUE), 4000), rb.morphology.soma())
