import os
from pathlib import Path

import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, RecordingError, UnknownName
from rheobase.units import UnitError, kHz, mV, nA, pA, s
from tests.unit.io.abf import Command, Epoch, Listed, write, write_version_1

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


TWO = [Epoch(1, 0, 0, 20), Epoch(1, -100, 50, 100)]


@pytest.mark.parametrize("parameter", [22, 62], ids=["ten epochs", "fifty epochs"])
def test_a_user_list_gives_the_levels_of_an_epoch(tmp_path, parameter):
    """The increment does not act, and after the end of the list its last value stays."""
    listed = Listed(parameter, "-200, 25, 600")
    write(tmp_path / "a.abf", V, voltage(5), Command(epochs=TWO), lists=[listed])
    rec = rb.io.read_recording(tmp_path / "a.abf")
    assert [s.i[60] for s in rec.sweeps] == pytest.approx([-0.2, 0.025, 0.6, 0.6, 0.6])
    assert all(s.i[0] == s.i[-1] == 0 for s in rec.sweeps)
    write(
        tmp_path / "a.abf", V, voltage(5), Command(epochs=TWO), lists=[listed._replace(repeats=1)]
    )
    rec = rb.io.read_recording(tmp_path / "a.abf")
    assert [s.i[60] for s in rec.sweeps] == pytest.approx([-0.2, 0.025, 0.6, -0.2, 0.025])


def test_a_user_list_gives_the_durations_of_an_epoch(tmp_path):
    """Parameter 32 is the duration of the second epoch of a table of ten."""
    write(tmp_path / "a.abf", V, voltage(2), Command(epochs=TWO), lists=[Listed(32, "50,200")])
    one, two = (s.i for s in rb.io.read_recording(tmp_path / "a.abf").sweeps)
    assert np.count_nonzero(one) == 50 and np.count_nonzero(two) == 200


def test_user_lists_of_other_things(tmp_path):
    plain = Command(epochs=TWO)
    write(tmp_path / "a.abf", V, voltage(), plain)
    expected = [s.i for s in rb.io.read_recording(tmp_path / "a.abf").sweeps]
    # Digital outputs, the time between sweeps, and the list of another output.
    for listed in (Listed(12, "1011,0001"), Listed(7, "1,2"), Listed(22, "5,6", dac=1)):
        write(tmp_path / "a.abf", V, voltage(), plain, lists=[listed])
        found = [s.i for s in rb.io.read_recording(tmp_path / "a.abf").sweeps]
        np.testing.assert_array_equal(found, expected)
    for listed, message in (
        (Listed(8, "5,6"), "holding level that changes from sweep to sweep"),
        (Listed(25, "5,6"), "parameter 25, which belongs to none of its epochs"),
        (Listed(22, "5,x"), "holds 'x', expected a number"),
        (Listed(22, " "), "user list that cannot be found"),
    ):
        write(tmp_path / "a.abf", V, voltage(), plain, lists=[listed])
        with pytest.raises(RecordingError, match=message):
            rb.io.read_recording(tmp_path / "a.abf")


PAIR = [("IN 0", "mV"), ("IN 1", "mV")]


def test_each_headstage_has_its_own_command(tmp_path):
    other = Command(name="Cmd 1", epochs=[Epoch(1, 40, 0, 200)])
    write(tmp_path / "a.abf", PAIR, voltage(channels=2), [STEPS, other])
    one = rb.io.read_recording(tmp_path / "a.abf", voltage="IN 0")
    two = rb.io.read_recording(tmp_path / "a.abf", voltage="IN 1")
    assert one.sweeps[0].i[50] == pytest.approx(-0.1)
    assert two.sweeps[0].i[50] == pytest.approx(0.04)
    crossed = rb.io.read_recording(tmp_path / "a.abf", voltage="IN 1", current="Cmd 0")
    assert crossed.sweeps[0].i[50] == pytest.approx(-0.1)
    assert one.left_out == ("channel IN 1 in mV",)
    with pytest.raises(UnknownName, match="Did you mean 'Cmd 1'"):
        rb.io.read_recording(tmp_path / "a.abf", voltage="IN 1", current="Cmd1")
    # The output of IN 1 is that of a headstage in voltage clamp at rest.
    write(tmp_path / "a.abf", PAIR, voltage(channels=2), [STEPS, Command("mV", enabled=0)])
    with pytest.raises(RecordingError, match="current='Cmd 0'"):
        rb.io.read_recording(tmp_path / "a.abf", voltage="IN 1")


def test_one_headstage_in_current_clamp_beside_one_in_voltage_clamp(tmp_path):
    data = voltage(channels=2)
    data[..., 1] += 78  # pA of the other cell
    channels = [("IN 0", "mV"), ("IN 1", "pA")]
    held = STEPS._replace(epochs=[Epoch(1, -35, 0, 600)], holding=-35)
    write(tmp_path / "a.abf", channels, data, [held, Command("mV", name="Cmd 1", enabled=0)])
    with pytest.warns(UserWarning, match="IN 1: it does not follow Cmd 0"):
        rec = rb.io.read_recording(tmp_path / "a.abf")
    np.testing.assert_allclose([s.i for s in rec.sweeps], -0.035, rtol=1e-6)
    assert "IN 1" in rec.left_out[0]
    taken = rb.io.read_recording(tmp_path / "a.abf", current="IN 1")
    assert taken.sweeps[0].i.mean() == pytest.approx(0.013, rel=0.1)
    # In voltage clamp the other way round.
    write(
        tmp_path / "a.abf",
        [("IN 0", "pA"), ("IN 1", "mV")],
        voltage(channels=2),
        [Command("mV", epochs=TWO), STEPS._replace(name="Cmd 1")],
    )
    with pytest.warns(UserWarning, match="IN 0: it does not follow Cmd 1"):
        rec = rb.io.read_recording(tmp_path / "a.abf")
    assert rec.sweeps[0].i[60] == pytest.approx(-0.1)


def test_a_recorded_current_that_follows_its_command_is_taken(tmp_path):
    data = voltage(channels=2)
    write(tmp_path / "a.abf", V, data[..., :1], STEPS)
    given = np.array([s.i for s in rb.io.read_recording(tmp_path / "a.abf").sweeps])
    data[..., 1] = 1e3 * given * 0.96 + np.random.default_rng(1).normal(size=given.shape)
    outputs = [STEPS, Command("mV", name="Cmd 1", enabled=0)]
    write(tmp_path / "a.abf", [*V, ("IN 1", "pA")], data, outputs)
    rec = rb.io.read_recording(tmp_path / "a.abf")
    assert rec.sweeps[0].i[60:120].mean() == pytest.approx(-0.096, rel=0.01)
    np.testing.assert_allclose(
        [s.i for s in rb.io.read_recording(tmp_path / "a.abf", current="Cmd 0").sweeps], given
    )


@pytest.mark.parametrize("unit", ["degC", "dB", "C", "%"])
def test_a_channel_of_something_else_is_passed_over(tmp_path, unit):
    write(tmp_path / "a.abf", [*V, ("Tmp", unit)], voltage(channels=2), STEPS)
    rec = rb.io.read_recording(tmp_path / "a.abf")
    assert rec.sweeps[0].i[60] == pytest.approx(-0.1)
    assert rec.left_out == (f"channel Tmp in {unit}",)
    with pytest.raises(RecordingError, match="no voltage"):
        rb.io.read_recording(tmp_path / "a.abf", voltage="Tmp")


def test_only_episodes_play_a_command(tmp_path):
    write(tmp_path / "a.abf", V, voltage(1), STEPS, mode=3)
    with pytest.raises(RecordingError, match="neither a current channel nor a command"):
        rb.io.read_recording(tmp_path / "a.abf")


def test_version_1_in_voltage_clamp_is_refused(tmp_path):
    channels = [("IN 0", "pA"), ("AO #0", "mV")]
    write_version_1(tmp_path / "a.abf", channels, voltage(channels=2), Command("mV"))
    with pytest.raises(RecordingError, match="in voltage clamp: it records IN 0 in pA, AO #0 in"):
        rb.io.read_recording(tmp_path / "a.abf")
    data = voltage(channels=2)
    data[:, 100:200, 0] += 50
    channels = [("IN 0", "pA"), ("IN 1", "mV")]
    write_version_1(tmp_path / "a.abf", channels, data, Command("pA"))
    rec = rb.io.read_recording(tmp_path / "a.abf")
    assert np.ptp(rec.sweeps[0].i) == pytest.approx(0.05, rel=0.2) and rec.rate == 20


def test_one_bad_sweep_does_not_keep_the_others(tmp_path):
    data = voltage(4)
    data[2, 77] = 305.0
    write(tmp_path / "a.abf", V, data, STEPS)
    with pytest.warns(UserWarning, match="sweep 2: it has voltages from .* to 305 mV"):
        rec = rb.io.read_recording(tmp_path / "a.abf")
    assert [s.i[60] for s in rec.sweeps] == pytest.approx([-0.1, -0.05, 0.05])
    assert [s.number for s in rec.sweeps] == [0, 1, 2] and "sweep 2" in rec.left_out[0]
    assert rec.sweeps[2].start == pytest.approx(96)


def test_sweeps_are_chosen_by_number(tmp_path):
    write(tmp_path / "a.abf", V, voltage(5), STEPS)
    read = lambda s: rb.io.read_recording(tmp_path / "a.abf", sweeps=s)  # noqa: E731
    for given in ([1, 3], slice(1, None, 2), range(1, 5, 2), np.array([1, 3])):
        rec = read(given)
        assert [s.i[60] for s in rec.sweeps] == pytest.approx([-0.05, 0.05])
        assert rec.left_out == ("sweeps 0, 2, 4: not among `sweeps`",)
    assert len(read(0).sweeps) == 1
    for given, message in (([5], "names sweep 5.*from 0 to 4"), ([], "no sweep"), (["a"], "'a'")):
        with pytest.raises(ArgumentError, match=message):
            read(given)


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


def hard(name):
    data = os.environ.get("RHEOBASE_DATA")
    if data is None:
        pytest.skip("RHEOBASE_DATA is not set")
    path = Path(data) / "recordings_hard" / f"{name}.abf"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def test_the_current_of_another_headstage():
    path = hard("2019_05_02_DIC2_0011")
    with pytest.warns(UserWarning, match="I_MTest 1: it does not follow Cmd 0"):
        rec = rb.io.read_recording(path)
    for read in (rec, rb.io.read_recording(path, current="Cmd 0")):
        np.testing.assert_allclose([s.i for s in read.sweeps], -0.035, rtol=1e-6)


def test_jumps_of_the_electrode_are_no_spikes():
    """Twenty pulses of 2 ms, one spike each; their ends are jumps of 16 mV."""
    rec = rb.io.read_recording(hard("18425108"))
    assert len(rb.analysis.detect_spikes(rec.sweeps[0].v, rec.dt * rb.units.ms).times) == 20


def test_a_file_with_a_temperature():
    """Its inputs are open: what is in mV is noise around zero, which is no membrane."""
    path = hard("test_0001")
    assert len(rb.io.read_recording(path, voltage="IN 7", current="I2").sweeps) == 1
    with pytest.raises(RecordingError, match="channels of current: I2, I3, I4"):
        rb.io.read_recording(path, voltage="IN 7")
    with pytest.raises(RecordingError, match="the size of volts"):
        rb.io.read_recording(path, voltage="V1", current="I2")


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
