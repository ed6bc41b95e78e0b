"""Axon files (ABF): the voltage through neo, the command from the table of epochs.

The file holds no command waveform. A sweep of n samples begins with n/64 samples at the level
before it, then the epochs follow each other, each with a first level and duration and an increment
of both from sweep to sweep; after the last epoch comes the holding level, or the level of the last
epoch where the protocol says so.
"""

from pathlib import Path
from typing import Any

import numpy as np

from rheobase.errors import RecordingError
from rheobase.io.recording import Raw, scale_to
from rheobase.io.through_neo import attempt, chosen, need
from rheobase.units import nA

_BEFORE = 64
"""A sweep begins with this part of its length before the first epoch."""
_FROM_EPOCHS = 1
"""`nWaveformSource` of a command that the table of epochs describes."""


def read(
    path: Path, voltage: str | None, current: str | None
) -> tuple[list[Raw], float | None, str]:
    """Sweeps, holding current (nA) and the name of the protocol."""
    need("neo")
    from neo.rawio import AxonRawIO  # pyright: ignore[reportMissingImports]

    _require_signature(path)
    with attempt(path):
        raw: Any = AxonRawIO(str(path))
        raw.parse_header()
        info = raw._axon_info
        sweeps = range(raw.segment_count(0))
        signals = [_signals(raw, k) for k in sweeps]
        starts = [1e3 * raw.segment_t_start(0, k) for k in sweeps]
        dt = 1e3 / float(raw.get_signal_sampling_rate(0))
        table = raw.header["signal_channels"]
    protocol = _text(info.get("sProtocolPath", b"")).replace("\\", "/").rpartition("/")[2]
    described = {str(c["name"]): (k, str(c["units"])) for k, c in enumerate(table)}
    _require_current_clamp(described, info, path)
    v = chosen(described, "V", voltage, path)
    if v is None:
        raise RecordingError(f"{path} holds no voltage. It has {', '.join(described)}.")
    i = chosen(described, "A", current, path)
    holding = None
    if i is not None:
        currents = [signal[:, i[0]] * i[2] for signal in signals]
    else:
        with attempt(path):
            currents, holding = _commands(info, [len(s) for s in signals], path)
    found = [
        Raw(signal[:, v[0]] * v[2], given, dt, start)
        for signal, given, start in zip(signals, currents, starts, strict=True)
    ]
    return found, holding, protocol


def _require_signature(path: Path) -> None:
    with path.open("rb") as file:
        begin = file.read(4)
    if begin not in (b"ABF ", b"ABF2"):
        raise RecordingError(
            f"{path} is no Axon file: it begins with {begin!r}, expected b'ABF2'. It is damaged or "
            f"of another format."
        )


def _signals(raw: Any, segment: int) -> np.ndarray:
    """All channels of a sweep in their units, (samples, channels)."""
    chunk = raw.get_analogsignal_chunk(0, segment, None, None, 0)
    return np.asarray(raw.rescale_signal_raw_to_float(chunk, "float64", 0))


def _require_current_clamp(described: dict[str, Any], info: dict[str, Any], path: Path) -> None:
    units = {name: unit for name, (_, unit) in described.items()}
    records_current = any(u.strip().endswith("A") for u in units.values())
    records_voltage = any(u.strip().endswith("V") for u in units.values())
    commands = [_text(d["DACChUnits"]) for d in info.get("listDACInfo", []) if d["nWaveformEnable"]]
    if records_current and (not records_voltage or any(u.endswith("V") for u in commands)):
        shown = ", ".join(f"{name} in {unit}" for name, unit in units.items())
        raise RecordingError(
            f"{path} is in voltage clamp: it records {shown} under a command in "
            f"{', '.join(commands) or 'mV'}. A model is fitted to recordings in current clamp."
        )


def _commands(
    info: dict[str, Any], lengths: list[int], path: Path
) -> tuple[list[np.ndarray], float]:
    """The commanded current of each sweep (nA), and the holding current."""
    cure = "Record the current on a channel, or use rb.io.recording_of(v*mV, i*nA, rate=20*kHz)."
    if info["fFileVersionNumber"] < 2:
        raise RecordingError(
            f"{path} is of ABF version 1 without a current channel: its command is not read. {cure}"
        )
    epochs = info["dictEpochInfoPerDAC"]
    for number, dac in enumerate(info["listDACInfo"]):
        if not dac["nWaveformEnable"]:
            continue
        what = f"the command {_text(dac['DACChNames'])!r} of {path}"
        factor = scale_to(nA, _text(dac["DACChUnits"]), what)
        if factor is None:
            continue
        if dac["nWaveformSource"] != _FROM_EPOCHS:
            raise RecordingError(
                f"{what} came from a stimulus file that is not part of the recording. {cure}"
            )
        if not epochs.get(number):
            break
        held = float(dac["fDACHoldingLevel"])
        stays = bool(dac["nInterEpisodeLevel"])
        table = [epochs[number][k] for k in sorted(epochs[number])]
        levels, level = [], held
        for sweep, length in enumerate(lengths):
            wave = _waveform(table, sweep, length, level, held, stays)
            level = float(wave[-1]) if stays else held
            levels.append(wave * factor)
        return levels, held * factor
    raise RecordingError(
        f"{path} holds neither a current channel nor a command waveform: what the cell was given "
        f"is not known. {cure}"
    )


def _waveform(
    table: list[dict[str, Any]], sweep: int, length: int, before: float, held: float, stays: bool
) -> np.ndarray:
    """The command of one sweep in the unit of its channel."""
    wave = np.full(length, held)
    begin = length // _BEFORE
    wave[:begin] = level = before
    for epoch in table:
        if epoch["nEpochType"] == 0:
            continue
        count = epoch["lEpochInitDuration"] + epoch["lEpochDurationInc"] * sweep
        goal = epoch["fEpochInitLevel"] + epoch["fEpochLevelInc"] * sweep
        part = wave[begin : begin + count]
        part[:] = _shape(epoch, count, level, goal)[: len(part)]
        begin += count
        level = goal
    wave[begin:] = level if stays else held
    return wave


def _shape(epoch: dict[str, Any], count: int, level: float, goal: float) -> np.ndarray:
    """The command in one epoch of `count` samples, that comes after `level`."""
    now = np.arange(count)
    period = max(epoch["lEpochPulsePeriod"], 1)
    width = epoch["lEpochPulseWidth"]
    phase = now % period
    match epoch["nEpochType"]:
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
        f"an epoch of the command is of type {epoch['nEpochType']}, which is not known: 1 step, "
        f"2 ramp, 3 pulses, 4 triangles, 5 cosine, 7 biphasic pulses."
    )


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else str(value)
