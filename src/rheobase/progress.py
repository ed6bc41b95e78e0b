"""Long runs in chunks: a progress bar, bounded device memory, Ctrl-C that keeps what is done."""

import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from rheobase import memory
from rheobase.record import RECORD_LESS, Recording, RunState, join

if TYPE_CHECKING:
    import rich.progress

CHUNKS = 50
"""A bar that moves every two per cent."""
_PIECE = 0.5
"""Seconds of a piece: Ctrl-C is seen between pieces, and must be within two seconds."""
_OVERHEAD = 2e-6
"""Seconds of a step in which next to nothing happens."""


class Pace(NamedTuple):
    """How many steps are done at a time, by what is known of the time that one takes."""

    seconds: float
    """Of a step, estimated; at first the estimate is all there is."""
    unit: int = 1
    """Pieces have a multiple of so many steps."""
    free: bool = False
    """Whether pieces of any length are one program, so that a faster run may have longer ones."""

    def steps(self) -> int:
        """Steps that take about `_PIECE` seconds; of a pace that adapts, those of twice that."""
        piece = 2 * _PIECE if self.free else _PIECE
        return max(1, round(piece / (_OVERHEAD + self.seconds) / self.unit)) * self.unit

    def after(self, most: int, taken: float) -> int:
        """The most steps of the next piece, where one of `most` steps has taken so many seconds."""
        ratio = _PIECE / max(taken, 1e-9)
        if not self.free and ratio > 0.5:
            return most
        wanted = most * (min(ratio, 8.0) if self.free else ratio)
        return max(1, round(wanted / self.unit)) * self.unit


def require_memory(size: float, steps: int, length: int, pace: Pace) -> None:
    """Refuse a recording of so many bytes that does not fit, before the run.

    `length`: steps of a piece at most. Where there are several, all of them stand beside the whole
    while they are joined.
    """
    joined = min(pace.steps(), length) < steps
    what = f"the recording of {steps:,} steps needs"
    if joined:
        size, what = 2 * size, f"{what}, while its pieces are joined,"
    memory.require(size, what, RECORD_LESS)


def chunked(  # noqa: PLR0913
    part: Callable, begin: RunState, steps: int, dt: float, pace: Pace, progress: bool, size: float
) -> Recording:
    """Run `part` over and over until `steps` are done; the parts as one recording.

    With a bar what is recorded moves to the host; without one a short run is one part. A recording
    of `size` bytes that does not fit into the memory is refused.
    """
    length = steps
    if progress:
        length = -(-steps // CHUNKS)
        length = -(-length // pace.unit) * pace.unit
    require_memory(size, steps, length, pace)
    if progress:
        return join(pieces(lambda *x: part(*x).on_host(), begin, steps, dt, length, pace, True)[0])
    if pace.steps() >= steps:
        return part(begin, steps)
    return join(pieces(part, begin, steps, dt, steps, pace, False)[0], jnp)


def pieces(
    part: Callable[[RunState, int], Any],
    begin: RunState,
    steps: int,
    dt: float,
    length: int,
    pace: Pace,
    progress: bool,
) -> tuple[list, RunState]:
    """The parts of a long run, and the state at its end.

    Every `length` steps a part ends, and others within, so that Ctrl-C is seen in time: with
    `progress` what is done then is the result, otherwise it is `KeyboardInterrupt`. A part that
    ends early is gone on from.
    """
    parts: list = []
    first, most = int(begin.step), min(pace.steps(), length)
    if not pace.free:
        most = _even(min(length, steps), most, pace.unit)

    def done() -> int:
        # From the parts alone: a signal may come between any two lines.
        return (int(parts[-1].final.step) if parts else first) - first

    with bar() if progress else nullcontext() as shown:
        task = None
        if shown is not None:
            task = shown.add_task("simulate", total=steps, detail=f"{steps * dt:g} ms")
        try:
            while done() < steps:
                asked = min(length - done() % length, most, steps - done())
                before = time.perf_counter()
                state = parts[-1].final if parts else begin
                parts.append(jax.block_until_ready(part(state, asked)))
                if len(parts) > 1 and asked == most:  # the first was compiled as well
                    most = min(pace.after(most, time.perf_counter() - before), length)
                if shown is not None and task is not None:
                    shown.update(task, completed=done())
        except KeyboardInterrupt:
            if not progress or not parts:
                raise
            warnings.warn(
                f"interrupted after {done()} of {steps} steps; the recording ends there.",
                stacklevel=4,
            )
    return parts, parts[-1].final if parts else begin


def _even(length: int, most: int, unit: int) -> int:
    """The longest pieces of at most `most` steps that have one length: each is a program."""
    for number in range(-(-length // most), 2 * -(-length // most)):
        if length % (number * unit) == 0:
            return length // number
    return most


def bar() -> "rich.progress.Progress":
    """A progress bar with a column `detail`, as every long work of the library shows it."""
    # Here, because rich would be a tenth of the time that importing the library takes.
    from rich import progress

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TextColumn("{task.percentage:>3.0f}%"),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[detail]}"),
    )
