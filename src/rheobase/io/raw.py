"""What every reader of recordings gives, and what is checked of it: units, sizes, numbers."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rheobase.errors import ArgumentError, RecordingError, brief
from rheobase.units import mV, nA

LARGEST_VOLTAGE = 300.0
"""mV; a membrane that is not torn by its field stays below it."""
SMALLEST_SWING = 1.5
"""mV; a voltage that never leaves this range around zero is in volts, whatever its label says."""
LARGEST_CURRENT = 100.0
"""nA; more does not go through a patch or sharp electrode: pA with the label nA."""


class Wanted(NamedTuple):
    """What the caller names of a file."""

    voltage: str | None = None
    current: str | None = None
    electrode: str | None = None


class Raw(NamedTuple):
    """A sweep as a format gives it, in mV and nA."""

    v: np.ndarray
    i: np.ndarray
    dt: float
    start: float
    held: float | None = None
    """nA, where the format knows the holding current of this sweep."""


class Found(NamedTuple):
    """What a reader found in a file."""

    raw: list[Raw]
    holding: float | None
    """nA, where it is known."""
    protocol: str
    left_out: tuple[str, ...] = ()
    """What the caller did not ask for."""
    doubtful: tuple[str, ...] = ()
    """What the reader itself did not take, with the reason: the caller is warned."""


def chosen_sweeps(found: Found, sweeps: Any, path: str) -> Found:
    """Only the sweeps that the caller names by number: a slice or whole numbers."""
    every = range(len(found.raw))
    if sweeps is None:
        return found
    if isinstance(sweeps, slice):
        numbers = list(every[sweeps])
    else:
        numbers = [sweeps] if isinstance(sweeps, int | np.integer) else list(sweeps)
    cure = "Write sweeps=[0, 2], or sweeps=slice(0, None, 2)."
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | np.integer):
            raise ArgumentError(f"`sweeps` holds numbers of sweeps, got {brief(number)}. {cure}")
        if number not in every:
            raise ArgumentError(
                f"`sweeps` names sweep {number}, but {path} has {len(every)} sweeps, from 0 to "
                f"{len(every) - 1}. {cure}"
            )
    if not numbers:
        raise ArgumentError(f"`sweeps` names no sweep. {cure}")
    numbers = list(dict.fromkeys(int(n) for n in numbers))
    rest = [str(k) for k in every if k not in numbers]
    kept = [_without_tail(found.raw[k]) for k in numbers]
    cut = tuple(
        f"the end of sweep {k}, after {len(raw.v) * raw.dt:g} ms: it holds no numbers"
        for k, raw in zip(numbers, kept, strict=True)
        if len(raw.v) < len(found.raw[k].v)
    )
    others = (f"sweeps {', '.join(rest)}: not among `sweeps`",) if rest else ()
    return found._replace(raw=kept, left_out=found.left_out + others, doubtful=found.doubtful + cut)


def sound_sweeps(found: Found, path: str) -> Found:
    """Only the sweeps that can be used.

    One that was stopped early is cut where no sweep is whole, else left out. Units and gains are
    those of the whole file: it is refused where most sweeps, or any current, have the wrong size.
    """
    raw, doubtful = found.raw, found.doubtful
    stopped = [_is_stopped(sweep) for sweep in raw]
    if raw and all(stopped):
        raw = [_without_tail(sweep) for sweep in raw]
        doubtful = (*doubtful, "the end of every sweep: it holds no numbers")
    reasons = [unusable(sweep) for sweep in raw]
    bad = [k for k, reason in enumerate(reasons) if reason and not stopped[k]]
    scaled = [k for k in bad if np.abs(raw[k].i).max() > LARGEST_CURRENT]
    if scaled or (bad and (2 * len(bad) > len(raw) or all(reasons))):
        worst = (scaled or bad)[0]
        raise RecordingError(f"sweep {worst} of {path} {reasons[worst]}")
    notes = [f"sweep {k}: it {reason}" for k, reason in enumerate(reasons) if reason]
    kept = [sweep for sweep, reason in zip(raw, reasons, strict=True) if not reason]
    return found._replace(raw=kept, doubtful=(*doubtful, *notes))


def warn_of(doubtful: Sequence[str], path: str, level: int) -> None:
    """Warn once of everything that a reader left out by itself."""
    if doubtful:
        warnings.warn(
            f"left out of {path}: {'; '.join(doubtful)}. Choose with sweeps=, voltage= and "
            f"current= to say what is read.",
            stacklevel=level + 1,
        )


def unusable(sweep: Raw) -> str | None:
    """Why the values of a sweep cannot be used, None where they can."""
    if len(sweep.v) == 0 or len(sweep.v) != len(sweep.i):
        samples = f"{len(sweep.v)} samples of voltage and {len(sweep.i)} of current"
        return f"has {samples}: the file is cut short."
    if not (np.isfinite(sweep.v).all() and np.isfinite(sweep.i).all()):
        if _is_stopped(sweep):
            end = len(_without_tail(sweep).v) * sweep.dt
            return (
                f"has values that are no numbers after {end:g} ms: it was stopped early. Name it "
                f"by sweeps= to have it cut there."
            )
        return "has values that are no numbers: the file is damaged."
    low, high = float(sweep.v.min()), float(sweep.v.max())
    reason = None
    if max(-low, high) > LARGEST_VOLTAGE:
        reason = f"voltages from {low:.4g} to {high:.4g} mV, more than a membrane bears"
    elif max(-low, high) < SMALLEST_SWING:
        reason = f"voltages from {low:.4g} to {high:.4g} mV, the size of volts"
    elif np.abs(sweep.i).max() > LARGEST_CURRENT:
        reason = f"currents up to {np.abs(sweep.i).max():.4g} nA, the size of pA"
    return reason and (
        f"has {reason}: its units or its gain are wrong. Correct them in the file, or use "
        f"recording_of."
    )


def _is_stopped(sweep: Raw) -> bool:
    """Whether the sweep is sound but for its end, which holds no numbers."""
    cut = _without_tail(sweep)
    return 0 < len(cut.v) < len(sweep.v) and unusable(cut) is None


def _without_tail(sweep: Raw) -> Raw:
    """The sweep up to its last sample in which voltage and current are numbers."""
    if len(sweep.v) != len(sweep.i):
        return sweep
    good = np.flatnonzero(np.isfinite(sweep.v) & np.isfinite(sweep.i))
    end = int(good[-1]) + 1 if len(good) else 0
    return sweep._replace(v=sweep.v[:end], i=sweep.i[:end]) if end < len(sweep.v) else sweep


def scale_to(target: Any, symbol: str, what: str) -> float | None:
    """How many mV (or nA) one `symbol` is; None where it measures something else.

    Errors: `RecordingError` for a missing unit, or a scaled one of voltage or current.
    """
    prefixes = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12}  # noqa: RUF001
    text = symbol.strip().replace("dimensionless", "")
    if not text:
        raise RecordingError(
            f"{what} has no unit, so that nobody knows what it measures. Set the units in the "
            f"file, or hand the arrays to rb.io.recording_of(v*mV, i*nA, rate=20*kHz)."
        )
    long = {"volt": "V", "volts": "V", "ampere": "A", "amperes": "A", "amp": "A", "amps": "A"}
    text = long.get(text.lower(), text)
    kind, prefix = text[-1], text[:-1]
    if kind not in "VA":  # a temperature, a pressure, a sound
        return None
    if prefix not in prefixes:
        raise RecordingError(
            f"{what} is in {symbol!r}, which is no unit of voltage or current: it is scaled, or "
            f"mislabelled. Set the units in the file to mV or pA."
        )
    if kind != {mV: "V", nA: "A"}[target]:
        return None
    return prefixes[prefix] * {mV: 1e3, nA: 1e9}[target]
