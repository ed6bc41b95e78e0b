"""Recordings in NWB files (Neurodata Without Borders), through pynwb.

A response is a `CurrentClampSeries`, or the part of one that a row of the table of intracellular
recordings names. Its current is that of its stimulus at the same times, plus the bias current.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rheobase.errors import RecordingError, UnknownName
from rheobase.io.raw import Found, Raw, Wanted, scale_to
from rheobase.io.through_neo import attempt, need
from rheobase.units import mV, nA

_GAP = 1.5
"""Sampling intervals: timestamps further apart leave a gap."""
_UNEVEN = 0.25
"""Sampling intervals by which a timestamp may lie beside its place."""


class Part(NamedTuple):
    """Some samples of a series: `size` from `first` on, all from there on where it is None."""

    series: Any
    first: int = 0
    size: int | None = None

    @property
    def name(self) -> str:
        return str(self.series.name)


class Stretch(NamedTuple):
    """Samples at one rate, without a gap."""

    values: np.ndarray
    start: float
    """s."""
    rate: float
    """Hz."""

    @property
    def end(self) -> float:
        return self.start + len(self.values) / self.rate


class File(NamedTuple):
    """An open file: what the readers below look at."""

    path: Path
    content: Any
    zero: type
    """The class of responses to no current, `IZeroClampSeries`."""


def read(path: Path, wanted: Wanted) -> Found:
    """The sweeps of one electrode."""
    pynwb = need("pynwb")
    with attempt(path), pynwb.NWBHDF5IO(str(path), "r") as opened:
        content = opened.read()
        file = File(path, content, pynwb.icephys.IZeroClampSeries)
        every = [
            s
            for s in content.acquisition.values()
            if isinstance(s, pynwb.icephys.CurrentClampSeries)
        ]
        if not every:
            raise RecordingError(_without(content, pynwb, path))
        clamped, beside = _chosen(every, wanted, path)
        given = [
            s
            for s in content.stimulus.values()
            if isinstance(s, pynwb.icephys.CurrentClampStimulusSeries)
            and (wanted.current is None or s.name == wanted.current)
        ]
        if wanted.current is not None and not given:
            raise UnknownName(f"stimulus of {path.name}", wanted.current, content.stimulus)
        pairs = _pairs(file, clamped, given, named=wanted.current is not None)
        found: list[Raw] = []
        doubtful: list[str] = []
        for response, stimulus in pairs:
            if stimulus is None and not isinstance(response.series, file.zero):
                doubtful.append(_no_stimulus(response, path))
            else:
                found += _sweeps(response, stimulus, file)
        if not found:
            raise RecordingError(doubtful[0] if doubtful else f"{path} holds no sweep.")
        session = str(content.protocol or clamped[0].stimulus_description or "")
    order = np.argsort([raw.start for raw in found], kind="stable")
    return Found(_held([found[k] for k in order]), None, session, beside, tuple(doubtful))


def _without(content: Any, pynwb: Any, path: Path) -> str:
    kinds = content.acquisition.values()
    if any(isinstance(s, pynwb.icephys.VoltageClampSeries) for s in kinds):
        return (
            f"{path} is in voltage clamp: it holds VoltageClampSeries. A model is fitted to "
            f"recordings in current clamp."
        )
    held = ", ".join(f"{s.name} ({type(s).__name__})" for s in kinds) or "nothing"
    return f"{path} holds no CurrentClampSeries among its acquisitions. It has {held}."


def _chosen(every: list, wanted: Wanted, path: Path) -> tuple[list, tuple[str, ...]]:
    """The responses of one electrode, and what is left out with the others."""
    electrodes: dict[str, list] = {}
    for series in every:
        electrodes.setdefault(_electrode(series), []).append(series)
    clamped = every
    if wanted.voltage is not None:
        clamped = [s for s in every if s.name == wanted.voltage]
        if not clamped and wanted.voltage in electrodes:
            raise RecordingError(
                f"{wanted.voltage!r} is an electrode of {path}, not a series. "
                f"Write read_recording(path, electrode={wanted.voltage!r})."
            )
        if not clamped:
            raise UnknownName(f"series of {path.name}", wanted.voltage, [s.name for s in every])
    if wanted.electrode is not None:
        if wanted.electrode not in electrodes:
            raise UnknownName(f"electrode of {path.name}", wanted.electrode, electrodes)
        clamped = [s for s in clamped if _electrode(s) == wanted.electrode]
        if not clamped:
            raise RecordingError(
                f"{wanted.voltage} of {path} was not recorded with electrode {wanted.electrode!r}."
            )
    several = list(dict.fromkeys(_electrode(s) for s in clamped))
    if len(several) > 1:
        raise RecordingError(
            f"{path} has several electrodes: {', '.join(several)}. Each is a recording of its own. "
            f"Choose one: read_recording(path, electrode={several[0]!r})."
        )
    kept = {id(s) for s in clamped}
    rest = {
        name: [s.name for s in series if id(s) not in kept] for name, series in electrodes.items()
    }
    return clamped, tuple(
        f"electrode {name}: {', '.join(names)}" for name, names in rest.items() if names
    )


def _electrode(series: Any) -> str:
    return str(series.electrode.name)


def _pairs(
    file: File, clamped: list, given: list, *, named: bool
) -> list[tuple[Part, Part | None]]:
    """Each response with its stimulus: by the table of recordings, number of the sweep, or time."""
    table = file.content.intracellular_recordings
    responses = {id(s) for s in clamped}
    pairs: list[tuple[Part, Part | None]] = []
    if table is not None:
        for row in range(len(table)):
            response = _part(table["responses"]["response"][row])
            if response is None or id(response.series) not in responses:
                continue
            stimulus = None if named else _part(table["stimuli"]["stimulus"][row])
            pairs.append((response, stimulus or _partner(response, given)))
    tabled = {id(response.series) for response, _ in pairs}
    rest = [Part(s) for s in clamped if id(s) not in tabled]
    return pairs + [(part, _partner(part, given)) for part in rest]


def _part(reference: Any) -> Part | None:
    """What a row of the table refers to; -1 stands for nothing, or for all samples."""
    if reference.timeseries is None or (reference.idx_start < 0 and reference.count < 0):
        return None
    first, count = int(reference.idx_start), int(reference.count)
    return Part(reference.timeseries, max(first, 0), count if count >= 0 else None)


def _partner(response: Part, given: list) -> Part | None:
    """The stimulus of the same electrode and sweep, or else that of the same time."""
    series = response.series
    own = [s for s in given if _electrode(s) == _electrode(series)]
    same = [
        s for s in own if series.sweep_number is not None and s.sweep_number == series.sweep_number
    ]
    if not same:
        stretches = _stretches(response)
        begin, end, dt = stretches[0].start, stretches[-1].end, 1 / stretches[0].rate
        spans = {s.name: (_begin(s), s) for s in own}
        same = [s for start, s in spans.values() if abs(start - begin) < dt]
        same = same or [s for start, s in spans.values() if begin < start < end]
    return Part(same[0]) if len(same) == 1 else None


def _begin(series: Any) -> float:
    """When a series begins, s."""
    if series.timestamps is not None:
        return float(series.timestamps[0])
    return float(series.starting_time or 0.0)


def _no_stimulus(response: Part, path: Path) -> str:
    number = response.series.sweep_number
    return (
        f"{response.name} of {path} has no stimulus: there must be one CurrentClampStimulusSeries "
        f"of its electrode with its sweep number, {number}, or its starting time, or a row in the "
        f"table of intracellular recordings. Without it nobody knows what the cell was given."
    )


def _sweeps(response: Part, stimulus: Part | None, file: File) -> list[Raw]:
    """The sweeps of a response, one for each stretch without a gap."""
    if stimulus is None:  # in I=0 mode no current is injected
        given, bias = [], 0.0
    else:
        given, bias = _stretches(stimulus, nA, file.path), _bias(response.series)
    found = []
    for part in _stretches(response, mV, file.path):
        i = np.full(len(part.values), bias)
        touched = stimulus is None
        for other in given:
            touched |= _added(i, part, other)
        if not touched and stimulus is not None:
            raise RecordingError(
                f"{response.name} of {file.path} lasts from {part.start:g} to {part.end:g} s, and "
                f"its stimulus {stimulus.name} from {given[0].start:g} to {given[-1].end:g} s: the "
                f"times of one of them are wrong. Correct them in the file, or use recording_of."
            )
        found.append(Raw(part.values, i, 1e3 / part.rate, 1e3 * part.start, bias))
    return found


def _added(i: np.ndarray, part: Stretch, given: Stretch) -> bool:
    """Add to `i` what was given during `part`; whether anything was."""
    # Each sample takes the value that was held at its time.
    at = (part.start - given.start) * given.rate + np.arange(len(i)) * (given.rate / part.rate)
    places = np.floor(at + 1e-3).astype(np.int64)
    inside = (places >= 0) & (places < len(given.values))
    i[inside] += given.values[places[inside]]
    return bool(inside.any())


def _bias(series: Any) -> float:
    """The bias current of a response, nA."""
    bias = float(series.bias_current or 0.0) * 1e9
    return 0.0 if np.isnan(bias) else bias


def _held(raw: list[Raw]) -> list[Raw]:
    """Sweeps with their holding current: the bias, and what most stimuli begin with."""
    first = [float(s.i[0] - (s.held or 0.0)) for s in raw if len(s.i)]
    base = max(set(first), key=first.count) if first else 0.0
    return [s._replace(held=base + (s.held or 0.0)) for s in raw]


def _stretches(part: Part, unit: Any = None, path: Path | None = None) -> list[Stretch]:
    """The samples in `unit`, cut where the timestamps leave a gap."""
    series, stop = part.series, None if part.size is None else part.first + part.size
    count = len(series.data[part.first : stop])
    if part.size is not None and count < part.size:
        raise RecordingError(
            f"{part.name} of {path} has {len(series.data)} samples, and the table of recordings "
            f"names {part.size} from {part.first} on: the file is cut short."
        )
    values = np.zeros(count) if unit is None else _values(part, stop, unit, path)
    if series.rate is not None:
        rate = float(series.rate)
        return [Stretch(values, float(series.starting_time or 0.0) + part.first / rate, rate)]
    times = np.asarray(series.timestamps[part.first : stop], float)
    if len(times) != count:
        raise RecordingError(
            f"{part.name} of {path} has {count} samples and {len(times)} timestamps."
        )
    if count < 2:
        raise RecordingError(f"{part.name} of {path} has {count} samples, too few to have a rate.")
    steps = np.diff(times)
    usual = float(np.median(steps))
    cuts = np.flatnonzero(steps > _GAP * usual) + 1
    bounds = list(zip([0, *cuts], [*cuts, count], strict=True))
    a, b = max(bounds, key=lambda bound: bound[1] - bound[0])
    dt = float(times[b - 1] - times[a]) / (b - a - 1) if b - a > 1 else usual
    uneven = [np.abs(times[a:b] - times[a] - dt * np.arange(b - a)).max() for a, b in bounds]
    if steps.min() <= 0 or max(uneven) > _UNEVEN * dt:
        raise RecordingError(
            f"the timestamps of {part.name} of {path} are uneven: a sample lies "
            f"{1e3 * max(uneven):.3g} ms beside its place. Resample it, and use "
            f"rb.io.recording_of(v*mV, i*nA, rate=20*kHz)."
        )
    # Times are rounded, so that a rate made from them is too.
    return [Stretch(values[a:b], float(times[a]), round(1 / dt, 3)) for a, b in bounds]


def _values(part: Part, stop: int | None, unit: Any, path: Path | None) -> np.ndarray:
    series = part.series
    factor = scale_to(unit, str(series.unit), f"{part.name} of {path}")
    if factor is None:
        raise RecordingError(f"{part.name} of {path} is in {series.unit}, expected {unit}.")
    stored = np.asarray(series.data[part.first : stop], float)
    if stored.ndim != 1:
        raise RecordingError(
            f"{part.name} of {path} has shape {stored.shape}, expected one value a sample."
        )
    return factor * (stored * float(series.conversion) + float(series.offset or 0.0))
