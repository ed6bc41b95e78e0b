"""Axon files (ABF): the voltage through neo, the current from a channel or from the protocol.

A file may hold several headstages, each with its own command: input n and output n belong
together. A recorded current counts where it follows the command of the voltage's headstage.
"""

import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rheobase.errors import RecordingError, UnknownName
from rheobase.io.epochs import epochs_of, user_lists, waveform
from rheobase.io.raw import Found, Raw, Wanted, scale_to
from rheobase.io.through_neo import attempt, chosen, need
from rheobase.units import nA

_FROM_EPOCHS = 1
"""`nWaveformSource` of a command that the table of epochs describes."""
_EPISODIC = 5
"""The mode of acquisition in which commands are played; in the others outputs hold their level."""
_MULTICLAMP, _VOLTAGE_CLAMP = 24, 0
"""The amplifier that says its mode, and the mode."""
_CURE = "Record the current on a channel, or use rb.io.recording_of(v*mV, i*nA, rate=20*kHz)."


class Output(NamedTuple):
    """A command output of the amplifier."""

    name: str
    unit: str
    number: int
    played: bool
    """Whether the protocol plays a waveform on it."""

    def measures(self, kind: str) -> bool:
        return self.unit.strip().endswith(kind)


class Header(NamedTuple):
    """What is needed of a file beside its samples."""

    path: Path
    info: dict[str, Any]
    channels: dict[str, tuple[int, str]]
    """Column and unit of each recorded channel."""
    inputs: dict[str, dict[str, Any]]
    """ABF 2: the description of each recorded channel."""
    outputs: tuple[Output, ...]

    def recorded(self, kind: str) -> list[str]:
        return [name for name, (_, unit) in self.channels.items() if unit.strip().endswith(kind)]

    def own(self, channel: str) -> Output | None:
        """The command of the headstage of a channel, by their numbers."""
        number = self.inputs.get(channel, {}).get("nADCNum", -1)
        return next((out for out in self.outputs if out.number == number), None)


def read(path: Path, wanted: Wanted) -> Found:
    """The sweeps of one headstage."""
    need("neo")
    from neo.rawio import AxonRawIO  # pyright: ignore[reportMissingImports]

    _require_signature(path)
    if wanted.electrode is not None:
        raise RecordingError(
            f"{path} is an Axon file, which names no electrodes, got electrode="
            f"{wanted.electrode!r}. Choose a headstage by its channel: voltage='IN 0'."
        )
    with attempt(path):
        raw: Any = AxonRawIO(str(path))
        raw.parse_header()
        sweeps = range(raw.segment_count(0))
        signals = [_signals(raw, k) for k in sweeps]
        starts = [1e3 * raw.segment_t_start(0, k) for k in sweeps]
        dt = 1e3 / float(raw.get_signal_sampling_rate(0))
        header = _header(raw, path)
    name = _text(header.info.get("sProtocolPath", b"")).replace("\\", "/").rpartition("/")[2]
    _require_current_clamp(header)
    v = chosen(header.channels, "V", wanted.voltage, path)
    if v is None:
        raise RecordingError(f"{path} holds no voltage. It has {', '.join(header.channels)}.")
    _require_clamped_current(header, v.name)
    currents, holding, doubtful = _currents(header, v.name, wanted.current, signals)
    found = [
        Raw(signal[:, v.column] * v.factor, given, dt, start)
        for signal, given, start in zip(signals, currents, starts, strict=True)
    ]
    beside = tuple(
        f"channel {c} in {unit}"
        for c, (_, unit) in header.channels.items()
        if c not in (v.name, wanted.current) and unit.strip()[-1:] not in ("A",)
    )
    return Found(found, holding, name, beside, doubtful)


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


def _header(raw: Any, path: Path) -> Header:
    info = raw._axon_info
    table = raw.header["signal_channels"]
    channels: dict[str, tuple[int, str]] = {}
    for k, row in enumerate(table):
        name = str(row["name"])
        channels[f"{name} ({k})" if name in channels else name] = (k, str(row["units"]))
    if info["fFileVersionNumber"] < 2:
        return Header(path, info, channels, {}, _outputs_of_version_1(info, path))
    episodic = info["protocol"]["nOperationMode"] == _EPISODIC
    outputs = tuple(
        Output(
            _text(dac["DACChNames"]),
            _text(dac["DACChUnits"]),
            number,
            episodic and bool(dac["nWaveformEnable"]),
        )
        for number, dac in enumerate(info["listDACInfo"])
    )
    inputs = dict(zip(channels, info["listADCInfo"], strict=True))
    return Header(path, info, channels, inputs, outputs)


def _outputs_of_version_1(info: dict[str, Any], path: Path) -> tuple[Output, ...]:
    """The two outputs that an ABF 1 header describes: four names of 10 bytes, four units of 8."""
    with path.open("rb") as file:
        begin = file.read(1378)
    names = struct.unpack_from("10s" * 4, begin, 1306)
    units = struct.unpack_from("8s" * 4, begin, 1346)
    # Before version 1.6 there is one command, that of the active output.
    extended = info["fFileVersionNumber"] >= 1.6
    episodic = info["nOperationMode"] == _EPISODIC
    active = int(info["nActiveDACChannel"])
    played = [
        episodic and (bool(info["nWaveformEnable"][k]) if extended else k == active)
        for k in range(2)
    ]
    clean = [
        (_text(n.strip(b" \0")), _text(u.strip(b" \0"))) for n, u in zip(names, units, strict=True)
    ]
    return tuple(Output(*clean[k], k, played[k]) for k in range(2))


def _require_current_clamp(header: Header) -> None:
    """Refuse a file in which no headstage is in current clamp."""
    if not header.recorded("A"):
        return
    played = [out for out in header.outputs if out.played]
    clamped = any(out.measures("V") for out in played)
    driven = any(out.measures("A") for out in played)
    # The monitor of a command in mV is no voltage of a cell, whatever else is in the file.
    names = {out.name for out in header.outputs if out.measures("V")}
    monitors = {c for c in header.recorded("V") if c in names or c.startswith("AO #")}
    voltages = [c for c in header.recorded("V") if c not in monitors]
    if voltages and not (clamped and not driven):
        return
    if monitors and driven and not clamped:
        return
    shown = ", ".join(f"{name} in {unit}" for name, (_, unit) in header.channels.items())
    commands = ", ".join(out.unit for out in played) or "mV"
    raise RecordingError(
        f"{header.path} is in voltage clamp: it records {shown} under a command in {commands}. "
        f"A model is fitted to recordings in current clamp."
    )


def _require_clamped_current(header: Header, voltage: str) -> None:
    """Refuse a voltage whose own headstage is in voltage clamp."""
    own = header.own(voltage)
    described = header.inputs.get(voltage, {})
    says = (
        described.get("nTelegraphEnable")
        and described.get("nTelegraphInstrument") == _MULTICLAMP
        and described.get("nTelegraphMode") == _VOLTAGE_CLAMP
    )
    driven = [out.name for out in header.outputs if out.played and out.measures("A")]
    clamped = own is not None and own.played and own.measures("V") and len(header.outputs) > 1
    if says or (clamped and not (len(header.recorded("V")) == 1 and driven)):
        raise RecordingError(
            f"the headstage of {voltage} in {header.path} is in voltage clamp. A model is fitted "
            f"to recordings in current clamp. Choose another by voltage=: "
            f"{', '.join(header.recorded('V'))}."
        )


def _currents(
    header: Header, voltage: str, name: str | None, signals: list[np.ndarray]
) -> tuple[list[np.ndarray], float | None, tuple[str, ...]]:
    """Current of each sweep (nA), the holding current, and the currents that were not taken."""
    path, lengths = header.path, [len(s) for s in signals]
    outputs = {out.name: out for out in header.outputs if out.measures("A")}
    if name is not None and name not in header.channels:
        if name not in outputs:
            raise UnknownName(f"channel of {path.name}", name, [*header.channels, *outputs])
        return *_command(header, outputs[name], lengths), ()
    command = None if name is not None else _own_command(header, voltage)
    candidates = header.recorded("A")
    if command is None or not candidates:
        i = chosen(header.channels, "A", name, path)
        if i is not None:
            return [s[:, i.column] * i.factor for s in signals], None, ()
        return *_command(header, command, lengths), ()
    given, holding = _command(header, command, lengths)
    follow, astray = {}, []
    for label in candidates:
        column, unit = header.channels[label]
        factor = scale_to(nA, unit, f"channel {label!r} of {path}") or 0.0
        series = [s[:, column] * factor for s in signals]
        if len(header.outputs) == 1 or _follows(series, given):
            follow[label] = series
        else:
            astray.append(label)
    if len(follow) > 1:
        chosen({c: header.channels[c] for c in follow}, "A", None, path)
    if follow:
        return next(iter(follow.values())), None, ()
    doubtful = tuple(
        f"channel {label}: it does not follow {command.name}, the command of {voltage}, and was "
        f"recorded from another headstage (current={label!r} takes it nevertheless)"
        for label in astray
    )
    return given, holding, doubtful


def _follows(recorded: list[np.ndarray], command: list[np.ndarray]) -> bool:
    """Whether a recorded current is the commanded one: of its size, and with its course."""
    size = max(min(len(c) for c in command) // 500, 1)

    def means(waves: list[np.ndarray]) -> np.ndarray:
        blocks = [w[: len(w) // size * size].reshape(-1, size) for w in waves]
        return np.concatenate(blocks).mean(axis=1)

    given, found = means(command), means(recorded)
    if np.ptp(given) == 0:
        return bool(abs(np.median(found) - given[0]) <= max(0.2 * abs(given[0]), 5e-3))
    slope = np.cov(given, found)[0, 1] / np.var(given, ddof=1)
    return bool(0.5 < slope < 2 and np.corrcoef(given, found)[0, 1] > 0.8)


def _own_command(header: Header, voltage: str) -> Output | None:
    """The command that the headstage of a voltage was given, None where the file has none."""
    if header.info["fFileVersionNumber"] < 2:
        return None
    playing = [out for out in header.outputs if out.played and out.measures("A")]
    own = header.own(voltage)
    if own is not None and own in playing:
        return own
    alone = len(header.recorded("V")) == 1 or len(header.outputs) == 1
    if len(playing) == 1 and alone:
        return playing[0]
    if not playing:
        return None
    if own is not None and own.measures("A") and not alone:
        return own
    names = ", ".join(out.name for out in playing)
    raise RecordingError(
        f"{header.path} has the commands {names}, and which of them {voltage} was given is not "
        f"known. Choose one: read_recording(path, voltage={voltage!r}, current="
        f"{playing[0].name!r})."
    )


def _command(
    header: Header, output: Output | None, lengths: list[int]
) -> tuple[list[np.ndarray], float]:
    """The commanded current of each sweep (nA), and the holding current."""
    path, info = header.path, header.info
    if info["fFileVersionNumber"] < 2:
        raise RecordingError(
            f"{path} is of ABF version 1 without a current channel: its command is not read. "
            f"{_CURE}"
        )
    nothing = RecordingError(
        f"{path} holds neither a current channel nor a command waveform: what the cell was "
        f"given is not known. {_CURE}"
    )
    if output is None:
        raise nothing
    what = f"the command {output.name!r} of {path}"
    factor = scale_to(nA, output.unit, what)
    dac = info["listDACInfo"][output.number]
    held = float(dac["fDACHoldingLevel"])
    if factor is None:
        raise nothing
    if not output.played:
        return [np.full(n, held * factor) for n in lengths], held * factor
    if dac["nWaveformSource"] != _FROM_EPOCHS:
        raise RecordingError(
            f"{what} came from a stimulus file that is not part of the recording. {_CURE}"
        )
    table = info["dictEpochInfoPerDAC"].get(output.number)
    if not table:
        raise nothing
    if info["protocol"]["nAlternateDACOutputState"] and output.number < 2:
        raise RecordingError(
            f"{what} alternates with that of another output from sweep to sweep, which is not "
            f"read. {_CURE}"
        )
    with attempt(path):
        lists = [u for u in user_lists(path, info) if u.dac == output.number]
    stays = bool(dac["nInterEpisodeLevel"])
    levels, level = [], held
    for sweep, length in enumerate(lengths):
        wave = waveform(epochs_of(table, sweep, lists, what), length, level, held, stays)
        level = float(wave[-1]) if stays else held
        levels.append(wave * factor)
    return levels, held * factor


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else str(value)
