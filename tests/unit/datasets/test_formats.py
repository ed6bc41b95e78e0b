"""Each loader reads its official layout, and says what is wrong with another one."""

import gzip
import http.server
import threading

import numpy as np
import pytest

import rheobase as rb
from rheobase.datasets.events import decode_40_bit
from rheobase.errors import ArgumentError, DataError, UnknownName
from rheobase.units import ms

from .conftest import tone, write_events, write_wav


def test_spoken_digits(spoken, monkeypatch):
    data = rb.datasets.fsdd(spoken, channels=16, dt=20 * ms, duration=300 * ms)
    assert len(data) == 24 and data.classes[3] == "3"
    assert set(data.about["speaker"]) == {"anna", "b_otto"}
    assert data[0].inputs.shape == (15, 16)
    loudest = [data[row].inputs[5].argmax() for row in (0, 6, 12, 18)]
    assert sorted(set(loudest)) == loudest  # 300, 600, 900, 1200 Hz
    assert not data[0].inputs[12:].any()  # 0.2 s of sound, then silence
    (spoken / "recordings").rename(spoken / "fsdd")
    monkeypatch.setenv("RHEOBASE_DATA", str(spoken))
    assert len(rb.datasets.fsdd()) == 24


def test_missing_spoken_digits_are_told_where_to_come_from(tmp_path, monkeypatch):
    monkeypatch.delenv("RHEOBASE_DATA", raising=False)
    with pytest.raises(DataError, match="RHEOBASE_DATA.*Jakobovski"):
        rb.datasets.fsdd()
    with pytest.raises(DataError, match="there is no .*nowhere"):
        rb.datasets.fsdd(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DataError, match=r"expected files such as 7_jackson_32.wav.*notes.txt"):
        rb.datasets.fsdd(tmp_path)


@pytest.mark.parametrize(
    ("rate", "channels", "match"), [(16000, 1, "16000 Hz"), (8000, 2, "2 channels")]
)
def test_sound_of_another_kind_is_refused(tmp_path, rate, channels, match):
    write_wav(tmp_path / "1_x_0.wav", tone(300), rate, channels)
    with pytest.raises(DataError, match=match):
        rb.datasets.fsdd(tmp_path)[0]
    (tmp_path / "1_x_0.wav").write_bytes(b"text")
    with pytest.raises(DataError, match="no WAV file"):
        rb.datasets.fsdd(tmp_path)[0]


def test_event_camera(seen):
    data = rb.datasets.nmnist(seen, dt=10 * ms, most=None)
    assert data.labels.tolist() == [1, 0, 1, 0, 1, 0]
    assert data[3].inputs.shape == (30, 2, 34, 34)
    assert [data[k].inputs.sum() for k in range(6)] == [50, 100, 150, 200, 250, 300]
    cut = rb.datasets.nmnist(seen, dt=300 * ms, cell=2)
    assert cut[5].inputs.shape == (1, 2, 17, 17) and cut[5].inputs.max() == 1


def test_an_event_is_where_and_when_it_was(tmp_path):
    write_events(
        tmp_path / "0" / "00001.bin", [0, 123_456, 8_000_000], [3, 33, 9], [4, 0, 9], [1, 0, 1]
    )
    write_events(tmp_path / "7" / "00002.bin", [5000], [1], [2], [0])
    data = rb.datasets.nmnist(tmp_path, dt=1 * ms)
    events = data.recording(0)
    np.testing.assert_allclose(events.t, [0, 123.456, 8000.0])
    assert events.x.tolist() == [3, 33, 9] and events.p.tolist() == [1, 0, 1]
    assert np.argwhere(data[0].inputs).tolist() == [[0, 1, 4, 3], [123, 0, 0, 33]]
    assert np.argwhere(data[1].inputs).tolist() == [[5, 0, 2, 1]] and data.labels.tolist() == [0, 7]


def test_what_is_wrong_with_event_files_is_said(seen):
    with pytest.raises(DataError, match="12 bytes, and an event has 5"):
        decode_40_bit(b"x" * 12, "1.bs2")
    (seen / "2.bs2").unlink()
    with pytest.raises(DataError, match="which labels.txt names"):
        rb.datasets.nmnist(seen)[1]
    (seen / "labels.txt").write_text("head\n1\tten\n")
    with pytest.raises(DataError, match="line 2 of"):
        rb.datasets.nmnist(seen)


@pytest.mark.parametrize("name", ["shd", "ssc"])
def test_heidelberg(tmp_path, name):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / f"{name}_test.h5", "w") as file:
        times = file.create_dataset("spikes/times", (2,), h5py.vlen_dtype(np.float16))
        units = file.create_dataset("spikes/units", (2,), h5py.vlen_dtype(np.int16))
        times[0], units[0] = [0.0, 0.5, 1.0], [0, 699, 350]
        times[1], units[1] = [0.25], [10]
        file["labels"], file["extra/speaker"] = [7, 3], [1, 4]
    read = getattr(rb.datasets, name)
    data = read(tmp_path, "test", channels=70, dt=10 * ms)
    assert data.labels.tolist() == [7, 3] and data.about["speaker"].tolist() == [1, 4]
    assert np.argwhere(data[0].inputs).tolist() == [[0, 0], [50, 69], [100, 35]]
    with pytest.raises(UnknownName, match="part"):
        read(tmp_path, "trial")
    with pytest.raises(DataError, match="zenkelab"):
        read(tmp_path, "train")
    (tmp_path / f"{name}_train.h5").write_bytes(b"no")
    with pytest.raises(DataError, match="no HDF5 file"):
        read(tmp_path, "train")


def test_dvs_gesture(tmp_path):
    head = np.array([1, 0], "<i2").tobytes() + np.array([8, 4, 0, 3, 3, 3], "<i4").tobytes()
    words = [
        (x << 17 | y << 2 | p << 1 | 1, t)
        for x, y, p, t in [(5, 6, 1, 900), (127, 0, 0, 25_000), (9, 9, 1, 99_000)]
    ]
    body = head + np.array(words, "<u4").tobytes()
    (tmp_path / "user24_led.aedat").write_bytes(b"#!AER-DAT3.1\r\n#x\r\n" + body)
    (tmp_path / "user24_led_labels.csv").write_text("class,a,b\n3,1000,50000\n11,60000,100000\n")
    (tmp_path / "trials_to_test.txt").write_text("user24_led.aedat\n")
    data = rb.datasets.dvs_gesture(tmp_path, "test", cell=1)
    assert data.labels.tolist() == [2, 10] and data.classes[2] == "left hand wave"
    assert np.argwhere(data[0].inputs).tolist() == [[1, 0, 0, 127]]
    assert np.argwhere(data[1].inputs).tolist() == [[1, 1, 9, 9]]
    (tmp_path / "user24_led.aedat").write_bytes(body[:40])
    with pytest.raises(DataError, match="cut short"):
        rb.datasets.dvs_gesture(tmp_path, "test")[0]
    with pytest.raises(DataError, match="trials_to_train.txt"):
        rb.datasets.dvs_gesture(tmp_path)


def test_speech_commands(tmp_path):
    for word in ("go", "stop"):
        for number in range(3):
            write_wav(tmp_path / word / f"ab{number}_nohash_0.wav", tone(500, 1.0, 16000), 16000)
    (tmp_path / "validation_list.txt").write_text("go/ab1_nohash_0.wav\n")
    (tmp_path / "testing_list.txt").write_text("stop/ab2_nohash_0.wav\n")
    sizes = [len(rb.datasets.speech_commands(tmp_path, p)) for p in ("train", "valid", "test")]
    assert sizes == [4, 1, 1]
    data = rb.datasets.speech_commands(tmp_path, "test", channels=20, dt=20 * ms)
    assert data.classes == ("go", "stop") and data.labels.tolist() == [1]
    assert data[0].inputs.shape == (50, 20) and data.about["speaker"].tolist() == ["ab2"]


def test_mnist(tmp_path):
    pictures = np.arange(3 * 28 * 28).reshape(3, 28, 28) % 256
    head = bytes([0, 0, 8, 3]) + np.array([3, 28, 28], ">i4").tobytes()
    raw = head + pictures.astype(np.uint8).tobytes()
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(raw))
    labels = bytes([0, 0, 8, 1]) + np.array([3], ">i4").tobytes() + bytes([7, 2, 1])
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(labels)
    data = rb.datasets.mnist(tmp_path, "test")
    inputs, targets = data.batch(np.arange(3))
    np.testing.assert_allclose(inputs * 255, pictures.reshape(3, -1), rtol=1e-6)
    assert targets.tolist() == [7, 2, 1]
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(raw[:-1]))
    with pytest.raises(DataError, match="2351 of 2352 bytes"):
        rb.datasets.mnist(tmp_path, "test")
    with pytest.raises(ArgumentError, match="needs a path"):
        rb.datasets.mnist()
    with pytest.raises(UnknownName, match="fashion"):
        rb.datasets.mnist(family="fasion", download=True)


def test_fetched_files_are_kept_and_checked(tmp_path, monkeypatch):
    pytest.importorskip("pooch")
    import hashlib
    import logging

    logging.getLogger("pooch").setLevel("ERROR")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "x.txt").write_bytes(b"spikes")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path / "served"))

        def log_message(self, *arguments):
            pass

    monkeypatch.setenv("RHEOBASE_CACHE", str(tmp_path / "cache"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/x.txt"
        right = "md5:" + hashlib.md5(b"spikes").hexdigest()
        assert rb.datasets.fetch(url, right, "x.txt").read_bytes() == b"spikes"
        with pytest.raises(DataError, match="not the file that was expected"):
            rb.datasets.fetch(url, "md5:" + "0" * 32, "y.txt")
        server.shutdown()
    assert rb.datasets.fetch(url, right, "x.txt").exists()  # from the cache
    with pytest.raises(DataError, match="cannot be fetched"):
        rb.datasets.fetch(url, right, "z.txt")
