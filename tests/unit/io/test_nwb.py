import datetime

import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import RecordingError, UnknownName

pynwb = pytest.importorskip("pynwb")
pytestmark = pytest.mark.filterwarnings("ignore")


def file_of(path, *, stimulus=True, clamp=True, unit=None, conversion=1e-3, numbered=True):
    content = pynwb.NWBFile(
        session_description="steps",
        identifier="x",
        session_start_time=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    )
    device = content.create_device(name="amplifier")
    electrode = content.create_icephys_electrode(name="pipette", description="", device=device)
    for k in range(3):
        v, i = np.full(200, -65.0), np.zeros(200)
        i[50:150] = 20 * k
        common = {"electrode": electrode, "rate": 1e4, "starting_time": 0.1 * k, "gain": 1.0}
        common |= {"sweep_number": np.uint32(k)} if numbered else {}
        if not clamp:
            content.add_acquisition(
                pynwb.icephys.VoltageClampSeries(name=f"s{k}", data=i, conversion=1e-12, **common)
            )
            continue
        content.add_acquisition(
            pynwb.icephys.CurrentClampSeries(
                name=f"s{k}", data=v, conversion=conversion, bias_current=0.0, **common
            )
        )
        if stimulus:
            content.add_stimulus(
                pynwb.icephys.CurrentClampStimulusSeries(
                    name=f"i{k}", data=i, conversion=1e-12, **common
                )
            )
    with pynwb.NWBHDF5IO(str(path), "w") as file:
        file.write(content)
    return path


@pytest.mark.parametrize("numbered", [True, False])
def test_sweeps_with_their_stimuli(tmp_path, numbered):
    rec = rb.io.read_recording(file_of(tmp_path / "a.nwb", numbered=numbered))
    assert rec.rate == pytest.approx(10) and [s.start for s in rec.sweeps] == [0, 100, 200]
    assert rec.sweeps[2].i[100] == pytest.approx(0.04) and rec.sweeps[2].v[0] == pytest.approx(-65)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"stimulus": False}, "has no stimulus"),
        ({"clamp": False}, "is in voltage clamp"),
        ({"conversion": 1.0}, "more than a membrane bears"),
        ({"conversion": 1e-6}, "the size of volts"),
    ],
)
def test_what_cannot_be_fitted_is_refused(tmp_path, change, message):
    with pytest.raises(RecordingError, match=message):
        rb.io.read_recording(file_of(tmp_path / "a.nwb", **change))


def test_a_file_that_is_cut_short_is_refused(tmp_path):
    path = file_of(tmp_path / "a.nwb")
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(RecordingError, match="cut short, damaged"):
        rb.io.read_recording(path)


class Series:
    """Builds a file of series one by one: `response` and `stimulus` in mV and pA, times in s."""

    def __init__(self, path, electrodes=("A",)):
        self.path = path
        self.content = pynwb.NWBFile(
            session_description="steps",
            identifier="x",
            session_start_time=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        )
        device = self.content.create_device(name="amplifier")
        self.electrodes = {
            name: self.content.create_icephys_electrode(name=name, description="", device=device)
            for name in electrodes
        }

    def response(self, name, v, electrode="A", kind="CurrentClampSeries", **more):
        self._timed(more)
        if kind == "CurrentClampSeries":
            more = {"bias_current": 0.0} | more
        series = getattr(pynwb.icephys, kind)(
            name=name,
            data=np.asarray(v, float),
            electrode=self.electrodes[electrode],
            conversion=1e-3,
            gain=1.0,
            **more,
        )
        self.content.add_acquisition(series)
        return series

    def stimulus(self, name, i, electrode="A", **more):
        self._timed(more)
        series = pynwb.icephys.CurrentClampStimulusSeries(
            name=name,
            data=np.asarray(i, float),
            electrode=self.electrodes[electrode],
            conversion=1e-12,
            gain=1.0,
            **more,
        )
        self.content.add_stimulus(series)
        return series

    def row(self, response, stimulus, first=0, count=-1, electrode="A"):
        place = {
            "response_start_index": first,
            "response_index_count": len(response.data) if count < 0 else count,
        }
        if count >= 0:
            place |= {"stimulus_start_index": first, "stimulus_index_count": count}
        self.content.add_intracellular_recording(
            electrode=self.electrodes[electrode], response=response, stimulus=stimulus, **place
        )

    def _timed(self, more):
        if "timestamps" not in more:
            more.setdefault("rate", 1e4)
            more.setdefault("starting_time", 0.0)

    def read(self, **named):
        with pynwb.NWBHDF5IO(str(self.path), "w") as file:
            file.write(self.content)
        return rb.io.read_recording(self.path, **named)


V = np.full(200, -65.0)
PULSE = np.zeros(200)
PULSE[50:150] = 20


@pytest.fixture
def file(tmp_path):
    return Series(tmp_path / "a.nwb", ("A", "B"))


@pytest.mark.parametrize("numbered", [True, False], ids=["numbered", "in a table"])
def test_one_electrode_is_one_recording(file, numbered):
    for k in range(2):
        for n, name in enumerate("AB"):
            more = {"starting_time": 0.1 * k, "electrode": name}
            more |= {"sweep_number": np.uint32(k)} if numbered else {}
            response = file.response(f"r{name}{k}", V + 10 * n, **more)
            stimulus = file.stimulus(f"s{name}{k}", PULSE * (n + 1), **more)
            if not numbered:
                file.row(response, stimulus, electrode=name)
    with pytest.raises(RecordingError, match="several electrodes: A, B.*electrode='A'"):
        file.read()
    for n, name in enumerate("AB"):
        rec = rb.io.read_recording(file.path, electrode=name)
        assert len(rec.sweeps) == 2 and rec.sweeps[1].v[0] == pytest.approx(-65 + 10 * n)
        assert [s.i[100] for s in rec.sweeps] == pytest.approx([0.02 * (n + 1)] * 2)
        assert rec.left_out == (f"electrode {'BA'[n]}: r{'BA'[n]}0, r{'BA'[n]}1",)
    one = rb.io.read_recording(file.path, voltage="rB1")
    assert len(one.sweeps) == 1 and one.sweeps[0].v[0] == pytest.approx(-55)
    with pytest.raises(RecordingError, match="is an electrode of .*electrode='A'"):
        rb.io.read_recording(file.path, voltage="A")
    with pytest.raises(UnknownName, match="Known: A, B"):
        rb.io.read_recording(file.path, electrode="C")
    with pytest.raises(UnknownName, match="Did you mean 'rA"):
        rb.io.read_recording(file.path, voltage="rA7")


def test_rows_name_parts_of_one_series(file):
    v = np.concatenate([V + k for k in range(4)])
    i = np.concatenate([PULSE * (k + 1) for k in range(4)])
    response, stimulus = file.response("v", v), file.stimulus("i", i)
    for k in range(4):
        file.row(response, stimulus, 200 * k, 200)
    rec = file.read()
    assert [s.v[0] for s in rec.sweeps] == pytest.approx([-65, -64, -63, -62])
    assert [s.i[100] for s in rec.sweeps] == pytest.approx([0.02, 0.04, 0.06, 0.08])
    assert [s.start for s in rec.sweeps] == pytest.approx([0, 20, 40, 60])
    assert [s.duration for s in rec.sweeps] == pytest.approx([20] * 4)
    two = rb.io.read_recording(file.path, sweeps=slice(2, None))
    assert [s.v[0] for s in two.sweeps] == pytest.approx([-63, -62])


def test_the_bias_current_is_part_of_the_current(file):
    for k in range(3):
        more = {"starting_time": 0.1 * k, "sweep_number": np.uint32(k)}
        file.response(f"v{k}", V, bias_current=50e-12 * k, **more)
        file.stimulus(f"i{k}", PULSE, **more)
    rec = file.read()
    assert [s.i[0] for s in rec.sweeps] == pytest.approx([0, 0.05, 0.1])
    assert [s.i[100] for s in rec.sweeps] == pytest.approx([0.02, 0.07, 0.12])
    assert [s.holding for s in rec.sweeps] == pytest.approx([0, 0.05, 0.1])
    for sweep in rec.sweeps:
        (pulse,) = sweep.pulses(5)
        assert (pulse.begin, pulse.end) == pytest.approx((5, 15))


def test_a_stimulus_lies_at_its_own_times(file):
    """Later, at another rate, and only during the pulse."""
    for k, (i, more) in enumerate(
        (
            (PULSE, {"starting_time": 0.002}),
            (PULSE[::2], {"starting_time": 0.1, "rate": 5e3}),
            (np.full(100, 20.0), {"starting_time": 0.205}),
            (np.repeat(PULSE, 2), {"starting_time": 0.3, "rate": 2e4}),
        )
    ):
        file.row(
            file.response(f"v{k}", V, starting_time=0.1 * k), file.stimulus(f"i{k}", i, **more)
        )
    rec = file.read()
    found = [s.pulses(5)[0] for s in rec.sweeps]
    assert [(p.begin, p.end) for p in found] == [(7, 17), (5, 15), (5, 15), (5, 15)]
    assert {len(s.v) for s in rec.sweeps} == {200}


def test_times_that_cannot_be_right_are_refused(file):
    file.row(file.response("v", V, starting_time=5.0), file.stimulus("i", PULSE))
    with pytest.raises(RecordingError, match="from 5 to 5.02 s, and its stimulus i from 0 to"):
        file.read()


def test_gaps_in_the_timestamps_end_a_sweep(file):
    times = np.concatenate([10 * k + np.arange(200) / 1e4 for k in range(4)])
    file.row(
        file.response("v", np.tile(V, 4), timestamps=times),
        file.stimulus("i", np.tile(PULSE, 4), timestamps=times),
    )
    rec = file.read()
    assert rec.rate == pytest.approx(10)
    assert [s.start for s in rec.sweeps] == pytest.approx([0, 1e4, 2e4, 3e4])
    assert all(s.pulses(5)[0].begin == pytest.approx(5) for s in rec.sweeps)


def test_uneven_timestamps_are_refused(file):
    times = np.arange(200) / 1e4
    times[100] += 5e-5
    file.row(file.response("v", V, timestamps=times), file.stimulus("i", PULSE, timestamps=times))
    with pytest.raises(RecordingError, match="timestamps of . of .* are uneven"):
        file.read()


def test_timestamps_tell_which_stimulus_is_meant(file):
    for k, name in enumerate("xy"):
        times = k + np.arange(200) / 1e4
        file.response(f"v{name}", V, timestamps=times)
        file.stimulus(f"i{name}", PULSE * (k + 1), timestamps=times)
    assert [s.i[100] for s in file.read().sweeps] == pytest.approx([0.02, 0.04])


def test_a_response_to_no_current(file):
    file.response("v", V, sweep_number=np.uint32(0))
    file.stimulus("i", PULSE, sweep_number=np.uint32(0))
    file.response("z", V, kind="IZeroClampSeries", starting_time=1.0, sweep_number=np.uint32(1))
    rec = file.read()
    assert [s.i.max() for s in rec.sweeps] == pytest.approx([0.02, 0])


def test_a_sweep_that_was_stopped_early(file):
    for k in range(3):
        more = {"starting_time": 0.1 * k, "sweep_number": np.uint32(k)}
        v = V.copy()
        v[120:] = np.nan if k == 1 else v[120:]
        file.response(f"v{k}", v, **more)
        file.stimulus(f"i{k}", PULSE, **more)
    with pytest.warns(UserWarning, match="sweep 1: .* after 12 ms: it was stopped early"):
        rec = file.read()
    assert [s.start for s in rec.sweeps] == pytest.approx([0, 200])
    with pytest.warns(UserWarning, match="the end of sweep 1, after 12 ms"):
        rec = rb.io.read_recording(file.path, sweeps=[1])
    assert [len(s.v) for s in rec.sweeps] == [120]


def test_a_response_without_a_stimulus_is_left_out(file):
    file.row(file.response("v", V), file.stimulus("i", PULSE))
    file.response("lost", V, starting_time=3.0)
    with pytest.warns(UserWarning, match="lost of .* has no stimulus"):
        assert len(file.read().sweeps) == 1
