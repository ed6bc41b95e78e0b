"""`rheobase train` and `rheobase evaluate`."""

import json
from pathlib import Path

from rheobase.errors import ArgumentError, CheckpointError, UnknownName
from rheobase.io import is_model, load
from rheobase.tasks import TASKS, Trained, judge, report, train


def show(
    name: str, data: Path | None, out: Path, epochs: int | None, seed: int, damaged: str
) -> int:
    """Train, and leave model, metrics, pictures and a page in a folder."""
    if name not in TASKS:
        raise UnknownName("task", name, TASKS)
    task = TASKS[name]()
    metrics, result, split = train(task, data, out, epochs=epochs, seed=seed, damaged=damaged)
    report.write(task, metrics, result, split, out)
    print(
        f"validation accuracy {100 * metrics['validation_accuracy']:.1f} % of "
        f"{metrics['validation_samples']} samples ({metrics['validation']}), "
        f"{metrics['spikes_per_inference']:g} spikes and "
        f"{metrics['synaptic_operations_per_inference']:,} synaptic operations an inference, "
        f"after {metrics['train_seconds']:.0f} s of training; the saved model has learned from "
        f"{metrics['saved_model_samples']} samples; see {out / 'index.html'}"
    )
    return 0


def evaluate(model: Path, data: Path | None, as_json: bool, damaged: str) -> int:
    """Judge a model that `train` left on all samples of a folder."""
    if not is_model(model):
        raise CheckpointError(
            f"{model} holds no model of rheobase train. Write for example "
            f"rheobase train spoken-digits --data PATH --out DIR first."
        )
    trained = load(model)
    if not isinstance(trained, Trained):
        raise ArgumentError(
            f"{model} holds a {type(trained).__name__}, not what rheobase train leaves: the task "
            f"is not known. In Python write rb.train.evaluate(rb.load(...), data)."
        )
    if trained.task not in TASKS:
        raise UnknownName("task", trained.task, TASKS)
    task = TASKS[trained.task]()
    samples = task.data(data, damaged)
    found = judge(task, trained.model, samples)
    figures = {
        "accuracy": found.accuracy,
        "n": found.n,
        "spikes_per_inference": round(found.spikes, 1),
        "synaptic_operations_per_inference": round(found.operations),
    }
    if samples.skipped:
        figures["skipped"] = len(samples.skipped)
    if as_json:
        print(json.dumps(figures))
    else:
        print(
            f"accuracy {100 * found.accuracy:.1f} % of {found.n} samples, {found.spikes:.0f} "
            f"spikes and {round(found.operations):,} synaptic operations an inference"
        )
    return 0
