"""The command of an Axon protocol: the waveform that its table of epochs describes.

A sweep of n samples begins with n/64 samples at the level before it, then the epochs follow each
other, each with a first level and duration and an increment of both from sweep to sweep; after the
last epoch comes the holding level, or the level of the last epoch where the protocol says so. A
user list gives one entry of the table a value for each sweep, in place of the increment.
"""

import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rheobase.errors import RecordingError

_BLOCK = 512
_BEFORE = 64
"""A sweep begins with this part of its length before the first epoch."""
_FIRST_EPOCH = 11
"""The parameters that a user list varies are numbered; from here on they belong to epochs."""
_KINDS = ("digital", "level", "duration", "period", "width")
_TABLES = (10, 50)
"""How many epochs a table can have: the numbering of parameters depends on it."""
_HOLDING = 8
"""The parameter that varies the holding level of the inactive output."""


class Epoch(NamedTuple):
    """One epoch of a sweep; durations in samples, the level in the unit of the command."""

    kind: int
    level: float
    duration: int
    period: int
    width: int


class UserList(NamedTuple):
    """Values of one parameter, sweep by sweep."""

    dac: int
    parameter: int
    repeats: bool
    values: tuple[str, ...]

    def at(self, sweep: int) -> str:
        """The entry of a sweep: from the beginning again, or the last, after the list's end."""
        number = len(self.values)
        return self.values[sweep % number if self.repeats else min(sweep, number - 1)]


def user_lists(path: Path, info: dict[str, Any]) -> list[UserList]:
    """The user lists in the header of an ABF 2 file."""
    sections = info["sections"]
    place, strings = sections["UserListSection"], sections["StringsSection"]
    if not place["llNumEntries"]:
        return []
    found = []
    with path.open("rb") as file:
        file.seek(strings["uBlockIndex"] * _BLOCK)
        text = file.read(strings["uBytes"])
        names = text[text.rfind(b"\0\0") :].split(b"\0")[1:]
        for k in range(place["llNumEntries"]):
            file.seek(place["uBlockIndex"] * _BLOCK + k * place["uBytes"])
            dac, _, parameter, repeats, index = struct.unpack("<4hi", file.read(12))
            listed = names[index].decode("ascii", "replace") if 0 < index < len(names) else ""
            values = tuple(v.strip() for v in listed.split(",") if v.strip())
            # Clampex leaves the flag "enabled" at 0: a list that is there is in use.
            if values:
                found.append(UserList(dac, parameter, bool(repeats), values))
            elif parameter >= _FIRST_EPOCH:
                raise RecordingError(
                    f"{path} varies its command by a user list that cannot be found in the file. "
                    f"Use rb.io.recording_of(v*mV, i*nA, rate=20*kHz)."
                )
    return found


def varied(listed: UserList, table: dict[int, dict[str, Any]], what: str) -> tuple[str, int] | None:
    """What a user list varies: a field of an epoch and its number, None for no part of the wave."""
    if listed.parameter == _HOLDING:
        raise RecordingError(
            f"{what} has a holding level that changes from sweep to sweep by a user list, which is "
            f"not read. Use rb.io.recording_of(v*mV, i*nA, rate=20*kHz)."
        )
    if listed.parameter < _FIRST_EPOCH:
        return None
    for size in _TABLES:
        kind, epoch = divmod(listed.parameter - _FIRST_EPOCH, size)
        if kind < len(_KINDS) and epoch in table:
            return None if kind == 0 else (_KINDS[kind], epoch)
    raise RecordingError(
        f"{what} is varied by a user list of parameter {listed.parameter}, which belongs to none "
        f"of its epochs {sorted(table)}. Use rb.io.recording_of(v*mV, i*nA, rate=20*kHz)."
    )


def epochs_of(
    table: dict[int, dict[str, Any]], sweep: int, lists: list[UserList], what: str
) -> list[Epoch]:
    """The epochs of a sweep that are on, in their order."""
    found = {
        number: Epoch(
            kind=row["nEpochType"],
            level=row["fEpochInitLevel"] + row["fEpochLevelInc"] * sweep,
            duration=row["lEpochInitDuration"] + row["lEpochDurationInc"] * sweep,
            period=row["lEpochPulsePeriod"],
            width=row["lEpochPulseWidth"],
        )
        for number, row in sorted(table.items())
        if row["nEpochType"]
    }
    for listed in lists:
        place = varied(listed, table, what)
        if place is None or place[1] not in found:
            continue
        field, number = place
        try:
            value = float(listed.at(sweep))
        except ValueError:
            raise RecordingError(
                f"{what} is varied by a user list that holds {listed.at(sweep)!r}, expected a "
                f"number. Use rb.io.recording_of(v*mV, i*nA, rate=20*kHz)."
            ) from None
        found[number] = found[number]._replace(
            **{field: value if field == "level" else round(value)}
        )
    return list(found.values())


def waveform(
    epochs: list[Epoch], length: int, before: float, held: float, stays: bool
) -> np.ndarray:
    """The command of one sweep of `length` samples, in the unit of its channel."""
    wave = np.full(length, held)
    begin = max(length // _BEFORE, 1)
    wave[:begin] = level = before
    for epoch in epochs:
        count = max(epoch.duration, 0)
        part = wave[begin : begin + count]
        part[:] = _shape(epoch, count, level)[: len(part)]
        begin += count
        level = epoch.level
    wave[begin:] = level if stays else held
    return wave


def _shape(epoch: Epoch, count: int, level: float) -> np.ndarray:
    """The command in one epoch of `count` samples, that comes after `level`."""
    now, goal = np.arange(count), epoch.level
    period, width = max(epoch.period, 1), epoch.width
    phase = now % period
    match epoch.kind:
        case 1:
            return np.full(count, goal)
        case 2:
            return level + (goal - level) * (now + 1) / max(count, 1)
        case 3:
            return np.where(phase < width, goal, level)
        case 4:
            rise = np.clip(phase / max(width, 1), 0, 1)
            fall = np.clip((period - phase) / max(period - width, 1), 0, 1)
            return level + (goal - level) * np.where(phase < width, rise, fall)
        case 5:
            return level + (goal - level) * (1 - np.cos(2 * np.pi * phase / period)) / 2
        case 7:
            half = phase < width
            return np.where(
                half & (phase < width / 2), goal, np.where(half, 2 * level - goal, level)
            )
    raise RecordingError(
        f"an epoch of the command is of type {epoch.kind}, which is not known: 1 step, "
        f"2 ramp, 3 pulses, 4 triangles, 5 cosine, 7 biphasic pulses."
    )
