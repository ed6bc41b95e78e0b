"""`fit`: mini-batch training with optax."""

import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh

from rheobase import printed
from rheobase.given import key_or_first
from rheobase.network import Network
from rheobase.provenance import Provenance, precision_of, versions
from rheobase.train.calibrate import SAMPLES, over_samples, require_calibrable
from rheobase.train.data import (
    Loss,
    aligned,
    as_source,
    require_loss,
    require_model,
    series,
)
from rheobase.train.devices import copied, gathered, mesh_of, shared
from rheobase.train.domains import Where, choose, free, legal, ordered
from rheobase.train.driven import Driven, as_driven, trainable_of
from rheobase.train.encoders import AbstractEncoder
from rheobase.train.evaluate import correct, over
from rheobase.train.fingerprint import described, of_optimizer, of_source, of_trainable
from rheobase.train.history import History, bar, longer, summary
from rheobase.train.layers import Sequential, require_regulable
from rheobase.train.losses import cross_entropy
from rheobase.train.method import AbstractGradient, Judged, Objective, require_method
from rheobase.train.phase import in_training, narrowed
from rheobase.train.readouts import Readout
from rheobase.train.resume import Checkpoint, with_rates_of
from rheobase.train.rewire import Rewiring, dense, require_sparse, rewired, wired, wiring
from rheobase.train.settings import check, moved, optimizer_of, require_steps
from rheobase.train.silence import warn_of_silence
from rheobase.train.source import AbstractSource, batches
from rheobase.units import Quantity

if TYPE_CHECKING:
    import optax

Regulariser = Callable[[tuple[Array, ...]], Array]


class FitResult(NamedTuple):
    """What `fit` returns."""

    model: Any
    """The trained model: with `patience` that of `best_epoch`, else that of the last."""
    history: History
    best_epoch: int
    """The epoch of the smallest validation loss, from 1; without validation the last."""
    seconds: float
    """Wall time of this call, compilation included."""
    provenance: Provenance = Provenance()
    """What made it: versions, stepper, dt, precision and key."""

    def __repr__(self) -> str:
        return printed.shortly(self)


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
    rewiring: Rewiring | None = None,
    dt: Quantity | None = None,
    into: str | None = None,
    out: str | Readout | None = None,
    clip: float | None = 1.0,
    checkpoint: str | Path | None = None,
    devices: int | Sequence[Any] | None = None,
    key: Array | None = None,
    progress: bool = True,
) -> FitResult:
    """Train a model on samples: weights and neuron parameters alike.

    - `model`: a `Sequential`, a `Network`, or an Equinox module that is called as `model(x, key)`.
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
      `Exact()`, `EProp()`, `Mixed(...)`, ...; plain backpropagation through time by default.
    - `rewiring`: `rb.train.Rewiring()`, by which the connections of sparse layers move.
    - `dt`, `into`, `out`: of a `Network`, as in `rb.train.Driven`: the step of each row of the
      input, the population that gets it, and what is read, `rb.readouts.count("e")`. By default the
      weights of all connections train, and the loss is the cross entropy of what is read.
    - `clip`: largest norm of the gradient of all parameters together; None for none.
    - `checkpoint`: a file written after each epoch. If it is there, training goes on from it, to
      the same bits as without the interruption. The other arguments must be the same, data and all
      that does not train included: what differs is named. `epochs` may grow, and the numbers of the
      optimiser, such as its rate, may change.
    - `devices`: share the samples of each batch out over so many devices, or over these:
      `jax.devices()`, those of all processes under `jax.distributed` included. Each process then
      calls `fit` with the same arguments and reads the same data. The same numbers as on one
      device, but for the rounding of sums. The first process writes the checkpoint.
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
    network = isinstance(model, Network)
    if network or not all(one is None for one in (dt, into, out)):
        model = as_driven(model, dt, into, out)
        trainable = trainable_of(trainable)
        loss = cross_entropy(model.out.code) if loss is None else loss
    require_model(model)
    require_calibrable(model)
    loss = cross_entropy("max") if loss is None else require_loss(loss)
    source = as_source(data, "data", model, loss, encoder)
    judged = None
    if validation is not None:
        judged = as_source(validation, "validation", model, loss, encoder)
    check(epochs, batch_size, patience, clip, judged, len(source))
    require_regulable(regulariser, model)
    update = _Update(
        loss=loss,
        encoder=encoder,
        regulariser=regulariser,
        optimizer=optimizer_of(optimizer, clip),
        gradient=require_method(gradient, model),
        mask=choose(model, trainable),
        mesh=mesh_of(devices, batch_size),
        rewiring=rewiring,
    )
    require_sparse(rewiring, update.mask)
    key = key_or_first(key, "rb.fit(..., key={})")
    task = _Task(source, judged, update, batch_size, key)
    state, fixed = _begin(in_training(model, True), task)
    kept = _checkpoint(checkpoint, fixed, task)
    if kept is not None and kept.path.exists():
        state = _resumed(kept, state, task)
    state = _train(state, fixed, task, epochs, patience, kept, progress)
    best = patience is not None
    fixed = _narrowed(state, fixed, task, state.epoch / epochs, best)
    params = gathered(state.best if best else state.params, update.mesh)
    used = _as_used(params, fixed, task)
    used = used.network.renewed() if network else used
    seconds = time.perf_counter() - begun
    return FitResult(used, state.history, state.best_epoch, seconds, _provenance(model, key))


def _provenance(model: Any, key: Array) -> Provenance:
    """What made a fit; only a `Sequential` says its stepper and dt."""
    stepper, dt = None, None
    if isinstance(model, Sequential | Driven):
        stepper, dt = type(model.stepper).__name__, model.dt
    return Provenance(versions(), stepper, dt, precision_of(model), key)


class _Update(NamedTuple):
    """How a step of the optimiser is made."""

    loss: Loss
    encoder: AbstractEncoder | None
    regulariser: Regulariser | None
    optimizer: "optax.GradientTransformation"
    gradient: AbstractGradient
    mask: Any
    mesh: Mesh | None
    rewiring: Rewiring | None


class _Task(NamedTuple):
    """What does not change during training."""

    source: AbstractSource
    validation: AbstractSource | None
    update: _Update
    batch_size: int
    key: Array


class _State(NamedTuple):
    """What changes: all that a checkpoint holds."""

    params: Any
    optimizer: Any
    best: Any
    """Parameters of the best epoch."""
    best_epoch: int
    history: History
    wiring: tuple[Array, ...] = ()
    """Where the connections of the sparse layers are; empty where they do not move."""
    best_wiring: tuple[Array, ...] = ()

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What is written as arrays."""
        return self.params, self.optimizer, self.best, self.wiring, self.best_wiring

    @property
    def epoch(self) -> int:
        return len(self.history.train_loss)


def _begin(model: Any, task: _Task) -> tuple[_State, Any]:
    """The state before the first epoch, and the part of the model that stays as it is."""
    update = task.update
    params, fixed = eqx.partition(free(model, update.mask), update.mask)
    params = copied(params, update.mesh)
    require_steps(update.optimizer, params)
    with jax.numpy_dtype_promotion("standard"):
        memory = copied(update.optimizer.init(params), update.mesh)
    masks = () if update.rewiring is None else wiring(fixed)
    return _State(params, memory, params, 0, History(), masks, masks), fixed


def _as_used(params: Any, fixed: Any, task: _Task) -> Any:
    """The model as it is used, with the statistics of the training data where it takes any."""
    update = task.update
    model = in_training(legal(eqx.combine(params, fixed), update.mask), False)
    key = jax.random.fold_in(task.key, 2**31 - 1)
    return over_samples(model, task.source, update.encoder, SAMPLES, task.batch_size, key)


def _train(
    state: _State,
    fixed: Any,
    task: _Task,
    epochs: int,
    patience: int | None,
    kept: Checkpoint | None,
    progress: bool,
) -> _State:
    batches = len(task.source) // task.batch_size
    with bar(progress, epochs * batches) as show:

        def done(number: int) -> None:
            show(state.epoch * batches + number, None)

        try:
            while state.epoch < epochs and not _run_out(state, patience):
                fixed = _narrowed(state, fixed, task, state.epoch / epochs)
                state, losses = _epoch(state, fixed, task, epochs, done)
                if state.epoch == 1:
                    _look_for_silence(state, fixed, task, losses)
                show(state.epoch * batches, summary(state.history))
                if kept is not None and jax.process_index() == 0:
                    kept.write(state.arrays, state.best_epoch, state.history)
        except KeyboardInterrupt:
            if state.epoch == 0:
                raise
            warnings.warn(f"interrupted after {state.epoch} of {epochs} epochs.", stacklevel=3)
    return state


def _look_for_silence(state: _State, fixed: Any, task: _Task, losses: np.ndarray) -> None:
    update = task.update
    params = gathered(state.params, update.mesh)
    model = legal(eqx.combine(params, wired(fixed, state.wiring)), update.mask)
    key = jax.random.fold_in(task.key, 2**31 - 2)
    warn_of_silence(model, task.source, update.encoder, losses, key, stacklevel=4)


def _narrowed(state: _State, fixed: Any, task: _Task, progress: float, best: bool = False) -> Any:
    """The part that does not train, as it is after a state's epochs or in the best of them."""
    model = narrowed(eqx.combine(state.params, fixed), progress)
    fixed = eqx.partition(model, task.update.mask)[1]
    return wired(fixed, state.best_wiring if best else state.wiring)


def _epoch(
    state: _State, fixed: Any, task: _Task, epochs: int, done: Callable[[int], None]
) -> tuple[_State, np.ndarray]:
    """One pass over the training samples, then the validation; and the loss of each batch."""
    shuffling, drawing, judging = jax.random.split(jax.random.fold_in(task.key, state.epoch), 3)
    order = np.asarray(jax.random.permutation(shuffling, len(task.source)))
    seed = *np.asarray(jax.random.key_data(task.key)).tolist(), state.epoch
    params, memory, measured = state.params, state.optimizer, []
    steps = len(task.source) // task.batch_size
    for number, batch in enumerate(batches(task.source, order, task.batch_size, seed)):
        x, y = (shared(part, task.update.mesh) for part in batch)
        key = jax.random.fold_in(drawing, number)
        params, memory, figures = _updated(params, memory, fixed, task.update, x, y, key)
        measured.append(figures)
        step = state.epoch * steps + number + 1
        if (rewiring := task.update.rewiring) is not None and step % rewiring.every == 0:
            given = x, y, jax.random.fold_in(key, step), jnp.float32(step / (epochs * steps))
            params, memory, masks = _rewired(params, memory, fixed, task.update, *given)
            fixed = wired(fixed, tuple(jnp.asarray(np.asarray(mask)) for mask in masks))
        done(number + 1)
    figures = np.asarray(measured, float)
    train_loss, train_accuracy = np.mean(figures, axis=0).tolist()
    if not np.isfinite(train_loss):
        raise FloatingPointError(
            f"the loss became {train_loss} in epoch {state.epoch + 1}. Lower the learning rate, "
            f"optimizer=optax.adam(2e-4), or clip the gradient, clip=1.0."
        )
    history = longer(state.history, "train", train_loss, train_accuracy)
    masks = () if task.update.rewiring is None else wiring(fixed)
    best, best_epoch, best_masks = params, state.epoch + 1, masks
    if task.validation is not None:
        model = _as_used(gathered(params, task.update.mesh), fixed, task)
        size = min(task.batch_size, len(task.validation))
        loss, encoder = task.update.loss, task.update.encoder
        found = over(model, task.validation, loss, encoder, size, judging)
        if found.loss >= min(history.validation_loss, default=np.inf):
            best, best_epoch, best_masks = state.best, state.best_epoch, state.best_wiring
        history = longer(history, "validation", found.loss, found.accuracy)
    after = _State(params, memory, best, best_epoch, history, masks, best_masks)
    return after, figures[:, 0]


@eqx.filter_jit
def _updated(
    params: Any, memory: Any, fixed: Any, update: _Update, x: Array, y: Array, key: Array
) -> tuple[Any, Any, Judged]:
    """One step of the optimiser."""
    gradient, figures = _slope(params, fixed, update, x, y, key)
    # Optax mixes types, which a user may have forbidden for code of their own.
    with jax.numpy_dtype_promotion("standard"):
        change, memory = moved(update.optimizer, gradient, memory, params, figures.value)
    params = eqx.apply_updates(params, change)
    params = eqx.filter(ordered(eqx.combine(params, fixed), update.mask), update.mask)
    return copied((params, memory, figures), update.mesh)


def _slope(
    params: Any, fixed: Any, update: _Update, x: Array, y: Array, key: Array
) -> tuple[Any, Judged]:
    """The gradient of a batch by what trains, and what came of the batch."""
    loss, mask = update.loss, update.mask
    encoding, noise = jax.random.split(key)
    inputs, target = series(x, update.encoder, encoding), aligned(y)

    def model_of(params: Any) -> Any:
        return legal(eqx.combine(params, fixed), mask)

    objective = Objective(
        loss, target, lambda output: correct(loss, output, target), update.regulariser
    )
    model, back = eqx.filter_vjp(model_of, params)
    figures, slope = update.gradient.value_and_grad(model, objective, inputs, noise)
    return back(slope)[0], figures


@eqx.filter_jit
def _rewired(
    params: Any,
    memory: Any,
    fixed: Any,
    update: _Update,
    x: Array,
    y: Array,
    key: Array,
    progress: Array,
) -> tuple[Any, Any, tuple[Array, ...]]:
    """A rewiring of the sparse layers after a step of the optimiser."""
    model, rewiring = eqx.combine(params, fixed), update.rewiring
    if rewiring is None:
        return params, memory, ()
    slope = model
    if rewiring.grow == "gradient":
        whole = eqx.partition(dense(model), update.mask)
        slope = eqx.combine(_slope(*whole, update, x, y, key)[0], fixed)
    with jax.numpy_dtype_promotion("standard"):
        model, memory = rewired(
            rewiring, model, update.mask, memory, update.optimizer, slope, progress, key
        )
    params = eqx.filter(model, update.mask)
    return copied((params, memory, wiring(model)), update.mesh)


def _checkpoint(path: str | Path | None, fixed: Any, task: _Task) -> Checkpoint | None:
    """Where the state is kept, and what must be the same for a run to go on to the bit."""
    if path is None:
        return None
    update = task.update
    # Masks that move are a part of the state.
    masks = () if update.rewiring is None else wiring(fixed)
    held = wired(fixed, tuple(jnp.zeros_like(mask) for mask in masks))
    about = (
        of_source(task.source, "data")
        | of_source(task.validation, "validation")
        | of_optimizer(update.optimizer, "optimizer")
        | of_trainable(update.mask, "trainable")
        | described(update.loss, "loss")
        | described(update.encoder, "encoder")
        | described(update.regulariser, "regulariser")
        | described(update.gradient, "gradient")
        | described(update.rewiring, "rewiring")
        | described(held, "model")
    )
    settings = {
        "samples": len(task.source),
        "batch_size": task.batch_size,
        "key": np.asarray(jax.random.key_data(task.key)).tolist(),
    }
    return Checkpoint(Path(path), settings, about)


def _resumed(kept: Checkpoint, state: _State, task: _Task) -> _State:
    """The state in a checkpoint, under the rates of this optimiser."""
    mesh = task.update.mesh
    arrays, best_epoch, history = kept.read(gathered(state.arrays, mesh))
    memory = with_rates_of(arrays[1], gathered(state.optimizer, mesh))
    params, memory, best = copied((arrays[0], memory, arrays[2]), mesh)
    return _State(params, memory, best, best_epoch, history, *arrays[3:])


def _run_out(state: _State, patience: int | None) -> bool:
    return patience is not None and state.epoch - state.best_epoch >= patience
