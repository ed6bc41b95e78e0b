"""The Heidelberg spiking data sets: spoken digits and commands as spikes of an inner ear."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import equinox as eqx
import numpy as np

from rheobase.datasets.base import AbstractFormat, Damaged, Dataset, Places, folder_of
from rheobase.errors import DataError, UnknownName
from rheobase.train.arguments import positive_number
from rheobase.units import Quantity, ms, s

SOURCE = "https://zenkelab.org/datasets"
CHANNELS = 700
DURATION = 1400 * ms
"""The longest recordings."""
_CLASSES = {"shd": 20, "ssc": 35}
_PARTS = {"shd": ("train", "test"), "ssc": ("train", "valid", "test")}


class SpikeFile(AbstractFormat):
    """Entries of an HDF5 file with `spikes/times` (s) and `spikes/units`, counted in cells."""

    file: str = eqx.field(static=True)
    dt: float = eqx.field(static=True)
    steps: int = eqx.field(static=True)
    channels: int = eqx.field(static=True)

    def read(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        with _opened(Path(self.file)) as file:
            try:
                times = np.asarray(file["spikes/times"][place], np.float64)
                units = np.asarray(file["spikes/units"][place], np.int64)
            except (KeyError, OSError, ValueError) as error:
                raise DataError(f"recording {place} of {self.file} is damaged: {error}.") from None
        if len(times) != len(units):
            raise DataError(
                f"recording {place} of {self.file} has {len(times)} times, {len(units)} units."
            )
        return (times * s).value_in(ms), units

    def inputs(self, recordings: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        frames = np.zeros((len(recordings), self.steps * self.channels), np.float32)
        for frame, (times, units) in zip(frames, recordings, strict=True):
            step = (times / self.dt).astype(np.int64)
            inside = (step >= 0) & (step < self.steps) & (units >= 0) & (units < CHANNELS)
            channel = units[inside] * self.channels // CHANNELS
            frame += np.bincount(step[inside] * self.channels + channel, minlength=len(frame))
        return frames.reshape(len(recordings), self.steps, self.channels)


def shd(
    path: str | Path | None = None,
    part: Literal["train", "test"] = "train",
    channels: int = CHANNELS,
    dt: Quantity = 4 * ms,
    *,
    duration: Quantity = DURATION,
    damaged: Damaged = "raise",
) -> Dataset:
    """Spiking Heidelberg Digits: 0 to 9 in German and English through 700 hair cells.

    - `path`: the folder of shd_train.h5 and shd_test.h5, unpacked; without it shd in the folder
      that RHEOBASE_DATA names. Needs h5py.
    - `part`: `"train"` or `"test"`.
    - `channels`: into how many neighbouring channels are put together.
    - `dt`, `duration`: spikes are counted in `duration/dt` steps.

    `about["speaker"]`; speakers 4 and 5 are in the test set alone.

    Source: Cramer, Stradmann, Schemmel & Zenke 2022, IEEE TNNLS 33:2744, CC BY 4.0. Errors:
    `DataError`, `UnknownName`.

    >>> import rheobase as rb
    >>> rb.datasets.shd("shd", channels=140)  # doctest: +SKIP
    """
    return _heidelberg("shd", path, part, channels, dt, duration, damaged)


def ssc(
    path: str | Path | None = None,
    part: Literal["train", "valid", "test"] = "train",
    channels: int = CHANNELS,
    dt: Quantity = 4 * ms,
    *,
    duration: Quantity = DURATION,
    damaged: Damaged = "raise",
) -> Dataset:
    """Spiking Speech Commands: 35 words through 700 hair cells; otherwise like `shd`.

    - `part`: `"train"`, `"valid"` or `"test"`.

    >>> import rheobase as rb
    >>> rb.datasets.ssc("ssc", "valid", channels=140)  # doctest: +SKIP
    """
    return _heidelberg("ssc", path, part, channels, dt, duration, damaged)


def _heidelberg(  # noqa: PLR0913
    name: str,
    path: str | Path | None,
    part: str,
    channels: int,
    dt: Quantity,
    duration: Quantity,
    damaged: Damaged,
) -> Dataset:
    if part not in _PARTS[name]:
        raise UnknownName(f"part of {name}", part, _PARTS[name])
    holds = f"{name}_{part}.h5"
    file = folder_of(path, name, holds, SOURCE) / holds
    with _opened(file) as opened:
        try:
            labels = np.asarray(opened["labels"], np.int32)
            known = "extra" in opened and "speaker" in opened["extra"]
            about = {"speaker": np.asarray(opened["extra/speaker"])} if known else {}
        except (KeyError, OSError) as error:
            raise DataError(f"{file} is damaged or of another layout: {error}.") from None
    step = positive_number(dt, ms, "dt", f"{name}(dt={{}})")
    steps = round(positive_number(duration, ms, "duration", f"{name}(duration={{}})") / step)
    return Dataset(
        SpikeFile(str(file), step, max(steps, 1), channels),
        Places(range(len(labels)), labels, about),
        [str(number) for number in range(_CLASSES[name])],
        damaged=damaged,
    )


def _opened(file: Path) -> Any:
    try:
        import h5py
    except ImportError:
        raise DataError(
            f'{file.name} is read with h5py. Write pip install "rheobase[datasets]".'
        ) from None
    try:
        return h5py.File(file, "r")
    except FileNotFoundError:
        raise DataError(
            f"there is no file {file}. Get {file.name}.zip from {SOURCE}, unpack it."
        ) from None
    except OSError as error:
        raise DataError(f"{file} is damaged or no HDF5 file: {error}.") from None
