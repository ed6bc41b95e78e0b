"""The demonstration: a spiking network learns the handwritten digits of scikit-learn."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase import atomic, plot
from rheobase.errors import require_key
from rheobase.folder import require_folder
from rheobase.neurons import LI, LIF
from rheobase.page import page
from rheobase.provenance import noted
from rheobase.train import FitResult, Linear, Sequential, encoders, evaluate, fit, losses, save
from rheobase.units import ms, mV

EPOCHS = 40
HIDDEN = 256
STEPS = 20
NOISE = 0.15
"""Standard deviation of what is added to each pixel (0 to 1) while training."""
SMOOTHING = 0.1
"""Part of each target that is spread over all classes."""


class Digits(NamedTuple):
    """1,797 images of 8 x 8 pixels from 0 to 1, split 80/20 once and for all."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


class NoisyDirect(encoders.AbstractEncoder):
    """Each pixel as a constant current, with a Gaussian error of its own at each presentation."""

    duration: encoders.Direct

    @property
    def random(self) -> bool:
        return True

    def check(self, x: Any) -> None:
        self.duration.check(x)

    def __call__(self, x: Any, key: Array | None = None) -> Array:
        steady = self.duration(x)
        error = jax.random.normal(require_key(key), steady.shape[1:], steady.dtype)
        return steady + NOISE * error[None]


def run(out: Path | str = "demo", *, epochs: int | None = None, seed: int = 0) -> dict[str, Any]:
    """Train, test, and leave metrics, pictures, weights and a page in the folder `out`.

    The network is two layers of weights around LIF neurons that are simulated in time (20 steps of
    1 ms), with a leaky integrator for each class, trained through the surrogate derivative of the
    spike. The test images are looked at once, at the end. Returns what is in `metrics.json`.

    Errors: `ImportError` with the cure where scikit-learn is not installed.
    """
    digits = read_digits()
    out = require_folder(out)
    result = train(digits, EPOCHS if epochs is None else epochs, seed)
    shown = encoders.Direct(STEPS * ms)
    test = evaluate(
        result.model,
        (digits.test_images, digits.test_labels),
        loss=losses.cross_entropy("membrane"),
        encoder=shown,
    )
    hidden, _ = result.model.activity(shown(jnp.asarray(digits.test_images)))
    metrics = {
        "test_accuracy": float(test.accuracy or 0.0),
        "train_seconds": round(result.seconds, 2),
        "test_images": len(digits.test_labels),
        "train_images": len(digits.train_labels),
        "epochs": len(result.history.train_loss),
        "spikes_per_image": round(float(hidden.spikes.sum(axis=(0, 2)).mean()), 1),
        "seed": seed,
        "made": noted(result.provenance),
    }
    atomic.write(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    save(out / "model.rheobase", result.model, metrics)
    _draw(out, digits, result)
    atomic.write(out / "index.html", _page(out, metrics))
    print(
        f"test accuracy {100 * metrics['test_accuracy']:.1f} % on {metrics['test_images']} images "
        f"after {metrics['train_seconds']:.0f} s of training; see {out / 'index.html'}"
    )
    return metrics


def read_digits() -> Digits:
    """The images, split with one seed and equal shares of each digit."""
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError:
        raise ImportError(
            "the digits ship with scikit-learn, which is not installed. "
            'Write pip install "rheobase[demo]".'
        ) from None
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images / 16, labels, test_size=0.2, random_state=0, stratify=labels)
    first, last, first_labels, last_labels = map(np.asarray, parts)
    return Digits(first, first_labels, last, last_labels)


def train(digits: Digits, epochs: int, seed: int) -> FitResult:
    """The network, fitted to the training images."""
    import optax

    model = Sequential(
        Linear(64, HIDDEN), LIF(), Linear(HIDDEN, 10), LI(), key=jax.random.key(seed)
    )
    batch = 64
    steps = epochs * (len(digits.train_labels) // batch)
    return fit(
        model,
        (digits.train_images, digits.train_labels),
        loss=losses.cross_entropy("membrane", smoothing=SMOOTHING),
        optimizer=optax.adamw(optax.cosine_decay_schedule(4e-3, steps), weight_decay=0.1),
        epochs=epochs,
        batch_size=batch,
        encoder=NoisyDirect(encoders.Direct(STEPS * ms)),
        key=jax.random.key(seed + 1),
    )


def _draw(out: Path, digits: Digits, result: FitResult) -> None:
    """The pictures: learning curve, one test image in spikes and voltages, weights."""
    from matplotlib.figure import Figure

    model, image = result.model, digits.test_images[:1]
    hidden, readout = model.activity(encoders.Direct(STEPS * ms)(jnp.asarray(image)), record=("v",))
    label = int(digits.test_labels[0])
    t = hidden.t
    with plot.look():
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        plot.learning_curve(result, "loss", ax=left)
        plot.learning_curve(result, "accuracy", ax=right)
        atomic.save_figure(figure, out / "learning_curve.png", dpi=150)

        figure = Figure(figsize=(9, 6), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 3))
        left.imshow(image.reshape(8, 8), cmap="gray_r")
        left.set_title(f"test image: {label}")
        left.set_axis_off()
        plot.raster(np.asarray(hidden.spikes[:, 0]), t, ax=right)
        right.set_ylabel("hidden neuron")
        right.set_xlim(0, STEPS)
        atomic.save_figure(figure, out / "raster.png", dpi=150)

        figure = Figure(figsize=(9, 5.2), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        counts = np.asarray(hidden.spikes[:, 0].sum(axis=0))
        some = np.argsort(np.abs(counts - 4), kind="stable")[:3]
        plot.traces(np.asarray(hidden.v[:, 0])[:, some] * mV, "hidden v", t=t, ax=above)
        above.axhline(float(model.layers[1].v_th), color="0.5", linewidth=0.8, linestyle="--")
        above.set_xlabel("")
        lines = np.asarray(readout.v[:, 0])
        for digit in range(10):
            strong = digit == label
            below.plot(
                t,
                lines[:, digit],
                color="C0" if strong else "0.75",
                linewidth=1.8 if strong else 0.8,
                zorder=3 if strong else 2,
            )
            below.annotate(
                str(digit), (t[-1], lines[-1, digit]), (4, -3), textcoords="offset points"
            )
        below.set_xlabel("time (ms)")
        below.set_ylabel("readout v (mV)")
        atomic.save_figure(figure, out / "traces.png", dpi=150)

        figure = Figure(figsize=(9, 4.6), layout="constrained")
        weights = np.asarray(model.layers[0].weight)
        strongest = np.argsort(-np.abs(np.asarray(model.layers[2].weight)).sum(axis=1))[:32]
        limit = float(np.abs(weights[:, strongest]).max())
        panels = figure.subplots(4, 8)
        drawn = [
            panel.imshow(weights[:, neuron].reshape(8, 8), cmap="RdBu_r", vmin=-limit, vmax=limit)
            for panel, neuron in zip(panels.ravel(), strongest, strict=True)
        ]
        for panel in panels.ravel():
            panel.set_axis_off()
        bar = figure.colorbar(drawn[0], ax=panels, shrink=0.8)
        bar.set_label("weight (nA)")
        atomic.save_figure(figure, out / "weights.png", dpi=150)


def _page(out: Path, metrics: dict[str, Any]) -> str:
    """One page that shows it all."""
    pictures = {
        "learning_curve.png": "Loss and accuracy on the training images after each epoch.",
        "raster.png": "A test image, and the spikes of the hidden neurons while it is shown.",
        "traces.png": "Voltages of three hidden neurons (dashed: threshold), and of the "
        "ten readout neurons; the coloured one is the right answer.",
        "weights.png": "Weights onto the 32 hidden neurons that the readout listens to most.",
    }
    return page(
        "Handwritten digits in spikes",
        f"{100 * metrics['test_accuracy']:.1f} %",
        f"of {metrics['test_images']} test images were read rightly by leaky integrate-and-fire "
        f"neurons simulated in time, trained for {metrics['train_seconds']:.0f} s through "
        f"surrogate gradients.",
        [[(name.replace("_", " "), value) for name, value in metrics.items()]],
        {out / name: text for name, text in pictures.items()},
    )
