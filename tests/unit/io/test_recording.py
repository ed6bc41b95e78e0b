import os
from pathlib import Path

import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, RecordingError, UnknownName
from rheobase.units import UnitError, kHz, mV, nA, pA, s
from tests.unit.io.abf import Command, Epoch, write

pytest.importorskip("neo")

STEPS = Command(epochs=[Epoch(1, 0, 0, 20), Epoch(1, -100, 50, 100), Epoch(1, 0, 0, 40)])
V = [("IN 0", "mV")]


def voltage(sweeps=3, samples=640, channels=1):
    noise = np.random.default_rng(0).normal(size=(sweeps, samples, channels))
    return np.round((-65 + noise) / 1000 * 32768) * 1000 / 32768


def test_the_command_of_an_axon_file_follows_from_its_epochs(tmp_path):
    write(tmp_path / "a.abf", V, voltage(), STEPS)
    rec = rb.io.read_recording(tmp_path / "a.abf")
    assert (len(rec.sweeps), rec.rate, rec.holding, rec.protocol) == (3, 20, 0, "steps.pro")
    np.testing.assert_allclose(rec.sweeps[1].v, voltage()[1, :, 0], atol=1e-4)
    for k, sweep in enumerate(rec.sweeps):
        expected = np.zeros(640)
        # 1/64 of the sweep passes before the first epoch.
        expected[10 + 20 : 10 + 20 + 100] = -0.1 + 0.05 * k
        np.testing.assert_allclose(sweep.i, expected, atol=1e-9)
        assert sweep.start == pytest.approx(32 * k)


def command_of(tmp_path, command, sweeps=2, samples=640):
    write(tmp_path / "a.abf", V, voltage(sweeps, samples), command)
    return [1e3 * s.i for s in rb.io.read_recording(tmp_path / "a.abf").sweeps]


def test_ramps_that_go_on_in_the_next_sweep(tmp_path):
    one, two = command_of(tmp_path, Command(epochs=[Epoch(2, 10, 10, 600)], stays=1))
    assert one[9] == 0 and one[10 + 299] == pytest.approx(5) and one[-1] == pytest.approx(10)
    assert two[0] == pytest.approx(10) and two[10 + 299] == pytest.approx(15)


def test_epochs_that_grow_and_trains_of_pulses(tmp_path):
    train = Epoch(3, 80, 0, 100, period=20, width=5)
    one, two = command_of(tmp_path, Command(epochs=[Epoch(1, 50, 0, 100, by_samples=50), train]))
    assert np.count_nonzero(one == 50) >= 100
    np.testing.assert_allclose(two[10:160], 50)
    np.testing.assert_allclose(two[160:165], 80)
    np.testing.assert_allclose(two[165:180], 50)


def test_the_holding_current_is_around_the_epochs(tmp_path):
    write(tmp_path / "a.abf", V, voltage(), STEPS._replace(holding=-20))
    rec = rb.io.read_recording(tmp_path / "a.abf")
    assert rec.holding == pytest.approx(-0.02) and rec.sweeps[0].i[0] == pytest.approx(-0.02)


def test_a_recorded_current_goes_before_the_command(tmp_path):
    data = voltage(channels=2)
    data[:, 100:200, 1], data[:, :100, 1], data[:, 200:, 1] = 30.0, 0.0, 0.0
    write(tmp_path / "a.abf", [*V, ("IN 1", "pA")], data, STEPS)
    rec = rb.io.read_recording(tmp_path / "a.abf")
    assert rec.sweeps[0].i[150] == pytest.approx(0.03, rel=1e-3)


BAD = {
    "voltage clamp": (
        [("IN 0", "pA")],
        STEPS._replace(unit="mV"),
        "in voltage clamp: it records IN 0 in pA under a command in mV",
    ),
    "voltage clamp with both": (
        [("IN 0", "pA"), ("IN 1", "mV")],
        STEPS._replace(unit="mV"),
        "in voltage clamp",
    ),
    "no waveform": (V, STEPS._replace(enabled=0), "neither a current channel nor a command"),
    "no epochs": (V, Command(), "neither a current channel nor a command waveform"),
    "a stimulus file": (V, STEPS._replace(source=2), "came from a stimulus file"),
    "a flat command": (V, Command(epochs=[Epoch(1, 0, 0, 100)]), "nothing to fit"),
    "no unit": ([("IN 0", " ")], STEPS, "has no unit, so that nobody knows what it measures"),
    "a scaled unit": ([("IN 0", "10mV")], STEPS, "in '10mV', which is no unit of voltage"),
    "volts called mV": ([("IN 0", "uV")], STEPS, "the size of volts: its units or its gain"),
    "mV called volts": ([("IN 0", "V")], STEPS, "more than a membrane bears: its units or"),
    "pA called nA": (V, STEPS._replace(unit="uA"), "the size of pA: its units or its gain"),
    "two voltages": ([("IN 0", "mV"), ("IN 1", "mV")], STEPS, "several channels of voltage"),
    "an unknown epoch": (V, Command(epochs=[Epoch(6, 1, 1, 100)]), "of type 6, which is not"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_fitted_is_refused_with_the_reason(tmp_path, case):
    channels, command, message = BAD[case]
    write(tmp_path / "a.abf", channels, voltage(channels=len(channels)), command)
    with pytest.raises(RecordingError, match=message):
        rb.io.read_recording(tmp_path / "a.abf")


def test_a_channel_is_chosen_by_name(tmp_path):
    write(tmp_path / "a.abf", [*V, ("IN 1", "mV")], voltage(channels=2), STEPS)
    assert len(rb.io.read_recording(tmp_path / "a.abf", voltage="IN 1").sweeps) == 3
    with pytest.raises(UnknownName, match="Did you mean 'IN 1'"):
        rb.io.read_recording(tmp_path / "a.abf", voltage="IN1")


@pytest.mark.parametrize("length", [3, 80, 700, 3000, 5000])
def test_files_that_are_cut_short_are_refused(tmp_path, length):
    write(tmp_path / "a.abf", V, voltage(), STEPS)
    whole = (tmp_path / "a.abf").read_bytes()
    assert length < len(whole)
    (tmp_path / "a.abf").write_bytes(whole[:length])
    with pytest.raises(RecordingError, match="cut short|no Axon file"):
        rb.io.read_recording(tmp_path / "a.abf")


def test_files_that_are_no_recordings_are_refused(tmp_path):
    for name, content, message in (
        ("a.abf", b"", "is empty"),
        ("b.abf", b"PK\x03\x04" + bytes(5000), "no Axon file: it begins with"),
        ("c.nwb", b"PK\x03\x04" + bytes(5000), "cannot be read: it is cut short, damaged"),
        ("d.xyz", b"text", "of no format that neo knows"),
        ("e.pkl", b"\x80", "is a pickle: reading it would run"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RecordingError, match=message):
            rb.io.read_recording(tmp_path / name)
    with pytest.raises(RecordingError, match="there is no file"):
        rb.io.read_recording(tmp_path / "none.abf")
    with pytest.raises(RecordingError, match="is a folder"):
        rb.io.read_recording(tmp_path)


def test_what_neo_reads(tmp_path):
    neo = pytest.importorskip("neo")
    pytest.importorskip("scipy")
    i = np.zeros((100, 1))
    i[20:60] = 50
    segment = neo.Segment()
    segment.analogsignals += [
        neo.AnalogSignal(-60 + i, units="mV", sampling_rate=10e3 * _hz(), name="v"),
        neo.AnalogSignal(i, units="pA", sampling_rate=10e3 * _hz(), name="i"),
    ]
    block = neo.Block()
    block.segments.append(segment)
    neo.io.NeoMatlabIO(str(tmp_path / "a.mat")).write_block(block)
    rec = rb.io.read_recording(tmp_path / "a.mat")
    assert rec.rate == pytest.approx(10) and rec.sweeps[0].i.max() == pytest.approx(0.05)
    segment.analogsignals.pop()
    neo.io.NeoMatlabIO(str(tmp_path / "b.mat")).write_block(block)
    with pytest.raises(RecordingError, match="holds no current, and its format no command"):
        rb.io.read_recording(tmp_path / "b.mat")


def _hz():
    import quantities

    return quantities.Hz


def test_arrays_are_looked_at_too():
    v, i = np.full((2, 50), -65.0), np.zeros((2, 50))
    i[1, 10:30] = 0.1
    rec = rb.io.recording_of(v * mV, 1e3 * i * pA, rate=1 * kHz)
    assert rec.sweeps[1].start == 50 and rec.holding == 0
    assert rec.sweeps[1].pulses(10) == [rb.io.Pulse(10, 30, pytest.approx(0.1))]
    with pytest.raises(RecordingError, match="one shape"):
        rb.io.recording_of(v * mV, i[:1] * nA, rate=1 * kHz)
    v[0, 3] = np.nan
    with pytest.raises(RecordingError, match="no numbers"):
        rb.io.recording_of(v * mV, i * nA, rate=1 * kHz)
    with pytest.raises(UnitError):
        rb.io.recording_of(v * nA, i * nA, rate=1 * kHz)
    with pytest.raises(ArgumentError, match="no whole multiple.*dt=2\\*ms"):
        rec.sweeps[0].every(1.5)


def test_junction_and_drift_are_taken_off():
    v, i = np.full((2, 500), -65.0), np.zeros((2, 500))
    i[:, 200:400] = -0.1
    v[:, 200:400] -= 3
    clean = rb.io.recording_of(v * mV, i * nA, rate=1 * kHz)
    shift = 12 + 0.002 * np.arange(1000).reshape(2, 500)  # mV, 2 mV a second
    rec = rb.io.recording_of((v + shift) * mV, i * nA, rate=1 * kHz)
    found = rb.fitting.passive(rec.sweeps, [np.zeros(0)] * 2)
    assert found.drift == pytest.approx(120, rel=1e-3)  # mV a minute
    straight = rec.corrected(junction=12 * mV, drift=found.drift / 60 * mV / s)
    for one, two in zip(straight.sweeps, clean.sweeps, strict=True):
        np.testing.assert_allclose(one.v, two.v, atol=1e-2)
        assert (one.start, one.holding) == (two.start, two.holding)
    with pytest.raises(UnitError):
        rec.corrected(junction=1 * nA)


@pytest.mark.parametrize(
    "name, sweeps, spikes",
    [("171116sh_0018", 17, 117), ("17o05028_ic_steps", 16, 375), ("171116sh_0016", 11, 10)],
)
def test_recordings_of_real_cells(name, sweeps, spikes):
    data = os.environ.get("RHEOBASE_DATA")
    if data is None:
        pytest.skip("RHEOBASE_DATA is not set")
    path = Path(data) / "patch_clamp" / f"{name}.abf"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    rec = rb.io.read_recording(path)
    assert len(rec.sweeps) == sweeps
    found = [rb.analysis.detect_spikes(s.v, rec.dt * rb.units.ms).times for s in rec.sweeps]
    assert sum(map(len, found)) == spikes
