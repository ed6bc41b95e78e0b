"""Current-clamp recordings: what was injected into a cell, and how its voltage answered.

`read_recording` reads Axon files (ABF) with the command of their protocol, NWB files, and every
other format that neo reads where the current was recorded beside the voltage. What cannot be used
is refused with the reason: voltage clamp, no current, missing or implausible units, damaged files.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from rheobase import printed
from rheobase.errors import ArgumentError, RecordingError
from rheobase.io.raw import Found, Raw, Wanted, chosen_sweeps, sound_sweeps, unusable, warn_of
from rheobase.units import Quantity, ms, mV, nA, s


class Pulse(NamedTuple):
    """A stretch of constant current that differs from the holding current."""

    begin: float
    """ms after the beginning of the sweep."""
    end: float
    """ms."""
    current: float
    """nA."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """One sweep: voltage `v` (mV) and injected current `i` (nA) at the times `t` (ms).

    - `number`: its place in the recording, from 0.
    - `dt`: sampling interval, ms.
    - `start`: when it began after the first sweep began, ms.

    >>> import numpy as np, rheobase as rb
    >>> from rheobase.units import kHz, mV, nA
    >>> v, i = np.full((1, 90), -65), np.arange(90)[None] // 30 % 2 * 0.1
    >>> sweep = rb.io.recording_of(v * mV, i * nA, rate=1 * kHz).sweeps[0]
    >>> sweep.t[-1].item(), sweep.pulses(shortest=20)
    (89.0, [Pulse(begin=30.0, end=60.0, current=0.1)])
    """

    number: int
    v: np.ndarray
    i: np.ndarray
    dt: float
    start: float
    holding: float = 0.0
    """nA."""

    def __repr__(self) -> str:
        return printed.shortly(self)

    @property
    def t(self) -> np.ndarray:
        """Time of each sample after the beginning of the sweep, ms."""
        return np.arange(len(self.v)) * self.dt

    @property
    def duration(self) -> float:
        """ms."""
        return len(self.v) * self.dt

    def pulses(self, shortest: float = 50.0) -> list[Pulse]:
        """The stretches of constant current other than the holding current, of 50 ms at least."""
        edges = np.flatnonzero(np.diff(self.i)) + 1
        bounds = np.concatenate([[0], edges, [len(self.i)]])
        found = [
            Pulse(float(a * self.dt), float(b * self.dt), float(self.i[a]))
            for a, b in zip(bounds[:-1], bounds[1:], strict=True)
            if (b - a) * self.dt >= shortest and self.i[a] != self.holding
        ]
        return found

    def every(self, dt: float) -> Self:
        """The sweep with a sample every `dt` (ms), a whole multiple of its own.

        Sample k is the voltage at k dt and the mean of the current from then to (k + 1) dt.
        """
        ratio = round(dt / self.dt)
        if ratio < 1 or abs(ratio * self.dt - dt) > 1e-6 * dt:
            raise ArgumentError(
                f"the recording has a sample every {self.dt:g} ms, of which {dt:g} ms is no whole "
                f"multiple. Choose dt={max(ratio, 1) * self.dt:g}*ms."
            )
        length = len(self.v) // ratio
        blocks = self.i[: length * ratio].reshape(length, ratio)
        return dataclasses.replace(
            self, v=self.v[: length * ratio : ratio], i=blocks.mean(axis=1), dt=ratio * self.dt
        )


@dataclass(frozen=True, eq=False)
class CurrentClamp:
    """A recording in current clamp: sweeps of voltage and current, as `read_recording` returns it.

    Voltages in mV, currents in nA, times in ms; `holding` is the current between pulses, nA.

    >>> import numpy as np, rheobase as rb
    >>> from rheobase.units import kHz, mV, nA
    >>> v, i = np.full((3, 100), -65.0), np.zeros((3, 100))
    >>> i[:, 20:80] = [[0.1], [0.2], [0.3]]
    >>> rec = rb.io.recording_of(v * mV, i * nA, rate=1 * kHz)
    >>> rec
    CurrentClamp(3 sweeps of 100 ms at 1 kHz, -65 to -65 mV, 0 to 0.3 nA, holding 0 nA)
    >>> rec.sweeps[2].pulses()
    [Pulse(begin=20.0, end=80.0, current=0.3)]
    """

    sweeps: tuple[Sweep, ...]
    holding: float
    protocol: str
    path: str
    left_out: tuple[str, ...] = ()
    """What the file holds beside this, each with the reason why it was not taken."""

    @property
    def dt(self) -> float:
        """Sampling interval, ms."""
        return self.sweeps[0].dt

    @property
    def rate(self) -> float:
        """Sampling rate, kHz."""
        return 1 / self.dt

    def corrected(self, *, junction: Quantity = 0 * mV, drift: Quantity = 0 * mV / s) -> Self:
        """The recording with v - junction - drift t in place of v, t from its beginning.

        - `junction`: the liquid junction potential, what a pipette in the bath was zeroed by.
        - `drift`: of the electrode, voltage per time; `rb.fitting.passive`
          tells how fast the resting voltage moved.

        Source: Barry & Lynch 1991, J Membr Biol 121:101. Errors: `UnitError` for other dimensions.

        >>> import numpy as np, rheobase as rb
        >>> from rheobase.units import kHz, mV, nA
        >>> i = np.zeros((1, 90))
        >>> i[0, 30:60] = 0.1
        >>> rec = rb.io.recording_of(np.full((1, 90), -65) * mV, i * nA, rate=1 * kHz)
        >>> rec.corrected(junction=12 * mV).sweeps[0].v[0].item()
        -77.0
        """
        offset, slope = float(junction.value_in(mV)), float(drift.value_in(mV / ms))
        moved = [
            dataclasses.replace(sweep, v=sweep.v - offset - slope * (sweep.start + sweep.t))
            for sweep in self.sweeps
        ]
        return dataclasses.replace(self, sweeps=tuple(moved))

    def resampled(self, rate: Quantity) -> Self:
        """The recording at another rate: voltages between samples on a line, currents held.

        >>> import numpy as np, rheobase as rb
        >>> from rheobase.units import kHz, mV, nA
        >>> v, i = np.full((1, 100), -65.0), np.arange(100)[None] // 50 * 0.1
        >>> rb.io.recording_of(v * mV, i * nA, rate=12.5 * kHz).resampled(20 * kHz)
        CurrentClamp(1 sweeps of 8 ms at 20 kHz, -65 to -65 mV, 0 to 0.1 nA, holding 0 nA)
        """
        dt = float((1 / rate).value_in(ms))
        found = []
        for sweep in self.sweeps:
            t = dt * np.arange(round(sweep.duration / dt))
            at = np.minimum((t / sweep.dt + 1e-6).astype(int), len(sweep.i) - 1)
            v = np.interp(t, sweep.t, sweep.v)
            found.append(dataclasses.replace(sweep, v=v, i=sweep.i[at], dt=dt))
        return dataclasses.replace(self, sweeps=tuple(found))

    def __repr__(self) -> str:
        v = np.concatenate([s.v for s in self.sweeps])
        i = np.concatenate([s.i for s in self.sweeps])
        protocol = f", {self.protocol}" if self.protocol else ""
        rest = f", {len(self.left_out)} left out" if self.left_out else ""
        return (
            f"CurrentClamp({len(self.sweeps)} sweeps of {self.sweeps[0].duration:g} ms at "
            f"{self.rate:g} kHz, {v.min():.4g} to {v.max():.4g} mV, {i.min():.4g} to "
            f"{i.max():.4g} nA, holding {self.holding:g} nA{protocol}{rest})"
        )


def read_recording(  # noqa: PLR0913
    path: str | Path,
    *,
    voltage: str | None = None,
    current: str | None = None,
    electrode: str | None = None,
    sweeps: Sequence[int] | slice | int | None = None,
) -> CurrentClamp:
    """Read a current-clamp recording of one electrode.

    - `path`: of an Axon file (`.abf`), an NWB file (`.nwb`), or any file that neo reads.
    - `voltage`, `current`: names of the channels, where there are several. The current of an Axon
      file may also be a command, `current="Cmd 0"`; in an NWB file they are names of series.
    - `electrode`: its name in an NWB file that holds several.
    - `sweeps`: which sweeps, by number from 0: `[0, 2, 5]` or `slice(0, None, 2)`; by default all.

    The current of an Axon file is that of a recorded channel that follows the command of the same
    headstage, or else the command of its protocol; that of an NWB file is the stimulus series of
    each sweep, at its own times, plus the bias current. What the file holds beside that is listed
    in `left_out` of the recording. A sweep that cannot be used (saturated, stopped early) is left
    out with a warning.

    Errors: `RecordingError` for what is no current clamp, holds no current, has no units or
    implausible ones, is damaged or cut short, or leaves open which electrode is meant;
    `UnknownName` for a channel, series or electrode that is not there; `ImportError` where neo or
    pynwb is not installed.

    >>> import rheobase as rb
    >>> rb.io.read_recording("cell.abf")
    Traceback (most recent call last):
        ...
    rheobase.errors.RecordingError: there is no file cell.abf.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else None
        raise RecordingError(f"{path} {what}." if what else f"there is no file {path}.")
    if path.stat().st_size == 0:
        raise RecordingError(f"{path} is empty.")
    if path.suffix.lower() == ".nwb":
        from rheobase.io import nwb as reader
    elif path.suffix.lower() == ".abf":
        from rheobase.io import axon as reader
    else:
        from rheobase.io import through_neo as reader
    found = reader.read(path, Wanted(voltage, current, electrode))
    found = sound_sweeps(chosen_sweeps(found, sweeps, str(path)), str(path))
    warn_of(found.doubtful, str(path), level=2)
    return _assembled(found, str(path), named=current is not None)


def recording_of(
    v: Quantity,
    i: Quantity,
    *,
    rate: Quantity,
    holding: Quantity | None = None,
    protocol: str = "",
) -> CurrentClamp:
    """A recording from arrays.

    - `v`, `i`: voltage and current, shape (sweeps, samples).
    - `rate`: samples per time, `20*kHz`.
    - `holding`: current between pulses; by default that with which most sweeps begin.

    The sweeps follow each other without a gap. Errors: as for `read_recording`.

    >>> import numpy as np, rheobase as rb
    >>> from rheobase.units import kHz, mV, nA
    >>> rb.io.recording_of(np.zeros((2, 10)) * nA, np.zeros((2, 10)) * nA, rate=20 * kHz)
    Traceback (most recent call last):
        ...
    rheobase.units.errors.UnitError: nA cannot be converted to mV: they measure different things.
    """
    volts = np.atleast_2d(np.asarray(v.value_in(mV), float))
    amperes = np.atleast_2d(np.asarray(i.value_in(nA), float))
    if volts.shape != amperes.shape:
        raise RecordingError(
            f"voltage and current have one shape, (sweeps, samples), got {volts.shape} and "
            f"{amperes.shape}."
        )
    dt = float((1 / rate).value_in(ms))
    length = volts.shape[1] * dt
    raw = [Raw(a, b, dt, k * length) for k, (a, b) in enumerate(zip(volts, amperes, strict=True))]
    held = None if holding is None else float(holding.value_in(nA))
    for number, sweep in enumerate(raw):
        if reason := unusable(sweep):
            raise RecordingError(f"sweep {number} of the recording {reason}")
    return _assembled(Found(raw, held, protocol), "the recording", named=False)


def _assembled(found: Found, path: str, *, named: bool) -> CurrentClamp:
    """The recording; `named` says that the caller chose its current by name."""
    raw, holding = found.raw, found.holding
    if not raw:
        raise RecordingError(f"{path} holds no sweep.")
    if len({round(s.dt, 9) for s in raw}) > 1:
        rates = ", ".join(sorted({f"{1 / s.dt:g}" for s in raw}))
        raise RecordingError(f"the sweeps of {path} differ in their sampling rate: {rates} kHz.")
    if holding is None:
        first = [float(s.i[0]) if s.held is None else s.held for s in raw]
        holding = max(set(first), key=first.count)
    begin = raw[0].start
    sweeps = tuple(
        Sweep(k, s.v, s.i, s.dt, s.start - begin, holding if s.held is None else s.held)
        for k, s in enumerate(raw)
    )
    # A current of zero all the time was injected elsewhere; another one is a holding current.
    if not named and not any(s.i.any() for s in sweeps):
        raise RecordingError(
            f"the current of {path} is 0 nA all the time: there is nothing to fit. Was the "
            f"command recorded on another channel? Name it by current=."
        )
    return CurrentClamp(sweeps, holding, found.protocol, path, (*found.left_out, *found.doubtful))
