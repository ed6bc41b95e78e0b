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


def write(
    path: Any,
    channels: Sequence[tuple[str, str]],
    data: np.ndarray,
    command: Command,
    rate: float = 20e3,
) -> None:
    """Write an ABF file.

    - `channels`: names and units; `data`: (sweeps, samples, channels) in these units.
    """
    from neo.rawio import axonrawio as axon

    sweeps, samples, width = data.shape
    strings = ["", "neo", r"L:\protocols\steps.pro", "Cmd 0", command.unit]
    places = []
    for name, unit in channels:
        places.append((len(strings), len(strings) + 1))
        strings += [name, unit]
    sections: dict[str, tuple[bytes, int]] = {
        "ProtocolSection": (
            _packed(
                axon.protocolInfoDescription,
                nOperationMode=5,
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
            _packed(
                axon.DACInfoDescription,
                nWaveformEnable=command.enabled,
                nWaveformSource=command.source,
                nInterEpisodeLevel=command.stays,
                fDACHoldingLevel=command.holding,
                lDACChannelNameIndex=3,
                lDACChannelUnitsIndex=4,
            ),
            1,
        ),
        "EpochPerDACSection": (
            b"".join(
                _packed(
                    axon.EpochInfoPerDACDescription,
                    nEpochNum=k,
                    nEpochType=e.kind,
                    fEpochInitLevel=e.level,
                    fEpochLevelInc=e.by,
                    lEpochInitDuration=e.samples,
                    lEpochDurationInc=e.by_samples,
                    lEpochPulsePeriod=e.period,
                    lEpochPulseWidth=e.width,
                )
                for k, e in enumerate(command.epochs)
            ),
            len(command.epochs),
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
