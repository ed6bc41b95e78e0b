"""What a task is, and the two things that are done with it: train and judge."""

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase import atomic
from rheobase.datasets import Dataset
from rheobase.errors import DataError
from rheobase.folder import require_folder
from rheobase.io import save
from rheobase.provenance import noted
from rheobase.train import (
    AbstractLayer,
    Conv2d,
    FitResult,
    Linear,
    Recurrent,
    Sequential,
    evaluate,
    fit,
    rounded,
)
from rheobase.train.losses import CrossEntropy
from rheobase.train.source import each

WARM = 0.1
"""The part of training in which the learning rate rises."""


class Trained(NamedTuple):
    """What `model.rheobase` holds: `rb.load(path).model` is the network."""

    task: str
    model: Sequential


class Split(NamedTuple):
    """Samples to learn from, samples to judge by, and how they were chosen."""

    train: Dataset
    validation: Dataset
    how: str


class Work(NamedTuple):
    """What a network did on samples."""

    accuracy: float
    n: int
    spikes: float
    """Spikes of all neurons for a sample."""
    operations: float
    """Weights that were added to a neuron for a sample: each spike, and each input that is not 0,
    times the connections that it has. A proxy of energy on hardware that works by events."""
    dense: float
    """The same were every input and neuron active in every step."""


class AbstractTask(ABC):
    """A data set, a network, and how it is trained."""

    @property
    @abstractmethod
    def name(self) -> str:
        """On the command line."""

    @property
    @abstractmethod
    def epochs(self) -> int:
        """How often to go through the samples."""

    @property
    @abstractmethod
    def batch_size(self) -> int:
        """Samples in a step of the optimiser."""

    @property
    @abstractmethod
    def rate(self) -> float:
        """The highest learning rate."""

    @property
    @abstractmethod
    def decay(self) -> float:
        """Weight decay."""

    @property
    @abstractmethod
    def loss(self) -> CrossEntropy:
        """What is made small, and by which score a class is chosen."""

    @abstractmethod
    def data(self, path: object, damaged: str) -> Dataset:
        """The samples in a folder."""

    @abstractmethod
    def split(self, data: Dataset) -> Split:
        """The fixed split into training and validation."""

    @abstractmethod
    def augmented(self, data: Dataset) -> Dataset:
        """The samples as they are trained on."""

    @abstractmethod
    def model(self, key: jax.Array) -> Sequential:
        """The network before training."""

    @property
    @abstractmethod
    def ends_on_all(self) -> bool:
        """Whether the saved model is trained anew on all samples, those for validation too."""

    def scores(self, output: jax.Array) -> jax.Array:
        """One number a class, (batch, n), of what the network gives."""
        return self.loss.scores(output)

    def louder(self, model: Sequential, layers: tuple[int, ...], factor: float) -> Sequential:
        """The model with the weights of some layers stronger by a factor."""
        for layer in layers:
            model = eqx.tree_at(
                lambda m, k=layer: m.layers[k].weight, model, factor * model.layers[layer].weight
            )
        return model


def train(
    task: AbstractTask,
    path: Path | str | None,
    out: Path,
    *,
    epochs: int | None = None,
    seed: int = 0,
    damaged: str = "raise",
    progress: bool = True,
) -> tuple[dict[str, Any], FitResult, Split]:
    """Train on the split of a task; leaves model.rheobase and metrics.json in a folder.

    All figures are of the model that has not seen the samples for validation, which is returned.
    Where samples are few (`ends_on_all`), the saved one is then trained on all, in as many steps.
    A run that was killed goes on from its last epoch, in checkpoint.rheobase, to the same bits.
    """
    data = task.data(path, damaged)
    split = task.split(data)
    epochs = task.epochs if epochs is None else epochs
    for part, name in ((split.train, "training"), (split.validation, "validation")):
        if not len(part):
            raise DataError(
                f"{path} has no samples for {name}, of which {split.how} are for validation. Give "
                f"a folder that holds both."
            )
    out = require_folder(out)

    about = f"{task.name}-{seed}-{epochs}.rheobase"
    file = out / f"checkpoint-{about}"
    result = last = _fitted(task, split.train, split.validation, epochs, seed, file, progress)
    if task.ends_on_all:
        # In as many steps as before.
        passes = max(1, round(epochs * len(split.train) / len(data)))
        file = out / f"checkpoint-all-{about}"
        last = _fitted(task, data, None, passes, seed, file, progress)
    save(out / "model.rheobase", Trained(task.name, last.model))
    found = judge(task, result.model, split.validation)
    metrics = {
        "task": task.name,
        "validation_accuracy": found.accuracy,
        "validation_samples": found.n,
        "validation": split.how,
        "train_samples": len(split.train),
        "saved_model_samples": len(data) if task.ends_on_all else len(split.train),
        "spikes_per_inference": round(found.spikes, 1),
        "synaptic_operations_per_inference": round(found.operations),
        "part_of_dense_operations": round(found.operations / found.dense, 4),
        "epochs": epochs,
        "train_seconds": round(result.seconds + (last.seconds if task.ends_on_all else 0), 1),
        "skipped_recordings": len(split.train.skipped),
        "parameters": _size(result.model),
        "seed": seed,
        "made": noted(result.provenance),
    }
    atomic.write(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    return metrics, result, split


def _fitted(
    task: AbstractTask,
    samples: Dataset,
    validation: Dataset | None,
    epochs: int,
    seed: int,
    checkpoint: Path,
    progress: bool,
) -> FitResult:
    """A network trained on samples, its delays on the grid: as it is judged and saved."""
    import optax

    size = min(task.batch_size, len(samples))
    steps = max(2, epochs * (len(samples) // size))
    rate = optax.warmup_cosine_decay_schedule(
        task.rate / 10, task.rate, max(1, int(WARM * steps)), steps
    )
    began = jax.random.key(seed)
    result = fit(
        task.model(began),
        task.augmented(samples),
        validation=validation,
        epochs=epochs,
        batch_size=size,
        loss=task.loss,
        optimizer=optax.adamw(rate, weight_decay=task.decay),
        checkpoint=checkpoint,
        key=jax.random.fold_in(began, 1),
        progress=progress,
    )
    return result._replace(model=rounded(result.model))


def judge(task: AbstractTask, model: Sequential, data: Dataset, batch_size: int = 64) -> Work:
    """Accuracy and activity of a model on all samples of a data set."""
    size = min(batch_size, len(data))
    found = evaluate(model, data, loss=task.loss, batch_size=size)
    sums = [
        np.asarray(_activity(model, batch.inputs, counts)) for batch, counts in each(data, size)
    ]
    spikes, operations, dense = np.sum(sums, axis=0, dtype=float) / len(data)
    accuracy = 0.0 if found.accuracy is None else found.accuracy
    return Work(accuracy, len(data), float(spikes), float(operations), float(dense))


@eqx.filter_jit
def _activity(model: Sequential, inputs: np.ndarray, counts: np.ndarray) -> jax.Array:
    """Spikes, synaptic operations, and what they would be if all were active, of all samples."""
    x = jnp.moveaxis(jnp.asarray(inputs), 1, 0)
    runs = iter(model.activity(x))
    steps, spikes, sent, dense = len(x), jnp.zeros(len(counts)), jnp.zeros(len(counts)), 0.0

    def active(x: jax.Array) -> jax.Array:
        return jnp.sum(x != 0, axis=(0, *range(2, x.ndim))).astype(spikes.dtype)

    for layer in model.layers:
        fan = _fan(layer)
        if isinstance(layer, AbstractLayer):
            sent, dense = sent + fan * active(x), dense + fan * steps * x[0, 0].size
            x = layer.advance(x, layer.begin(x, model.dt), model.dt, None)[0]
            continue
        run = next(runs)
        if run.raster is None:
            break
        x = run.spikes
        spikes, sent = spikes + active(x), sent + fan * active(x)
        dense = dense + fan * steps * x[0, 0].size
    sums = (spikes, sent, jnp.full_like(spikes, dense))
    return jnp.stack([jnp.sum(jnp.where(counts, part, 0)) for part in sums])


def _fan(layer: Any) -> float:
    """To how many neurons an input of a layer, or a spike of a recurrent one, is added."""
    if isinstance(layer, Linear):
        return layer.n_out
    if isinstance(layer, Recurrent):
        return layer.n
    if isinstance(layer, Conv2d):
        form = layer.form
        return form.n_out / form.groups * float(np.prod(form.kernel) / np.prod(form.stride))
    return 0.0


def _size(model: Sequential) -> int:
    """Numbers that train."""
    return sum(x.size for x in jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array)))
