"""`fit`: mini-batch training with optax."""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.errors import ArgumentError, CheckpointError, ParameterError, ShapeError
from rheobase.train import checkpoint as files
from rheobase.train.data import (
    Loss,
    aligned,
    as_source,
    require_loss,
    require_model,
    series,
)
from rheobase.train.domains import Where, choose, free, legal, ordered
from rheobase.train.encoders import AbstractEncoder
from rheobase.train.evaluate import correct, over
from rheobase.train.layers import Sequential
from rheobase.train.losses import cross_entropy
from rheobase.train.method import AbstractGradient, Judged, Objective, require_method
from rheobase.train.phase import in_training, narrowed
from rheobase.train.source import AbstractSource, batches

if TYPE_CHECKING:
    import optax

Regulariser = Callable[[tuple[Array, ...]], Array]


class History(NamedTuple):
    """One number an epoch; empty where there was nothing to measure.

    Those of training are means over the batches of the epoch, while the model changes; those of
    validation are taken after it.
    """

    train_loss: tuple[float, ...] = ()
    validation_loss: tuple[float, ...] = ()
    train_accuracy: tuple[float, ...] = ()
    validation_accuracy: tuple[float, ...] = ()


class FitResult(NamedTuple):
    """What `fit` returns."""

    model: Any
    """The trained model: with `patience` that of `best_epoch`, else that of the last."""
    history: History
    best_epoch: int
    """The epoch of the smallest validation loss, from 1; without validation the last."""
    seconds: float
    """Wall time of this call, compilation included."""


def fit(  # noqa: PLR0913
    model: Any,
    data: tuple[Any, Any] | AbstractSource,
    *,
    loss: Loss | None = None,
    optimizer: "optax.GradientTransformation | None" = None,
    epochs: int = 20,
    batch_size: int = 64,
    validation: tuple[Any, Any] | AbstractSource | None = None,
    patience: int | None = None,
    encoder: AbstractEncoder | None = None,
    trainable: Where | None = None,
    regulariser: Regulariser | None = None,
    gradient: AbstractGradient | None = None,
    clip: float | None = 1.0,
    checkpoint: str | Path | None = None,
    key: Array | None = None,
    progress: bool = True,
) -> FitResult:
    """Train a model on samples: weights and neuron parameters alike.

    - `model`: a `Sequential`, or an Equinox module that is called as `model(x, key)`.
    - `data`: inputs and targets, arrays with **samples first**: inputs (samples, time, n), or with
      an encoder (samples, n); targets (samples, ...). Series (targets of three axes too) are turned
      to time first for the model and the loss. Or a data set of `rb.datasets`, which a worker in
      the background reads batch by batch.
    - `loss`: from `rb.losses`, or a function of output (time, batch, n) and target that gives
      (batch,); `cross_entropy("max")` by default.
    - `optimizer`: of optax, `optax.adam(2e-3)` by default. It moves parameters in the free
      coordinates of `rheobase.train.domains`: each stays in the domain of its field, one learning
      rate fits all, and v_reset < v_th is kept.
    - `epochs`, `batch_size`: samples are shuffled anew in each epoch; the last ones that do not
      fill a batch wait for the next epoch.
    - `validation`: data as above, judged after each epoch.
    - `patience`: end when the validation loss has not fallen for so many epochs; the result is then
      the model of the best epoch.
    - `encoder`: from `rb.encoders`, applied to each batch, with new random numbers each time.
    - `trainable`: what trains, `lambda model: model.layers[0].weight`, or a tuple of such; all
      arrays of real numbers by default.
    - `regulariser`: from `rb.losses`, or a function of the spikes (time, batch, n) of all
      populations that fire, added to the loss.
    - `gradient`: how the gradient is taken, from `rb.gradients`: `Surrogate(checkpoint=True)`,
      `Exact()`, `EProp()`, ...; plain backpropagation through time by default.
    - `clip`: largest norm of the gradient of all parameters together; None for none.
    - `checkpoint`: a file written after each epoch. If it is there, training goes on from it, to
      the same bits as without the interruption; the other arguments must be the same, but `epochs`
      may grow.
    - `key`: for shuffling, encoder and noise; `jax.random.key(0)` by default. The same key gives
      the same result.
    - `progress`: show a bar. Ctrl-C returns what is done, after one epoch at least.

    Errors, before anything is computed: `ArgumentError`, `ShapeError`, `UnknownName`,
    `CheckpointError`; `FloatingPointError` when the loss is no longer finite.

    >>> import numpy as np, rheobase as rb
    >>> from rheobase.units import ms
    >>> x = np.random.default_rng(0).uniform(size=(64, 4))
    >>> model = rb.Sequential(rb.Linear(4, 20), rb.LIF(), rb.Linear(20, 2), rb.LI())
    >>> result = rb.fit(model, (x, (x[:, 0] > x[:, 1]).astype(int)), epochs=2, batch_size=16,
    ...                 encoder=rb.encoders.Direct(10 * ms), progress=False)
    >>> len(result.history.train_loss)
    2
    """
    begun = time.perf_counter()
    require_model(model)
    loss = cross_entropy("max") if loss is None else require_loss(loss)
    source = as_source(data, "data", model, loss, encoder)
    judged = None
    if validation is not None:
        judged = as_source(validation, "validation", model, loss, encoder)
    _check(epochs, batch_size, patience, clip, judged, len(source))
    if regulariser is not None and not isinstance(model, Sequential):
        raise ArgumentError(
            f"`regulariser` needs the spikes of an rb.Sequential, got {type(model).__name__}."
        )
    task = _Task(
        source=source,
        validation=judged,
        loss=loss,
        encoder=encoder,
        regulariser=regulariser,
        optimizer=_optimizer(optimizer, clip),
        gradient=require_method(gradient, model),
        mask=choose(model, trainable),
        batch_size=batch_size,
        key=jax.random.key(0) if key is None else key,
    )
    state, fixed = _begin(in_training(model, True), task)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        state = _resumed(path, state, task)
    state = _train(state, fixed, task, epochs, patience, path, progress)
    fixed = _narrowed(state, fixed, task, state.epoch / epochs)
    params = state.params if patience is None else state.best
    trained = in_training(legal(eqx.combine(params, fixed), task.mask), False)
    return FitResult(trained, state.history, state.best_epoch, time.perf_counter() - begun)


class _Task(NamedTuple):
    """What does not change during training."""

    source: AbstractSource
    validation: AbstractSource | None
    loss: Loss
    encoder: AbstractEncoder | None
    regulariser: Regulariser | None
    optimizer: "optax.GradientTransformation"
    gradient: AbstractGradient
    mask: Any
    batch_size: int
    key: Array

    @property
    def settings(self) -> dict[str, Any]:
        """What must be the same for a run to go on to the bit."""
        return {
            "samples": len(self.source),
            "batch_size": self.batch_size,
            "key": np.asarray(jax.random.key_data(self.key)).tolist(),
        }


class _State(NamedTuple):
    """What changes: all that a checkpoint holds."""

    params: Any
    optimizer: Any
    best: Any
    """Parameters of the best epoch."""
    best_epoch: int
    history: History

    @property
    def epoch(self) -> int:
        return len(self.history.train_loss)


def _begin(model: Any, task: _Task) -> tuple[_State, Any]:
    """The state before the first epoch, and the part of the model that stays as it is."""
    params, fixed = eqx.partition(free(model, task.mask), task.mask)
    return _State(params, task.optimizer.init(params), params, 0, History()), fixed


def _train(
    state: _State,
    fixed: Any,
    task: _Task,
    epochs: int,
    patience: int | None,
    path: Path | None,
    progress: bool,
) -> _State:
    batches = len(task.source) // task.batch_size
    with _bar(progress, epochs * batches) as show:

        def done(number: int) -> None:
            show(state.epoch * batches + number, None)

        try:
            while state.epoch < epochs and not _run_out(state, patience):
                fixed = _narrowed(state, fixed, task, state.epoch / epochs)
                state = _epoch(state, fixed, task, done)
                show(state.epoch * batches, _summary(state.history))
                if path is not None:
                    _write(path, state, task)
        except KeyboardInterrupt:
            if state.epoch == 0:
                raise
            warnings.warn(f"interrupted after {state.epoch} of {epochs} epochs.", stacklevel=3)
    return state


def _narrowed(state: _State, fixed: Any, task: _Task, progress: float) -> Any:
    """The part that does not train, with what becomes narrower in the course of training."""
    model = narrowed(eqx.combine(state.params, fixed), progress)
    return eqx.partition(model, task.mask)[1]


def _epoch(state: _State, fixed: Any, task: _Task, done: Callable[[int], None]) -> _State:
    """One pass over the training samples, then the validation."""
    shuffling, drawing, judging = jax.random.split(jax.random.fold_in(task.key, state.epoch), 3)
    order = np.asarray(jax.random.permutation(shuffling, len(task.source)))
    seed = *np.asarray(jax.random.key_data(task.key)).tolist(), state.epoch
    params, memory, measured = state.params, state.optimizer, []
    for number, batch in enumerate(batches(task.source, order, task.batch_size, seed)):
        x, y = map(jnp.asarray, batch)
        key = jax.random.fold_in(drawing, number)
        params, memory, figures = _update(params, memory, fixed, task[2:8], x, y, key)
        measured.append(figures)
        done(number + 1)
    train_loss, train_accuracy = np.mean(np.asarray(measured, float), axis=0).tolist()
    if not np.isfinite(train_loss):
        raise FloatingPointError(
            f"the loss became {train_loss} in epoch {state.epoch + 1}. Lower the learning rate, "
            f"optimizer=optax.adam(2e-4), or clip the gradient, clip=1.0."
        )
    history = _longer(state.history, "train", train_loss, train_accuracy)
    best, best_epoch = params, state.epoch + 1
    if task.validation is not None:
        model = in_training(legal(eqx.combine(params, fixed), task.mask), False)
        size = min(task.batch_size, len(task.validation))
        found = over(model, task.validation, task.loss, task.encoder, size, judging)
        if found.loss >= min(history.validation_loss, default=np.inf):
            best, best_epoch = state.best, state.best_epoch
        history = _longer(history, "validation", found.loss, found.accuracy)
    return _State(params, memory, best, best_epoch, history)


@eqx.filter_jit
def _update(
    params: Any, memory: Any, fixed: Any, parts: Any, x: Array, y: Array, key: Array
) -> tuple[Any, Any, Judged]:
    """One step of the optimiser."""
    loss, encoder, regulariser, optimizer, method, mask = parts
    encoding, noise = jax.random.split(key)
    inputs, target = series(x, encoder, encoding), aligned(y)

    def model_of(params: Any) -> Any:
        return legal(eqx.combine(params, fixed), mask)

    objective = Objective(loss, target, lambda output: correct(loss, output, target), regulariser)
    model, back = eqx.filter_vjp(model_of, params)
    figures, slope = method.value_and_grad(model, objective, inputs, noise)
    (gradient,) = back(slope)
    # Optax mixes types, which a user may have forbidden for code of their own.
    with jax.numpy_dtype_promotion("standard"):
        change, memory = optimizer.update(gradient, memory, params)
    params = eqx.apply_updates(params, change)
    return eqx.filter(ordered(eqx.combine(params, fixed), mask), mask), memory, figures


def _write(path: Path, state: _State, task: _Task) -> None:
    notes = {
        "settings": task.settings,
        "best_epoch": state.best_epoch,
        "history": state.history._asdict(),
    }
    files.save(path, (state.params, state.optimizer, state.best), notes)


def _resumed(path: Path, state: _State, task: _Task) -> _State:
    """The state in a checkpoint."""
    params, memory, best = files.load(path, (state.params, state.optimizer, state.best))
    notes = files.read_notes(path)
    if "settings" not in notes:
        raise CheckpointError(f"{path} is no checkpoint of a fit. Give another path.")
    for name, now in task.settings.items():
        before = notes["settings"][name]
        if before != now:
            raise CheckpointError(
                f"{path} was written by a fit with {name} = {before}, this one has {now}. Go on "
                f"with the same, or give another path to start anew."
            )
    history = History(*(tuple(notes["history"][name]) for name in History._fields))
    return _State(params, memory, best, notes["best_epoch"], history)


def _longer(history: History, which: str, loss: float, accuracy: float | None) -> History:
    values = history._asdict()
    values[f"{which}_loss"] += (loss,)
    if accuracy is not None and not np.isnan(accuracy):
        values[f"{which}_accuracy"] += (accuracy,)
    return History(**values)


def _run_out(state: _State, patience: int | None) -> bool:
    return patience is not None and state.epoch - state.best_epoch >= patience


def _summary(history: History) -> str:
    text = f"epoch {len(history.train_loss)}  loss {history.train_loss[-1]:.3g}"
    for name, values in (
        ("accuracy", history.train_accuracy),
        ("validation", history.validation_accuracy),
    ):
        text += f"  {name} {values[-1]:.1%}" if values else ""
    return text


@contextmanager
def _bar(progress: bool, total: int) -> Iterator[Callable[[int, str | None], None]]:
    """What shows the number of batches done and a text, or nothing."""
    if not progress:
        yield lambda completed, detail: None
        return
    from rheobase.progress import bar

    with bar() as shown:
        task = shown.add_task("fit", total=total, detail="")

        def show(completed: int, detail: str | None) -> None:
            if detail is None:
                shown.update(task, completed=completed)
            else:
                shown.update(task, completed=completed, detail=detail)

        yield show


def _optimizer(optimizer: Any, clip: float | None) -> "optax.GradientTransformation":
    import optax

    if optimizer is None:
        optimizer = optax.adam(2e-3)
    if not isinstance(optimizer, optax.GradientTransformation):
        name = optimizer if isinstance(optimizer, str) else getattr(optimizer, "__name__", "adam")
        raise ArgumentError(
            f"`optimizer` takes an optimiser of optax, got {optimizer!r}. "
            f"Write optimizer=optax.{name}(2e-3)."
        )
    if clip is None:
        return optimizer
    return optax.chain(optax.clip_by_global_norm(clip), optimizer)


def _check(
    epochs: Any, batch_size: Any, patience: Any, clip: Any, validation: Any, samples: int
) -> None:
    for name, value in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
        if value is None and name == "patience":
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ArgumentError(f"`{name}` is a whole number >= 1, got {value!r}.")
    if batch_size > samples:
        raise ShapeError(
            f"batch_size = {batch_size} is larger than the data, {samples} samples, so that no "
            f"batch is ever full. Write batch_size={min(samples, 32)}."
        )
    if patience is not None and validation is None:
        raise ArgumentError(
            "`patience` watches the validation loss. Write fit(..., validation=(x, y))."
        )
    if clip is not None and not clip > 0:
        raise ParameterError(f"`clip` is a norm > 0, got {clip!r}. Write clip=1.0, or clip=None.")
