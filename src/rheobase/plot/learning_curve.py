"""How training went."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from rheobase.errors import ArgumentError, ShapeError, UnknownName, brief
from rheobase.plot.style import ACCENT, MAIN, drawing, whole_numbers
from rheobase.train import FitResult, History

if TYPE_CHECKING:
    import matplotlib.axes


def learning_curve(
    history: FitResult | History,
    of: Literal["loss", "accuracy"] = "loss",
    *,
    ax: "matplotlib.axes.Axes | None" = None,
) -> "matplotlib.axes.Axes":
    """Loss or accuracy on the training and the validation examples after each epoch.

    The best validation epoch is marked.

    **Arguments:**

    - `history`: what `rb.train.fit` returns, or its `history`.
    - `of`: `"loss"` or `"accuracy"`.
    - `ax`: axes to draw on; a new figure without it.

    **Raises:** `ArgumentError` for what is no history, `UnknownName` for another `of`, `ShapeError`
    where the history holds none of it.

    **Example:**

        >>> import rheobase as rb
        >>> history = rb.train.History(train_loss=(2.1, 0.9, 0.5), validation_loss=(2.0, 1.1, 1.2))
        >>> rb.plot.learning_curve(history).get_xlabel()
        'epoch'
    """
    if of not in ("loss", "accuracy"):
        raise UnknownName("learning curve", of, ("loss", "accuracy"))
    if isinstance(history, FitResult):
        history = history.history
    if not isinstance(history, History):
        raise ArgumentError(
            f"learning_curve takes what fit returned, got {brief(history)}. "
            "Write rb.plot.learning_curve(rb.train.fit(...))."
        )
    if of == "loss":
        train, validation = history.train_loss, history.validation_loss
    else:
        train, validation = history.train_accuracy, history.validation_accuracy
    train, validation = np.asarray(train, float), np.asarray(validation, float)
    if train.size == 0:
        other = "accuracy" if of == "loss" else "loss"
        raise ShapeError(
            f"the history holds no {of}. Write rb.plot.learning_curve(history, {other!r}), "
            f"or train for at least one epoch."
        )
    percent = 100.0 if of == "accuracy" else 1.0
    with drawing(ax, size=(4.6, 2.8)) as axes:
        epochs = np.arange(1, len(train) + 1)
        axes.plot(epochs, train * percent, color=MAIN, label="training")
        if np.isfinite(validation).any():
            epochs = np.arange(1, len(validation) + 1)
            axes.plot(epochs, validation * percent, color=ACCENT, label="validation")
            best = int(np.nanargmin(validation) if of == "loss" else np.nanargmax(validation))
            axes.plot(epochs[best], validation[best] * percent, "o", color=ACCENT, markersize=4.5)
            text = f"{validation[best] * percent:.3g}" + ("" if of == "loss" else " %")
            place = {"xytext": (0, -11 if of == "loss" else -13), "textcoords": "offset points"}
            axes.annotate(text, (epochs[best], validation[best] * percent), ha="center", **place)
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss" if of == "loss" else "accuracy (%)")
        axes.xaxis.set_major_locator(whole_numbers())
        axes.legend()
    return axes
