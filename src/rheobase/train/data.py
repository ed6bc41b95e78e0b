"""Training data: samples first, checked before anything is computed, turned to time first."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.train import losses
from rheobase.train.encoders import AbstractEncoder
from rheobase.train.losses import AbstractLoss
from rheobase.train.source import AbstractSource, Arrays

Loss = Callable[[Array, Array], Array]


def as_source(
    data: Any, name: str, model: Any, loss: Loss, encoder: AbstractEncoder | None
) -> AbstractSource:
    """`data` as samples that model, loss and encoder can take.

    Errors: `ArgumentError`, `ShapeError`, and those of encoder, model and loss.
    """
    source = data if isinstance(data, AbstractSource) else _arrays(data, name)
    if not len(source):
        raise ShapeError(f"`{name}` has no samples.")
    # Arrays are at hand, and all of them are looked at; of what is read from disk the first.
    rows = np.arange(len(source) if isinstance(source, Arrays) else 1)
    inputs, targets = source.batch(rows)[0], source.targets
    if encoder is not None:
        encoder.check(np.moveaxis(inputs, 0, 1) if inputs.ndim == 3 else inputs)
    elif inputs.ndim < 3:
        raise ShapeError(
            f"inputs of `{name}` have shape (samples, time, n), got {inputs.shape}. Features "
            f"without time need an encoder: encoder=rb.encoders.Direct(20*ms)."
        )
    key = jax.random.key(0)
    output = eqx.filter_eval_shape(lambda m, x: m(series(x, encoder, key), key), model, inputs[:1])
    if isinstance(loss, AbstractLoss):
        loss.check(targets, output.shape)
    value = eqx.filter_eval_shape(
        lambda o, y: loss(o, aligned(y)), output, jnp.asarray(targets[:1])
    )
    if value.shape != (1,):
        raise ShapeError(
            f"a loss gives one number for each sample, shape (batch,), got {value.shape} for one "
            f"sample. Take the mean over time and neurons, not over the batch."
        )
    return source


def _arrays(data: Any, name: str) -> Arrays:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise ArgumentError(
            f"`{name}` is a pair (inputs, targets) of arrays or a data set, got "
            f"{type(data).__name__}. Write {name}=(x, y), or {name}=rb.datasets.digits()."
        )
    inputs, targets = _array(data[0], "inputs", name), _array(data[1], "targets", name)
    if inputs.ndim == 0 or targets.ndim == 0 or len(inputs) != len(targets) or not len(inputs):
        raise ShapeError(
            f"inputs and targets of `{name}` have one entry a sample, got shapes {inputs.shape} "
            f"and {targets.shape}. Samples come first, time second."
        )
    if not inputs.size:
        raise ShapeError(
            f"inputs of `{name}` have shape {inputs.shape}, which holds no number. They are "
            f"(samples, time, n), or with an encoder (samples, n)."
        )
    if not np.issubdtype(inputs.dtype, np.floating):
        inputs = inputs.astype(jnp.result_type(float))
    if not np.all(np.isfinite(inputs)):
        sample = int(np.argwhere(~np.isfinite(inputs))[0][0])
        raise ShapeError(f"inputs of `{name}` must be finite, sample {sample} is not. Remove it.")
    return Arrays(inputs, targets)


def _array(part: Any, what: str, name: str) -> np.ndarray:
    """Inputs or targets, of which every sample must have the same shape."""
    try:
        array = np.asarray(part)
    except ValueError:  # a ragged list
        array = None
    if array is None or array.dtype == object:
        raise ShapeError(
            f"{what} of `{name}` differ in shape from sample to sample. Fill the shorter ones up "
            f"with zeros at their end to one length, inputs[i, :len(x)] = x."
        )
    return array


def series(x: ArrayLike, encoder: AbstractEncoder | None, key: Array) -> Array:
    """What the network receives for a batch of inputs, (time, batch, ...)."""
    x = jnp.asarray(x, jnp.result_type(float))
    x = jnp.moveaxis(x, 1, 0) if x.ndim >= 3 else x
    return x if encoder is None else encoder(x, key)


def aligned(y: Array) -> Array:
    """Targets of a batch as the loss takes them: a series (batch, time, n) with time first."""
    return jnp.moveaxis(y, 1, 0) if y.ndim == 3 else y


def require_loss(loss: Any) -> Loss:
    """Refuse what is no loss, with the call that makes one."""
    makers = (
        losses.cross_entropy,
        losses.van_rossum,
        losses.victor_purpura,
        losses.mean_square_rate,
    )
    if isinstance(loss, str):
        # The loss words the near miss itself.
        losses.cross_entropy(loss)  # pyright: ignore[reportArgumentType]
        raise ArgumentError(
            f"`loss` takes a loss, got {brief(loss)}. Write loss=rb.losses.cross_entropy({loss!r})."
        )
    if loss in makers or isinstance(loss, type) or not callable(loss):
        name = getattr(loss, "__name__", brief(loss))
        call = f"{name}()" if loss in makers else 'cross_entropy("max")'
        raise ArgumentError(f"`loss` takes a loss, got {name}. Write loss=rb.losses.{call}.")
    return loss  # pyright: ignore[reportReturnType]


def require_model(model: Any) -> None:
    """Refuse what is no model."""
    if isinstance(model, type) or not isinstance(model, eqx.Module) or not callable(model):
        raise ArgumentError(
            "`model` must be an Equinox module that is called as model(x, key), got "
            f"{brief(model)}. Write rb.Sequential(rb.Linear(64, 256), rb.LIF(), rb.Linear(256, 2), "
            'rb.LI()), or of a network rb.train.Driven(net, dt=1*ms, into="in", out="e").'
        )
