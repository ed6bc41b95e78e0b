"""The Free Spoken Digit Dataset."""

from pathlib import Path

import numpy as np

from rheobase.datasets.base import Damaged, Dataset, Places, folder_of, none_found
from rheobase.datasets.cochlea import Bank, Cochlea, Code
from rheobase.datasets.sound import Sound
from rheobase.train.arguments import positive_number
from rheobase.units import Hz, Quantity, ms

SOURCE = "https://github.com/Jakobovski/free-spoken-digit-dataset"
HOLDS = "files such as 7_jackson_32.wav (or a folder recordings/ of them)"
SAMPLING = 8000 * Hz


def fsdd(
    path: str | Path | None = None,
    channels: int = 64,
    dt: Quantity = 1 * ms,
    *,
    duration: Quantity = 1000 * ms,
    bank: Bank = "mel",
    code: Code = "current",
    damaged: Damaged = "raise",
) -> Dataset:
    """Spoken digits: six speakers say 0 to 9, 50 times each, at 8 kHz.

    - `path`: the folder of the recordings, `{digit}_{speaker}_{index}.wav`; without it the folder
      fsdd in the one that the environment variable RHEOBASE_DATA names.
    - `channels`, `dt`, `bank`, `code`: of the `Cochlea` through which they are heard.
    - `duration`: to which recordings are cut or filled up with silence; 99 % are shorter than
      0.92 s.
    - `damaged`: `"raise"`, or `"skip"` with a warning.

    `about` has `speaker` and `index`; the official test set is `data.about["index"] < 5`.

    Source: Z. Jackson et al., https://github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA
    4.0. Errors: `DataError`.

    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> data = rb.datasets.fsdd("recordings", dt=10 * ms)  # doctest: +SKIP
    >>> data[0].inputs.shape  # doctest: +SKIP
    (100, 64)
    """
    folder = folder_of(path, "fsdd", HOLDS, SOURCE)
    inside = folder / "recordings"
    files = sorted((inside if inside.is_dir() else folder).glob("*.wav"))
    named = [(file, parts) for file in files if len(parts := _parts(file.stem)) == 3]
    if not named:
        raise none_found(folder, "spoken digits", HOLDS, SOURCE)
    labels, speakers, indices = map(np.asarray, zip(*(parts for _, parts in named), strict=True))
    cochlea = Cochlea(channels, dt, SAMPLING, bank=bank, code=code)
    steps = round(positive_number(duration, ms, "duration", "fsdd(duration={})") / cochlea.dt)
    return Dataset(
        Sound(cochlea, max(steps, 1) * cochlea.step),
        Places([file for file, _ in named], labels, {"speaker": speakers, "index": indices}),
        [str(digit) for digit in range(10)],
        damaged=damaged,
    )


def _parts(stem: str) -> tuple[int, str, int] | tuple[()]:
    """Digit, speaker and index of a file name, nothing of another one."""
    digit, _, rest = stem.partition("_")
    speaker, _, index = rest.rpartition("_")
    if digit in set("0123456789") and speaker and index.isdigit():
        return int(digit), speaker, int(index)
    return ()
