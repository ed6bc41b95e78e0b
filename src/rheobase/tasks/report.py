"""Pictures of a trained network and one page that shows them."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from rheobase import atomic, plot
from rheobase.page import page
from rheobase.tasks.base import AbstractTask, Split
from rheobase.train import FitResult

_PICTURES = {
    "learning_curve.png": "Loss and accuracy after each epoch; training is on changed samples, "
    "validation on them as they are.",
    "raster.png": "One sample of the validation set: what the network receives, the spikes of its "
    "neurons, and the voltages of the readout; the coloured one is the right answer.",
    "confusion.png": "How often each class was taken for which, in the validation set.",
}


def write(
    task: AbstractTask, metrics: dict[str, Any], result: FitResult, split: Split, out: Path
) -> None:
    """Draw the pictures and the page into a folder."""
    from matplotlib.figure import Figure

    with plot.look():
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        plot.learning_curve(result, "loss", ax=left)
        plot.learning_curve(result, "accuracy", ax=right)
        atomic.save_figure(figure, out / "learning_curve.png", dpi=150)
        _raster(result, split, out)
        _confusion(task, result, split, out)
    text = (
        f"of {metrics['validation_samples']} validation samples ({metrics['validation']}) were "
        f"recognised, with {metrics['spikes_per_inference']:g} spikes each; trained on "
        f"{metrics['train_samples']} samples. Training took {metrics['train_seconds']:.0f} s; the "
        f"saved model has learned from {metrics['saved_model_samples']} samples."
    )
    rows = [(name.replace("_", " "), value) for name, value in metrics.items()]
    atomic.write(
        out / "index.html",
        page(
            f"The task {task.name}",
            f"{100 * metrics['validation_accuracy']:.1f} %",
            text,
            [rows],
            {out / name: caption for name, caption in _PICTURES.items()},
        ),
    )


def _raster(result: FitResult, split: Split, out: Path) -> None:
    from matplotlib.figure import Figure

    model = result.model
    inputs, label = split.validation[0]
    runs = model.activity(jnp.asarray(inputs)[:, None], record=("v",))
    hidden, readout = runs[-2], runs[-1]
    figure = Figure(figsize=(9, 6.4), layout="constrained")
    above, middle, below = figure.subplots(3, 1, sharex=True, height_ratios=(1, 2, 1))
    t = hidden.t
    flat = inputs.reshape(len(inputs), -1)
    above.imshow(
        flat.T,
        aspect="auto",
        origin="lower",
        cmap="gray_r",
        extent=(0.0, float(t[-1]), 0.0, float(flat.shape[1])),
    )
    above.set_ylabel("input")
    spikes = np.asarray(hidden.spikes[:, 0]).reshape(len(t), -1)
    busy = np.sort(np.argsort(-spikes.sum(axis=0), kind="stable")[:256])
    plot.raster(spikes[:, busy], t, ax=middle)
    middle.set(ylabel="neuron", xlabel="")
    for place, line in enumerate(np.asarray(readout.v[:, 0]).T):
        right = place == int(label)
        below.plot(
            t, line, color="C0" if right else "0.75", lw=1.8 if right else 0.8, zorder=2 + right
        )
        below.annotate(
            split.validation.classes[place], (t[-1], line[-1]), (4, -3), textcoords="offset points"
        )
    below.set(xlabel="time (ms)", ylabel="readout v (mV)", xlim=(0, t[-1]))
    atomic.save_figure(figure, out / "raster.png", dpi=150)


def _confusion(task: AbstractTask, result: FitResult, split: Split, out: Path) -> None:
    from matplotlib.figure import Figure

    from rheobase.train.source import each

    data = split.validation
    count = np.zeros((len(data.classes),) * 2, int)
    for batch, counts in each(data, min(64, len(data))):
        output = result.model(jnp.moveaxis(jnp.asarray(batch.inputs), 1, 0))
        taken = np.asarray(task.scores(output).argmax(axis=-1))
        np.add.at(count, (batch.targets[counts], taken[counts]), 1)
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    ax = figure.subplots()
    ax.imshow(count, cmap="Blues")
    for (row, column), number in np.ndenumerate(count):
        if number:
            color = "white" if number > count.max() / 2 else "0.2"
            ax.text(column, row, str(number), ha="center", va="center", color=color, fontsize=8)
    places = range(len(data.classes))
    ax.set_xticks(places, data.classes)
    ax.set_yticks(places, data.classes)
    ax.set(xlabel="taken for", ylabel="was")
    atomic.save_figure(figure, out / "confusion.png", dpi=150)
