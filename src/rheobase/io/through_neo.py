"""Recordings through neo, in any format that it reads, current beside voltage."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.errors import RecordingError, UnknownName
from rheobase.io.recording import Raw, scale_to
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


def read(
    path: Path, voltage: str | None, current: str | None
) -> tuple[list[Raw], float | None, str]:
    """Sweeps, holding current (nA) where it is known, and the name of the protocol."""
    if path.suffix.lower() in REFUSED:
        raise RecordingError(
            f"{path} is a pickle: reading it would run what is in it. Save it in another format "
            f"of neo, or hand its arrays to rb.io.recording_of."
        )
    return [_sweep(s, path, voltage, current) for s in segments(path)], None, ""


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
        if isinstance(error, RecordingError | KeyboardInterrupt | ImportError) or error is None:
            return
        raise RecordingError(
            f"{self.path} cannot be read: it is cut short, damaged or of another format "
            f"({type(error).__name__}: {error})."
        ) from None


def _sweep(segment: Any, path: Path, voltage: str | None, current: str | None) -> Raw:
    channels = {}
    for signal in segment.analogsignals:
        names = signal.array_annotations.get("channel_names", [signal.name] * signal.shape[1])
        values = np.asarray(signal.magnitude, float)
        for k in range(values.shape[1]):
            name = str(names[k]) if names[k] is not None else f"channel {len(channels)}"
            channels[name] = (values[:, k], str(signal.dimensionality), signal)
    v = chosen(channels, "V", voltage, path)
    i = chosen(channels, "A", current, path)
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
    signal = v[2]
    dt = 1e3 / float(signal.sampling_rate.rescale("Hz").magnitude)
    start = 1e3 * float(signal.t_start.rescale("s").magnitude)
    return Raw(v[0] * v[3], i[0] * i[3], dt, start)


def chosen(channels: dict[str, Any], kind: str, name: str | None, path: Path) -> Any:
    """The channel of voltage ("V") or current ("A"), with the factor to mV or nA, or None."""
    target = {"V": mV, "A": nA}[kind]
    if name is not None:
        if name not in channels:
            raise UnknownName(f"channel of {path.name}", name, channels)
        found = channels[name]
        factor = scale_to(target, found[1], f"channel {name!r} of {path}")
        if factor is None:
            what = {"V": "voltage", "A": "current"}[kind]
            raise RecordingError(f"channel {name!r} of {path} is in {found[1]}, no {what}.")
        return (*found, factor)
    fitting = {}
    for label, found in channels.items():
        factor = scale_to(target, found[1], f"channel {label!r} of {path}")
        if factor is not None:
            fitting[label] = (*found, factor)
    if len(fitting) > 1:
        what = {"V": "voltage", "A": "current"}[kind]
        raise RecordingError(
            f"{path} has several channels of {what}: {', '.join(fitting)}. Choose one: "
            f"read_recording(path, {what}={next(iter(fitting))!r})."
        )
    return next(iter(fitting.values()), None)
