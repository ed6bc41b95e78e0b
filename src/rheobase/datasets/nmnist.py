"""N-MNIST: handwritten digits before an event camera that moves."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rheobase.datasets.base import (
    AbstractFormat,
    Damaged,
    Dataset,
    Places,
    folder_of,
    none_found,
)
from rheobase.datasets.events import Binning, Events, decode_40_bit
from rheobase.errors import DataError
from rheobase.train.arguments import positive_number
from rheobase.units import Quantity, ms

SOURCE = "https://www.garrickorchard.com/datasets/n-mnist"
HOLDS = "1.bs2, 2.bs2, ... and labels.txt, or folders 0 to 9 with .bin files"
SIDE = 34
"""Pixels along a side of the sensor."""
DURATION = 300 * ms
"""Three saccades of 100 ms."""


class Saccades(AbstractFormat):
    """Files of 5 bytes an event, counted in time steps and cells."""

    binning: Binning

    def read(self, place: Path) -> Events:
        try:
            return decode_40_bit(Path(place).read_bytes(), str(place))
        except FileNotFoundError:
            raise DataError(f"there is no file {place}, which labels.txt names.") from None

    def inputs(self, recordings: Sequence[Events]) -> np.ndarray:
        return self.binning(recordings)


def nmnist(
    path: str | Path | None = None,
    dt: Quantity = 5 * ms,
    *,
    duration: Quantity = DURATION,
    cell: int = 1,
    most: float | None = 1.0,
    damaged: Damaged = "raise",
) -> Dataset:
    """Digits of MNIST as an event camera saw them in three saccades, 34 x 34 pixels, about 300 ms.

    - `path`: a folder of numbered files with `labels.txt` (a header, then number, tab, class), or
      one of the official layout, with folders 0 to 9 of `.bin` files (below Train or Test: give
      that one); without it the folder nmnist in the one that RHEOBASE_DATA names.
    - `dt`, `duration`: events are counted in `duration/dt` steps; `cell`: pixels along the side of
      a cell, 1 for none; `most`: where a count is cut, None for never.
    - `damaged`: `"raise"`, or `"skip"` with a warning.

    Inputs are (time, polarity, height, width).

    Source: Orchard, Jayawant, Cohen & Thakor 2015, Front Neurosci 9:437, CC BY-SA 4.0. Errors:
    `DataError`.

    >>> import rheobase as rb
    >>> rb.datasets.nmnist("nmnist")[0].inputs.shape  # doctest: +SKIP
    (60, 2, 34, 34)
    """
    folder = folder_of(path, "nmnist", HOLDS, SOURCE)
    listed = folder / "labels.txt"
    files, labels = _listed(listed) if listed.exists() else _sorted(folder)
    if not files:
        raise none_found(folder, "N-MNIST", HOLDS, SOURCE)
    step = positive_number(dt, ms, "dt", "nmnist(dt={})")
    steps = round(positive_number(duration, ms, "duration", "nmnist(duration={})") / step)
    return Dataset(
        Saccades(Binning(step, max(steps, 1), SIDE, SIDE, cell, most)),
        Places(files, np.asarray(labels), {"file": np.asarray([file.name for file in files])}),
        [str(digit) for digit in range(10)],
        damaged=damaged,
    )


def _listed(file: Path) -> tuple[list[Path], list[int]]:
    files, labels = [], []
    for number, line in enumerate(file.read_text().splitlines()[1:], 2):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or not all(word.isdigit() for word in words) or int(words[1]) > 9:
            raise DataError(
                f"line {number} of {file} is {line!r}, expected a number, a tab and a class from "
                f"0 to 9."
            )
        files.append(file.parent / f"{words[0]}.bs2")
        labels.append(int(words[1]))
    return files, labels


def _sorted(folder: Path) -> tuple[list[Path], list[int]]:
    """The official layout."""
    found = [(file, digit) for digit in range(10) for file in folder.glob(f"{digit}/*.bin")]
    found.sort(key=lambda pair: (pair[0].name, pair[1]))
    return [file for file, _ in found], [digit for _, digit in found]
