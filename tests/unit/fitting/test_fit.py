import json
import warnings

import numpy as np
import pytest

import rheobase as rb
from rheobase.cli import main
from rheobase.errors import ArgumentError, RecordingError, UnknownName
from rheobase.fitting import search
from rheobase.fitting.fit import _split
from rheobase.fitting.ranking import Ranked
from rheobase.fitting.report import write_ranked
from rheobase.fitting.scores import reliability
from rheobase.fitting.start import look_at
from rheobase.units import MOhm, kHz, ms, mV, nA

CELL = {
    "tau": 15 * ms,
    "R": 80 * MOhm,
    "v_rest": -70 * mV,
    "v_th": -52 * mV,
    "v_reset": -62 * mV,
}
CURRENTS = [-0.1, -0.1, 0.25, 0.25, 0.3, 0.3, 0.4, 0.4] * nA


@pytest.fixture(scope="module")
def recording():
    return rb.fitting.synthetic(rb.LIF(**CELL), CURRENTS)


@pytest.fixture(scope="module")
def fit(recording):
    return rb.fit_recording(recording, rb.LIF(), starts=3, steps=20, progress=False)


def test_a_known_cell_is_found_again(fit):
    for name, value in CELL.items():
        found = fit.parameters[name].value
        assert found == pytest.approx(float(value.value), rel=0.05)
        assert fit.parameters[name].uncertainty > 0
    assert fit.test.spike_count_error <= 0.5 and fit.test.latency_error_ms < 1
    assert fit.test.subthreshold_rms_mv < 0.5 and fit.test.fi_r2 > 0.99
    assert fit.scores == {"train": fit.train, "test": fit.test}
    assert fit.losses[-1] <= fit.losses[0]


@pytest.mark.slow
def test_adaptation_is_found_again():
    """What the recording tells to 20 %: to 5 %, or to what the fit itself says is uncertain."""
    cell = rb.AdEx(v_reset=-60 * mV)
    currents = [-0.2, -0.1, 0.2, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2] * nA
    sweeps = rb.fitting.synthetic(cell, currents)
    found = rb.fit_recording(
        sweeps, rb.AdEx(), train=sweeps.sweeps, test=(), adaptors=False, progress=False
    )
    told = {k: e for k, e in found.parameters.items() if e.uncertainty < 0.2 * abs(e.value)}
    assert told.keys() >= {"tau", "R", "v_rest", "v_T", "v_reset", "tau_w", "a", "b"}
    for name, estimate in told.items():
        true = float(getattr(cell, name))
        assert abs(estimate.value - true) <= max(0.05 * abs(true), estimate.uncertainty), name
    assert found.train.spike_count_error == 0 and found.train.latency_error_ms < 0.2


def test_the_report_says_what_the_fit_says(fit, tmp_path):
    page = fit.report(tmp_path / "fit")
    folder = page.parent
    written = json.loads((folder / "scores.json").read_text())
    for which in ("train", "test"):
        expected = fit.scores[which].summary()
        assert {k: written[which][k] for k in expected} == expected
    assert {"spike_count_error", "spike_count_error_relative", "latency_error_ms",
            "subthreshold_rms_mv", "fi_r2", "gamma_4ms"} <= written["test"].keys()  # fmt: skip
    values = json.loads((folder / "parameters.json").read_text())
    assert values["tau"]["unit"] == "ms" and values["tau"]["uncertainty"] > 0
    again = rb.load(folder / "model.rheobase")
    assert again.tau == fit.model.tau
    text = page.read_text()
    assert text.count("data:image/png") == 3 and "LIF for the recording" in text


def test_what_is_not_trained_on_is_judged(recording):
    split = lambda **given: [  # noqa: E731
        [s.number for s in part]
        for part in _split(recording, given.get("train"), given.get("test"))
    ]
    sweeps = recording.sweeps
    assert split() == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert split(train=sweeps[1::2]) == [[1, 3, 5, 7], [0, 2, 4, 6]]
    assert split(train=sweeps[:3]) == [[0, 1, 2], [3, 4, 5, 6, 7]]
    assert split(test=sweeps[2:]) == [[0, 1], [2, 3, 4, 5, 6, 7]]


def test_the_page_shows_the_ranking(fit, tmp_path):
    rows = [Ranked("LIF", fit, 5, 0.1), Ranked("ALIF", fit, 7, 0.2)]
    page = write_ranked(rows, tmp_path)
    assert (
        "held-out score</td>" in page.read_text() and "<td>ALIF</td><td>7</td>" in page.read_text()
    )
    written = json.loads((tmp_path / "ranking.json").read_text())
    assert [row["model"] for row in written] == ["LIF", "ALIF"]
    assert written[0]["score"] == fit.test.total and written[0]["parameters"] == 5
    assert (tmp_path / "ALIF" / "model.rheobase").exists()
    assert "held-out score</td>" not in fit.report(tmp_path / "one").read_text()


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"model": rb.LIF}, ArgumentError, r"`model` is a neuron or a cell, got the class LIF"),
        (
            {"model": rb.Exponential()},
            ArgumentError,
            "got an Exponential synapse.*gradient .jax.grad. to optax",
        ),
        ({"model": rb.devices.dynapse2.Neuron()}, ArgumentError, "has no variable v in mV"),
        ({"model": rb.Noise(rb.LIF(), 0.1 * nA, 5 * ms)}, ArgumentError, "draws random numbers"),
        ({"recording": 3}, ArgumentError, "`recording` is what rb.io.read_recording returns"),
        ({"train": [1, 2]}, ArgumentError, r"holds sweeps of the recording.*rec.sweeps\[0::2\]"),
        ({"train": []}, ArgumentError, "holds no sweep"),
        ({"dt": 0.07 * ms}, ArgumentError, "no whole multiple"),
        ({"starts": 0}, ArgumentError, "`starts` is a whole number"),
    ],
)
def test_wrong_arguments_are_refused(recording, arguments, error, message):
    given = {"recording": recording, "model": rb.LIF()} | arguments
    with pytest.raises(error, match=message):
        rb.fit_recording(given.pop("recording"), given.pop("model"), progress=False, **given)


def test_sweeps_that_cannot_be_fitted_are_refused(recording):
    quiet, firing = recording.sweeps[:2], recording.sweeps[2:4]
    with pytest.raises(RecordingError, match="no spike in the sweeps to train on"):
        rb.fit_recording(recording, rb.LIF(), train=quiet, progress=False)
    with pytest.raises(RecordingError, match="no current that changes stays without spikes"):
        rb.fit_recording(recording, rb.LIF(), train=firing, progress=False)
    with pytest.raises(ArgumentError, match=r"\[0\] are in `train` and in `test`"):
        rb.fit_recording(recording, rb.LIF(), train=[*quiet[:1], *firing], test=quiet[:1])


@pytest.mark.slow
def test_ctrl_c_keeps_the_best(recording, monkeypatch):
    steps, step = [], search.Search.step

    def interrupted(self):
        steps.append(1)
        if len(steps) == 15:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(search.Search, "step", interrupted)
    with pytest.warns(UserWarning, match="the best model so far is kept"):
        fit = rb.fit_recording(recording, rb.LIF(), starts=2, steps=10, progress=False)
    assert len(fit.losses) == 2 and fit.test is not None


def test_the_electrode_is_told_from_the_membrane(recording):
    v = np.stack([s.v + 20 * s.i for s in recording.sweeps])
    i = np.stack([s.i for s in recording.sweeps])
    shifted = rb.io.recording_of(v * mV, i * nA, rate=20 * kHz)
    spikes = [rb.analysis.detect_spikes(s.v, s.dt * ms).times for s in shifted.sweeps]
    found = rb.fitting.passive(shifted.sweeps, spikes)
    assert found.bridge == pytest.approx(20, rel=0.05)
    assert (found.tau, found.R) == (pytest.approx(15, rel=0.05), pytest.approx(80, rel=0.05))
    assert found.v_rest == pytest.approx(-70, abs=0.1)


def test_a_ramp_shows_the_membrane_too():
    i = np.linspace(0, 0.1, 4 * 2000).reshape(4, 2000)
    slow = 80 * (np.cumsum(np.ones(8000)) - 15) / 8000 * 0.1
    v = -70 + slow.reshape(4, 2000)
    rec = rb.io.recording_of(v * mV, i * nA, rate=1 * kHz)
    found = rb.fitting.passive(rec.sweeps, [np.zeros(0)] * 4)
    assert found.R == pytest.approx(80, rel=0.02)
    assert found.v_rest == pytest.approx(-70, abs=0.2) and found.pulses == 0


def test_a_fit_begins_with_a_neuron_that_fires(recording):
    """Though inward currents may have carried the cell further than its resistance tells."""
    sweeps = recording.sweeps
    spikes = {s.number: rb.analysis.detect_spikes(s.v, s.dt * ms) for s in sweeps}
    for resistance, threshold in ((80.0, -52.0), (30.0, -70 + 30 * 0.4 - 2)):
        membrane = rb.fitting.Passive(15.0, resistance, -70.0, 0.0, 0.0, 2)
        found = look_at(membrane, sweeps, spikes).threshold
        assert found == pytest.approx(threshold, abs=0.5)


def test_repeats_say_how_reliable_the_cell_is(recording):
    spikes = [rb.analysis.detect_spikes(s.v, s.dt * ms).times for s in recording.sweeps]
    assert reliability(recording.sweeps, spikes) == pytest.approx(1)
    assert reliability(recording.sweeps[::2], spikes[::2]) is None


def test_scores_by_hand(recording):
    sweeps = recording.sweeps[2:4]
    v = np.full((500, 2), -60.0)
    score = rb.fitting.score(
        sweeps, [np.array([110.0, 150.0]), np.array([120.0])], v,
        [np.array([114.0]), np.array([118.0, 200.0, 300.0])], v + 2,
    )  # fmt: skip
    assert score.spike_count_error == 1.5 and score.spike_count_error_relative == 1
    assert score.latency_error_ms == 3 and score.subthreshold_rms_mv == pytest.approx(2)
    assert [row.model_spikes for row in score.sweeps] == [1, 3]
    assert np.isfinite(score.total)


def test_the_command_fits_and_simulates(recording, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("rheobase.cli.fitting.read_recording", lambda path, **_: recording)
    arguments = ["--bare", "--starts", "2", "--steps", "3", "--out", str(tmp_path / "fit")]
    with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
        warnings.simplefilter("ignore")
        main(["fit", "cell.abf", "--model", "lif", "--train", "0,2,4-5", *arguments])
    assert ended.value.code == 0 and "spike_count_error" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "fit" / "scores.json").read_text())["train"]["sweeps"]) == 4
    model = str(tmp_path / "fit" / "model.rheobase")
    with pytest.raises(SystemExit) as ended:
        main(["simulate", model, "--current", "0.4nA", "--out", str(tmp_path / "run")])
    assert ended.value.code == 0 and "LIF: " in capsys.readouterr().out
    assert len(json.loads((tmp_path / "run" / "spikes.json").read_text())[0]) > 3


def test_the_command_says_what_it_reads(recording, monkeypatch):
    asked = {}

    def read(path, **named):
        asked.update(named)
        raise RecordingError("seen")

    monkeypatch.setattr("rheobase.cli.fitting.read_recording", read)
    with pytest.raises(SystemExit):
        main(["fit", "c.nwb", "--electrode", "A", "--sweeps", "0,2-3", "--current", "Cmd 0"])
    assert asked == {"voltage": None, "current": "Cmd 0", "electrode": "A", "sweeps": [0, 2, 3]}


def test_models_and_sweeps_of_the_command_line(recording):
    from rheobase.cli.fitting import read_model, read_sweeps

    assert isinstance(read_model("SoftReset(GLIF)").neuron, rb.GLIF)
    with pytest.raises(UnknownName, match="Did you mean 'AdEx'"):
        read_model("AdExx")
    with pytest.raises(UnknownName, match="adaptor for a fit"):
        read_model("Noise(LIF)")
    sweeps = recording.sweeps
    assert [s.number for s in read_sweeps("1::2", sweeps, "train")] == [1, 3, 5, 7]
    assert [s.number for s in read_sweeps("0,4-6", sweeps, "train")] == [0, 4, 5, 6]
    with pytest.raises(ArgumentError, match="names sweep 8, but the recording has 8"):
        read_sweeps("8", sweeps, "train")
    with pytest.raises(ArgumentError, match="by number, counted from 0, got 'a'"):
        read_sweeps("a", sweeps, "test")


@pytest.mark.slow
def test_several_models_are_ranked(recording):
    ranked = rb.fitting.fit_models(
        recording, [rb.ALIF(), rb.LIF()], adaptors=False, starts=2, steps=4, progress=False
    )
    assert [row.rank for row in ranked] == sorted(row.rank for row in ranked)
    assert {row.name: row.parameters for row in ranked} == {"LIF": 5, "ALIF": 7}


def test_the_posterior_holds_what_made_the_data(fit):
    pytest.importorskip("blackjax")
    drawn = rb.fit_posterior(fit, samples=150, warmup=50)
    assert 0.05 < drawn.acceptance < 0.95
    tau = drawn.samples["tau"]
    assert abs(tau.mean() - 15) < 4 * tau.std() and 0.01 < tau.std() < 8
