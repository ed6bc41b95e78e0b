"""Recorded sound: WAV files, a batch of them as one array, augmentation."""

import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import equinox as eqx
import numpy as np

from rheobase.datasets.base import AbstractAugmentation, AbstractFormat, Level
from rheobase.datasets.cochlea import Cochlea
from rheobase.errors import DataError
from rheobase.train.arguments import positive_number
from rheobase.units import Hz, Quantity, in_unit, ms


class Sound(AbstractFormat):
    """WAV files (mono, 16 bit) of one sampling rate, heard through a `Cochlea`.

    A sound is cut, or filled up with silence, to `samples`.
    """

    cochlea: Cochlea
    samples: int = eqx.field(static=True)

    def read(self, place: Any) -> np.ndarray:
        return read_wav(Path(place), self.cochlea.sampling)

    def inputs(self, recordings: Sequence[np.ndarray]) -> np.ndarray:
        sounds = np.zeros((len(recordings), self.samples), np.float32)
        for row, sound in zip(sounds, recordings, strict=True):
            part = sound[: self.samples]
            row[: len(part)] = part
        return np.moveaxis(np.asarray(_heard(self.cochlea, sounds)), 0, 1)


@eqx.filter_jit
def _heard(cochlea: Cochlea, sounds: np.ndarray) -> Any:
    return cochlea(sounds)


def read_wav(file: Path, rate: float) -> np.ndarray:
    """The samples of a WAV file from -1 to 1.

    Errors: `DataError` for a file that is missing, cut short, no WAV file, or of another rate.
    """
    try:
        with wave.open(str(file)) as sound:
            kind = sound.getnchannels(), sound.getsampwidth()
            frames, found = sound.getnframes(), sound.getframerate()
            data = sound.readframes(frames)
    except FileNotFoundError:
        raise DataError(f"there is no file {file}.") from None
    except (wave.Error, EOFError) as error:
        raise DataError(f"{file} is damaged or no WAV file: {error}.") from None
    hertz = in_unit(rate, Hz)
    if kind != (1, 2) or found != round(hertz):
        raise DataError(
            f"{file} has {kind[0]} channels of {8 * kind[1]} bit at {found} Hz, expected 1 of "
            f"16 bit at {hertz:g} Hz."
        )
    if len(data) != 2 * frames or not frames:
        raise DataError(f"{file} is cut short: {len(data)} of {2 * frames} bytes of sound.")
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(1 << 15)


class Speed(AbstractAugmentation):
    """Plays a sound faster or slower, and so higher or lower: by a factor 1 - most to 1 + most."""

    most: float = eqx.field(static=True, default=0.1)

    def __call__(self, recording: np.ndarray, random: np.random.Generator) -> np.ndarray:
        factor = np.exp(random.uniform(np.log(1 - self.most), np.log(1 + self.most)))
        places = np.arange(0, len(recording) - 1, factor)
        return np.interp(places, np.arange(len(recording)), recording).astype(np.float32)


class Stretch(AbstractAugmentation):
    """Makes a sound longer or shorter at the same pitch, by a factor 1 - most to 1 + most.

    Overlap and add of Hann windows of `window`, each moved by at most a quarter of it to where it
    fits best what is there (WSOLA: Verhelst & Roelands 1993).
    """

    most: float = eqx.field(static=True, default=0.2)
    window: int = eqx.field(static=True, default=256)

    def __call__(self, recording: np.ndarray, random: np.random.Generator) -> np.ndarray:
        factor = np.exp(random.uniform(np.log(1 - self.most), np.log(1 + self.most)))
        size, hop, reach = self.window, self.window // 2, self.window // 4
        if len(recording) < 3 * size:
            return recording
        shape = np.hanning(size + 1)[:-1].astype(np.float32)
        source = np.pad(recording, (reach, 2 * size))
        pieces = int(len(recording) / (factor * hop))
        out = np.zeros((pieces + 1) * hop + size, np.float32)
        place = reach
        for piece in range(pieces):
            out[piece * hop : piece * hop + size] += shape * source[place : place + size]
            # What would come next by itself, and where it is best found around the next place.
            follows = source[place + hop : place + hop + size]
            next_ = min(int((piece + 1) * hop * factor) + reach, len(source) - size - reach)
            around = source[next_ - reach : next_ + reach + size]
            place = next_ - reach + int(np.correlate(around, follows).argmax())
        return out[: int(len(recording) / factor)]


class Hiss(AbstractAugmentation):
    """Adds white noise, `least` to `most` dB below the sound."""

    least: float = eqx.field(static=True, default=15.0)
    most: float = eqx.field(static=True, default=50.0)

    def __call__(self, recording: np.ndarray, random: np.random.Generator) -> np.ndarray:
        below = random.uniform(self.least, self.most)
        size = np.sqrt(np.mean(recording**2)) * 10 ** (-below / 20)
        noise = random.normal(size=len(recording)).astype(np.float32)
        return recording + np.float32(size) * noise


class TimeShift(AbstractAugmentation):
    """Begins a sound later by 0 to `most`, or cuts up to a quarter of that from its beginning."""

    most: float = eqx.field(static=True)
    rate: float = eqx.field(static=True)

    def __init__(self, most: Quantity = 50 * ms, sampling: Quantity = 8000 * Hz):
        self.most = positive_number(most, ms, "most", "TimeShift({})")
        self.rate = positive_number(sampling, Hz, "sampling", "TimeShift(..., sampling={})")

    def __call__(self, recording: np.ndarray, random: np.random.Generator) -> np.ndarray:
        later = round(random.uniform(-self.most / 4, self.most) * self.rate)
        return recording[-later:] if later < 0 else np.pad(recording, (later, 0))


class Mask(AbstractAugmentation):
    """Silences a band of channels and a stretch of time of what the network receives.

    Each from nothing to the given part of all. Source: SpecAugment, Park et al. 2019, Interspeech.
    """

    on: ClassVar[Level] = "input"

    channels: float = eqx.field(static=True, default=0.12)
    time: float = eqx.field(static=True, default=0.12)

    def __call__(self, recording: np.ndarray, random: np.random.Generator) -> np.ndarray:
        hidden = recording.copy()
        for axis, part in ((0, self.time), (1, self.channels)):
            size = recording.shape[axis]
            width = random.integers(0, int(part * size) + 1)
            begin = random.integers(0, size - width + 1)
            np.moveaxis(hidden, axis, 0)[begin : begin + width] = 0
        return hidden
