"""Long runs in chunks: a progress bar, bounded device memory, Ctrl-C that keeps what is done."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax

from rheobase.record import Recording, RunState, join

if TYPE_CHECKING:
    pass

if TYPE_CHECKING:
    import rich.progress

CHUNKS = 50
"""A bar that moves every two per cent."""


def chunked(part: Callable, begin: RunState, steps: int, dt: float, every: int) -> Recording:
    """Run `part` over and over until `steps` are done, with a bar; the parts as one recording."""
    return join(chunks(part, begin, steps, dt, every)[0])


def chunks(
    part: Callable[[RunState, int], Any], begin: RunState, steps: int, dt: float, every: int
) -> tuple[list, RunState]:
    """The parts of a long run, moved to the host one by one, and the state at its end.

    All parts but the last have one length, so that at most two programs are compiled.
    """
    length = max(-(-steps // CHUNKS), every)
    length = -(-length // every) * every
    parts: list = []
    done = 0
    with bar() as progress:
        task = progress.add_task("simulate", total=steps, detail=f"{steps * dt:g} ms")
        try:
            while done < steps:
                now = min(length, steps - done)
                piece = jax.block_until_ready(part(begin, now))
                begin = piece.final
                parts.append(piece.on_host())
                done += now
                progress.update(task, completed=done)
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
