"""Recordings through neo, in any format that it reads, current beside voltage."""

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rheobase.errors import RecordingError, UnknownName
from rheobase.io.raw import Found, Raw, Wanted, scale_to
from rheobase.units import mV, nA

REFUSED = {".pkl", ".pickle", ".p"}
"""To read them is to run the code in them."""


def need(package: str) -> Any:
    """A package of the extra `recording`."""
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError:
        name = package.partition(".")[0]
        raise ImportError(
            f"reading recordings needs {name}, which is not installed. "
            f'Write pip install "rheobase[recording]".'
        ) from None


def read(path: Path, wanted: Wanted) -> Found:
    """The sweeps of one channel of voltage with one of current."""
    if path.suffix.lower() in REFUSED:
        raise RecordingError(
            f"{path} is a pickle: reading it would run what is in it. Save it in another format "
            f"of neo, or hand its arrays to rb.io.recording_of."
        )
    if wanted.electrode is not None:
        raise RecordingError(
            f"{path} names no electrodes, got electrode={wanted.electrode!r}. Choose channels by "
            f"voltage= and current=."
        )
    return Found([_sweep(s, path, wanted) for s in segments(path)], None, "")


def segments(path: Path) -> list[Any]:
    """Every segment of the file, in neo's sense."""
    neo = need("neo")
    try:
        reader = neo.io.get_io(str(path))
    except Exception as error:
        raise RecordingError(
            f"{path} is of no format that neo knows ({error}). Convert it to NWB or ABF."
        ) from None
    with attempt(path):
        blocks = reader.read(lazy=False)
    return [segment for block in blocks for segment in block.segments]


class attempt:
    """Whatever a reader says about a file that it cannot read, as a `RecordingError`."""

    def __init__(self, path: Path):
        self.path = path
        self.caught = warnings.catch_warnings()

    def __enter__(self):
        self.caught.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.caught.__exit__(kind, error, trace)
        if (
            isinstance(error, RecordingError | UnknownName | KeyboardInterrupt | ImportError)
            or error is None
        ):
            return
        raise RecordingError(
            f"{self.path} cannot be read: it is cut short, damaged or of another format "
            f"({type(error).__name__}: {error})."
        ) from None


class Channel(NamedTuple):
    """A channel of a file: its name and column, and how many mV or nA one of its units is."""

    name: str
    column: int
    factor: float


def _sweep(segment: Any, path: Path, wanted: Wanted) -> Raw:
    channels, columns = {}, []
    for signal in segment.analogsignals:
        names = signal.array_annotations.get("channel_names", [signal.name] * signal.shape[1])
        values = np.asarray(signal.magnitude, float)
        for k in range(values.shape[1]):
            name = str(names[k]) if names[k] is not None else f"channel {len(channels)}"
            name = f"{name} ({len(columns)})" if name in channels else name
            channels[name] = (len(columns), str(signal.dimensionality))
            columns.append((values[:, k], signal))
    v = chosen(channels, "V", wanted.voltage, path)
    i = chosen(channels, "A", wanted.current, path)
    if v is None and i is not None:
        raise RecordingError(
            f"{path} records a current and no voltage: it is in voltage clamp. A model is fitted "
            f"to recordings in current clamp."
        )
    if v is None:
        raise RecordingError(f"{path} holds no voltage. It has {', '.join(channels) or 'nothing'}.")
    if i is None:
        raise RecordingError(
            f"{path} holds no current, and its format no command waveform: what the cell was "
            f"given is not known. Hand the arrays to rb.io.recording_of(v*mV, i*nA, rate=20*kHz)."
        )
    (volts, signal), (amperes, other) = columns[v.column], columns[i.column]
    step, start = _grid(signal)
    if not np.allclose(_grid(other), (step, start), rtol=1e-9, atol=0.01 * step):
        raise RecordingError(
            f"{v.name} and {i.name} of {path} differ in their sampling rate or their beginning: "
            f"one cannot be set beside the other. Resample them, and use rb.io.recording_of."
        )
    return Raw(volts * v.factor, amperes * i.factor, step, start)


def _grid(signal: Any) -> tuple[float, float]:
    """Sampling interval and beginning, ms."""
    dt = 1e3 / float(signal.sampling_rate.rescale("Hz").magnitude)
    return dt, 1e3 * float(signal.t_start.rescale("s").magnitude)


def chosen(
    channels: dict[str, tuple[int, str]], kind: str, name: str | None, path: Path
) -> Channel | None:
    """The channel of voltage ("V") or current ("A"), None where there is none.

    - `channels`: column and unit of each; what measures something else is passed over.
    """
    target = {"V": mV, "A": nA}[kind]
    what = {"V": "voltage", "A": "current"}[kind]
    if name is not None:
        if name not in channels:
            raise UnknownName(f"channel of {path.name}", name, channels)
        column, unit = channels[name]
        factor = scale_to(target, unit, f"channel {name!r} of {path}")
        if factor is None:
            raise RecordingError(f"channel {name!r} of {path} is in {unit}, no {what}.")
        return Channel(name, column, factor)
    fitting = []
    for label, (column, unit) in channels.items():
        factor = scale_to(target, unit, f"channel {label!r} of {path}")
        if factor is not None:
            fitting.append(Channel(label, column, factor))
    if len(fitting) > 1:
        raise RecordingError(
            f"{path} has several channels of {what}: {', '.join(c.name for c in fitting)}. Choose "
            f"one: read_recording(path, {what}={fitting[0].name!r})."
        )
    return fitting[0] if fitting else None
