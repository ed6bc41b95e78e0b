"""DVS Gesture: eleven gestures of 29 people before an event camera."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from rheobase.datasets.base import (
    AbstractFormat,
    Damaged,
    Dataset,
    Places,
    folder_of,
    none_found,
)
from rheobase.datasets.events import Binning, Events, in_ms
from rheobase.errors import DataError, UnknownName
from rheobase.train.arguments import positive_number
from rheobase.units import Quantity, ms

SOURCE = "https://research.ibm.com/interactive/dvsgesture"
SIDE = 128
NAMES = (
    "hand clapping",
    "right hand wave",
    "left hand wave",
    "right arm clockwise",
    "right arm counter clockwise",
    "left arm clockwise",
    "left arm counter clockwise",
    "arm roll",
    "air drums",
    "air guitar",
    "other gestures",
)
_HEADER = np.dtype(
    [
        ("kind", "<i2"),
        ("source", "<i2"),
        ("size", "<i4"),
        ("place", "<i4"),
        ("overflow", "<i4"),
        ("capacity", "<i4"),
        ("number", "<i4"),
        ("valid", "<i4"),
    ]
)
_POLARITY = 1


class Trial(NamedTuple):
    """A part of a recording."""

    file: Path
    begin: int
    """Microseconds."""
    end: int


class Aedat(AbstractFormat):
    """Parts of AEDAT 3.1 files, counted in time steps and cells."""

    binning: Binning

    def read(self, place: Trial) -> Events:
        events = decode_aedat(place.file.read_bytes(), str(place.file))
        t = events.t - in_ms(np.asarray(place.begin))
        inside = (t >= 0) & (t < in_ms(np.asarray(place.end - place.begin)))
        return Events(*(part[inside] for part in events._replace(t=t)))

    def inputs(self, recordings: Sequence[Events]) -> np.ndarray:
        return self.binning(recordings)


def dvs_gesture(
    path: str | Path | None = None,
    part: Literal["train", "test"] = "train",
    dt: Quantity = 20 * ms,
    *,
    duration: Quantity = 1500 * ms,
    cell: int = 4,
    most: float | None = 1.0,
    damaged: Damaged = "raise",
) -> Dataset:
    """Eleven gestures of 29 people in three lights, 128 x 128 pixels.

    - `path`: the folder of `user01_fluorescent.aedat`, `user01_fluorescent_labels.csv`,
      `trials_to_train.txt` and so on, as unpacked; without it dvs_gesture in the folder that
      RHEOBASE_DATA names.
    - `part`: `"train"` (users 1 to 23) or `"test"` (24 to 29).
    - The others as in `nmnist`.

    Source: Amir et al. 2017, CVPR; CC BY 4.0. Errors: `DataError`, `UnknownName`.

    >>> import rheobase as rb
    >>> rb.datasets.dvs_gesture("DvsGesture", "test")  # doctest: +SKIP
    """
    if part not in ("train", "test"):
        raise UnknownName("part of DVS Gesture", part, ("train", "test"))
    holds = f"trials_to_{part}.txt and the files that it names"
    folder = folder_of(path, "dvs_gesture", holds, SOURCE)
    listed = folder / f"trials_to_{part}.txt"
    if not listed.exists():
        raise none_found(folder, "DVS Gesture", holds, SOURCE)
    names = [line.strip() for line in listed.read_text().splitlines() if line.strip()]
    trials = [found for name in names for found in _trials(folder / name)]
    step = positive_number(dt, ms, "dt", "dvs_gesture(dt={})")
    steps = round(positive_number(duration, ms, "duration", "dvs_gesture(duration={})") / step)
    users = np.asarray([trial.file.stem.split("_")[0] for trial, _ in trials])
    return Dataset(
        Aedat(Binning(step, max(steps, 1), SIDE, SIDE, cell, most)),
        Places(
            [trial for trial, _ in trials],
            np.asarray([label for _, label in trials], np.int32),
            {"user": users},
        ),
        NAMES,
        damaged=damaged,
    )


def _trials(file: Path) -> list[tuple[Trial, int]]:
    """The trials of a recording with their classes, from 0."""
    table = file.with_name(f"{file.stem}_labels.csv")
    if not table.exists():
        raise DataError(f"there is no {table}, with the gestures of {file.name}.")
    rows = [line.split(",") for line in table.read_text().split()[1:]]
    try:
        return [(Trial(file, int(row[1]), int(row[2])), int(row[0]) - 1) for row in rows]
    except (ValueError, IndexError):
        raise DataError(f"{table} has lines other than class,begin,end.") from None


def decode_aedat(data: bytes, name: str) -> Events:
    """The polarity events of an AEDAT 3.1 file.

    Lines that begin with #, then packets: a header of 28 bytes, and for each event 32 bits of
    data (bit 0 valid, 1 polarity, 2 to 16 y, 17 to 31 x) and 32 of microseconds, little-endian.
    Errors: `DataError`.
    """
    offset = 0
    while data[offset : offset + 1] == b"#":
        offset = data.find(b"\n", offset) + 1
        if not offset:
            break
    found = []
    while offset + _HEADER.itemsize <= len(data):
        head = np.frombuffer(data, _HEADER, 1, offset)[0]
        offset += _HEADER.itemsize
        size = int(head["size"]) * int(head["number"])
        if size < 0 or offset + size > len(data):
            raise DataError(f"{name} is cut short or damaged after byte {offset}.")
        if head["kind"] == _POLARITY:
            words = np.frombuffer(data, "<u4", size // 4, offset).reshape(-1, 2)
            found.append(words[(words[:, 0] & 1) > 0])
        offset += size
    if not found:
        raise DataError(f"{name} holds no events of AEDAT 3.1.")
    words = np.concatenate(found).astype(np.int64)
    bits, t = words[:, 0], words[:, 1]
    return Events(in_ms(t), bits >> 17, bits >> 2 & 0x7FFF, bits >> 1 & 1)
