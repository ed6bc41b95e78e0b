"""Small folders of the layouts of public data, with made-up content."""

import wave

import numpy as np
import pytest


def write_wav(file, sound, rate=8000, channels=1):
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((sound * 32767).astype("<i2").tobytes())


def tone(hertz, seconds=0.3, rate=8000):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def write_events(file, t, x, y, p):
    """5 bytes an event, t in microseconds."""
    file.parent.mkdir(parents=True, exist_ok=True)
    word = np.asarray(p) << 23 | np.asarray(t)
    raw = np.stack([x, y, word >> 16 & 255, word >> 8 & 255, word & 255], axis=1)
    file.write_bytes(raw.astype(np.uint8).tobytes())


@pytest.fixture
def spoken(tmp_path):
    """Four digits of two speakers as tones, three times each."""
    for digit in range(4):
        for speaker in ("anna", "b_otto"):
            for index in range(3):
                sound = tone(300 * (digit + 1), 0.2 + 0.05 * index)
                write_wav(tmp_path / "recordings" / f"{digit}_{speaker}_{index}.wav", sound)
    return tmp_path


@pytest.fixture
def seen(tmp_path):
    """Six recordings of an event camera in two classes."""
    random, lines = np.random.default_rng(0), ["#sample\tclass"]
    for number in range(1, 7):
        n = 50 * number
        t = np.sort(random.integers(0, 300_000, n))
        x, y, p = random.integers(0, 34, n), random.integers(0, 34, n), random.integers(0, 2, n)
        write_events(tmp_path / f"{number}.bs2", t, x, y, p)
        lines.append(f"{number}\t{number % 2}")
    (tmp_path / "labels.txt").write_text("\n".join(lines) + "\n")
    return tmp_path
