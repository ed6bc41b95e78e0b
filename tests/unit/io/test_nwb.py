import datetime

import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import RecordingError

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
