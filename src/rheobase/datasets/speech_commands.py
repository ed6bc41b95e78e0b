"""Google Speech Commands."""

from pathlib import Path
from typing import Literal

import numpy as np

from rheobase.datasets.base import Damaged, Dataset, Places, folder_of, none_found
from rheobase.datasets.cochlea import Bank, Cochlea, Code
from rheobase.datasets.sound import Sound
from rheobase.errors import UnknownName
from rheobase.units import Hz, Quantity, ms

SOURCE = "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
HOLDS = "a folder a word, testing_list.txt and validation_list.txt"
SAMPLING = 16000 * Hz
SECONDS = 1000.0
"""ms: the length of a recording."""


def speech_commands(
    path: str | Path | None = None,
    part: Literal["train", "valid", "test"] = "train",
    channels: int = 64,
    dt: Quantity = 1 * ms,
    *,
    bank: Bank = "mel",
    code: Code = "current",
    damaged: Damaged = "raise",
) -> Dataset:
    """One-second recordings of 35 words (v0.02; 30 in v0.01), 16 kHz.

    - `path`: the folder as unpacked, a folder a word, with `testing_list.txt` and
      `validation_list.txt`; without it speech_commands in the folder that RHEOBASE_DATA names.
    - `part`: by those lists `"test"`, `"valid"`, and all others `"train"`.
    - The others as in `fsdd`.

    `about["speaker"]` is the identifier in the name of the file.

    Source: Warden 2018, arXiv:1804.03209, CC BY 4.0. Errors: `DataError`, `UnknownName`.

    >>> import rheobase as rb
    >>> rb.datasets.speech_commands("speech_commands", "valid", dt=10 * ms)  # doctest: +SKIP
    """
    parts = ("train", "valid", "test")
    if part not in parts:
        raise UnknownName("part of Speech Commands", part, parts)
    folder = folder_of(path, "speech_commands", HOLDS, SOURCE)
    held: dict[str, set[str]] = {}
    for name, file in (("valid", "validation_list.txt"), ("test", "testing_list.txt")):
        if not (folder / file).exists():
            raise none_found(folder, "Speech Commands", HOLDS, SOURCE)
        held[name] = set((folder / file).read_text().split())
    words = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != "_")
    if part == "train":
        every = {f"{word}/{p.name}" for word in words for p in (folder / word).glob("*.wav")}
        chosen = sorted(every - held["valid"] - held["test"])
    else:
        chosen = sorted(held[part])
    if not chosen:
        raise none_found(folder, "Speech Commands", HOLDS, SOURCE)
    cochlea = Cochlea(channels, dt, SAMPLING, bank=bank, code=code)
    labels = np.asarray([words.index(name.split("/")[0]) for name in chosen], np.int32)
    speakers = np.asarray([Path(name).stem.split("_")[0] for name in chosen])
    return Dataset(
        Sound(cochlea, round(SECONDS / cochlea.dt) * cochlea.step),
        Places([folder / name for name in chosen], labels, {"speaker": speakers}),
        words,
        damaged=damaged,
    )
