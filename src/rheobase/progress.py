"""Long runs in chunks: a progress bar, bounded device memory, Ctrl-C that keeps what is done."""

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import jax

from rheobase.record import Recording, RunState, join

if TYPE_CHECKING:
    import rich.progress

CHUNKS = 50
"""A bar that moves every two per cent."""


def chunked(part: Callable, begin: RunState, steps: int, dt: float, every: int) -> Recording:
    """Run `part` over and over until `steps` are done, with a bar; the parts as one recording."""
    length = max(-(-steps // CHUNKS), every)
    length = -(-length // every) * every
    parts, _ = pieces(lambda *given: part(*given).on_host(), begin, steps, dt, length, True)
    return join(parts)


def pieces(
    part: Callable[[RunState, int], Any],
    begin: RunState,
    steps: int,
    dt: float,
    length: int,
    progress: bool,
) -> tuple[list, RunState]:
    """The parts of a long run, of `length` steps at most, and the state at its end.

    All parts but the last have one length, so that at most two programs are compiled; a part that
    ends early is gone on from.
    """
    parts: list = []
    done = 0
    with bar() if progress else nullcontext() as shown:
        task = None
        if shown is not None:
            task = shown.add_task("simulate", total=steps, detail=f"{steps * dt:g} ms")
        try:
            while done < steps:
                asked = min(length - done % length, steps - done)
                piece = jax.block_until_ready(part(begin, asked))
                done += int(piece.final.step) - int(begin.step)
                begin = piece.final
                parts.append(piece)
                if shown is not None and task is not None:
                    shown.update(task, completed=done)
        except KeyboardInterrupt:
            if not parts:
                raise
            warnings.warn(
                f"interrupted after {done} of {steps} steps; the recording ends there.",
                stacklevel=4,
            )
    return parts, begin


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
