"""Axon files (ABF 2) made by hand, good and bad ones."""

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

BLOCK = 512


class Epoch(NamedTuple):
    """A row of the table of epochs."""

    kind: int
    level: float
    by: float
    samples: int
    by_samples: int = 0
    period: int = 0
    width: int = 0


class Command(NamedTuple):
    """The output channel of the amplifier's command."""

    unit: str = "pA"
    epochs: Sequence[Epoch] = ()
    holding: float = 0.0
    enabled: int = 1
    source: int = 1
    stays: int = 0
    name: str = "Cmd 0"


class Listed(NamedTuple):
    """A user list: the number of the parameter that it varies, and its values."""

    parameter: int
    values: str
    dac: int = 0
    repeats: int = 0


def write(
    path: Any,
    channels: Sequence[tuple[str, str]],
    data: np.ndarray,
    command: Command | Sequence[Command],
    rate: float = 20e3,
    lists: Sequence[Listed] = (),
    mode: int = 5,
) -> None:
    """Write an ABF file.

    - `channels`: names and units; `data`: (sweeps, samples, channels) in these units.
    - `command`: that of the one output, or one for each output.
    """
    from neo.rawio import axonrawio as axon

    sweeps, samples, width = data.shape
    commands = [command] if isinstance(command, Command) else command
    strings = ["", "neo", r"L:\protocols\steps.pro"]
    outputs, values, places = [], [], []
    for c in commands:
        outputs.append((len(strings), len(strings) + 1))
        strings += [c.name, c.unit]
    for u in lists:
        values.append(len(strings))
        strings.append(u.values)
    for name, unit in channels:
        places.append((len(strings), len(strings) + 1))
        strings += [name, unit]
    sections: dict[str, tuple[bytes, int]] = {
        "ProtocolSection": (
            _packed(
                axon.protocolInfoDescription,
                nOperationMode=mode,
                fADCSequenceInterval=1e6 / rate,
                fADCRange=10.0,
                lADCResolution=32768,
                lNumSamplesPerEpisode=samples * width,
            ),
            1,
        ),
        "ADCSection": (
            b"".join(
                _packed(
                    axon.ADCInfoDescription,
                    nADCNum=k,
                    fInstrumentScaleFactor=0.01,
                    fSignalGain=1.0,
                    fADCProgrammableGain=1.0,
                    lADCChannelNameIndex=name,
                    lADCUnitsIndex=unit,
                )
                for k, (name, unit) in enumerate(places)
            ),
            width,
        ),
        "DACSection": (
            b"".join(
                _packed(
                    axon.DACInfoDescription,
                    nDACNum=k,
                    nWaveformEnable=c.enabled,
                    nWaveformSource=c.source,
                    nInterEpisodeLevel=c.stays,
                    fDACHoldingLevel=c.holding,
                    lDACChannelNameIndex=name,
                    lDACChannelUnitsIndex=unit,
                )
                for k, (c, (name, unit)) in enumerate(zip(commands, outputs, strict=True))
            ),
            len(commands),
        ),
        "EpochPerDACSection": (
            b"".join(
                _packed(
                    axon.EpochInfoPerDACDescription,
                    nDACNum=dac,
                    nEpochNum=k,
                    nEpochType=e.kind,
                    fEpochInitLevel=e.level,
                    fEpochLevelInc=e.by,
                    lEpochInitDuration=e.samples,
                    lEpochDurationInc=e.by_samples,
                    lEpochPulsePeriod=e.period,
                    lEpochPulseWidth=e.width,
                )
                for dac, c in enumerate(commands)
                for k, e in enumerate(c.epochs)
            ),
            sum(len(c.epochs) for c in commands),
        ),
        "UserListSection": (
            b"".join(
                struct.pack("<4hi52x", u.dac, 0, u.parameter, u.repeats, place)
                for u, place in zip(lists, values, strict=True)
            ),
            len(lists),
        ),
        "StringsSection": (b"\0" + b"\0".join(s.encode() for s in strings) + b"\0", len(strings)),
        "DataSection": (
            np.round(data / 1000 * 32768).astype("<i2").tobytes(),
            sweeps * samples * width,
        ),
        "SynchArraySection": (
            b"".join(struct.pack("<ii", k * samples, samples * width) for k in range(sweeps)),
            sweeps,
        ),
    }
    _file(path, axon.sectionNames, sections, sweeps)


def write_version_1(
    path: Any,
    channels: Sequence[tuple[str, str]],
    data: np.ndarray,
    command: Command,
    rate: float = 20e3,
) -> None:
    """Write an ABF 1 file, with one command."""
    from neo.rawio import axonrawio as axon

    sweeps, samples, width = data.shape
    head = bytearray(12 * BLOCK)
    fill = lambda texts, size: b"".join(t.encode().ljust(size) for t in texts)  # noqa: E731
    values = {
        "fFileSignature": b"ABF ",
        "fFileVersionNumber": 1.83,
        "nOperationMode": 5,
        "lActualAcqLength": data.size,
        "lActualEpisodes": sweeps,
        "lDataSectionPtr": 12,
        "lSynchArrayPtr": 11,
        "lSynchArraySize": sweeps,
        "nADCNumChannels": width,
        "fADCSampleInterval": 1e6 / rate / width,
        "fADCRange": 10.0,
        "lADCResolution": 32768,
        "nADCSamplingSeq": [*range(width), *[-1] * (16 - width)],
        "fADCProgrammableGain": [1.0] * 16,
        "fInstrumentScaleFactor": [0.01] * 16,
        "fSignalGain": [1.0] * 16,
        "nWaveformEnable": [command.enabled, 0],
    }
    for name, offset, form in axon.headerDescriptionV1:
        value = values.get(name)
        if value is not None:
            struct.pack_into("<" + form, head, offset, *(value if type(value) is list else [value]))
    blank = [""] * (16 - width)
    head[442:602] = fill([name for name, _ in channels] + blank, 10)
    head[602:730] = fill([unit for _, unit in channels] + blank, 8)
    head[1306:1346] = fill([command.name, "Cmd 1", "AO #2", "AO #3"], 10)
    head[1346:1378] = fill([command.unit, "mV", "mV", "mV"], 8)
    for k in range(sweeps):
        struct.pack_into("<ii", head, 11 * BLOCK + 8 * k, k * samples * width, samples * width)
    path.write_bytes(bytes(head) + np.round(data / 1000 * 32768).astype("<i2").tobytes())


def _file(path: Any, names: Sequence[str], sections: dict, sweeps: int) -> None:
    head = bytearray(BLOCK)
    struct.pack_into("<4s4bII", head, 0, b"ABF2", 0, 0, 6, 2, BLOCK, sweeps)
    struct.pack_into("<I", head, 72, 2)
    body, block = b"", 1
    for k, name in enumerate(names):
        content, entries = sections.get(name, (b"", 0))
        if not entries:
            continue
        size = len(content) if name == "StringsSection" else len(content) // entries
        struct.pack_into("<IIq", head, 76 + 16 * k, block, size, entries)
        padded = content + bytes(-len(content) % BLOCK)
        body += padded
        block += len(padded) // BLOCK
    path.write_bytes(bytes(head) + body)


def _packed(description: Sequence[tuple[str, str]], **values: Any) -> bytes:
    found = b""
    for name, form in description:
        rest = struct.unpack("<" + form, bytes(struct.calcsize("<" + form)))
        found += struct.pack("<" + form, values.pop(name, rest[0]), *rest[1:])
    if values:
        raise KeyError(f"no field is called {', '.join(values)}")
    return found
