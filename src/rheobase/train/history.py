"""The course of a training: its numbers by epoch, and how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np


class History(NamedTuple):
    """One number an epoch; empty where there was nothing to measure.

    Those of training are means over the batches of the epoch, while the model changes; those of
    validation are taken after it.
    """

    train_loss: tuple[float, ...] = ()
    validation_loss: tuple[float, ...] = ()
    train_accuracy: tuple[float, ...] = ()
    validation_accuracy: tuple[float, ...] = ()


def longer(history: History, which: str, loss: float, accuracy: float | None) -> History:
    """With the numbers of another epoch."""
    values = history._asdict()
    values[f"{which}_loss"] += (loss,)
    if accuracy is not None and not np.isnan(accuracy):
        values[f"{which}_accuracy"] += (accuracy,)
    return History(**values)


def summary(history: History) -> str:
    """The last epoch in a line."""
    text = f"epoch {len(history.train_loss)}  loss {history.train_loss[-1]:.3g}"
    for name, values in (
        ("accuracy", history.train_accuracy),
        ("validation", history.validation_accuracy),
    ):
        text += f"  {name} {values[-1]:.1%}" if values else ""
    return text


@contextmanager
def bar(progress: bool, total: int) -> Iterator[Callable[[int, str | None], None]]:
    """What shows the number of batches done and a text, or nothing."""
    if not progress:
        yield lambda completed, detail: None
        return
    from rheobase.progress import bar as shown_bar

    with shown_bar() as shown:
        task = shown.add_task("fit", total=total, detail="")

        def show(completed: int, detail: str | None) -> None:
            if detail is None:
                shown.update(task, completed=completed)
            else:
                shown.update(task, completed=completed, detail=detail)

        yield show
