"""Loss and accuracy of a model on data."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from rheobase.given import key_or_first
from rheobase.train.data import (
    Loss,
    aligned,
    as_source,
    require_loss,
    require_model,
    series,
)
from rheobase.train.encoders import AbstractEncoder
from rheobase.train.losses import AbstractLoss, cross_entropy
from rheobase.train.source import AbstractSource, each


class Evaluation(NamedTuple):
    """How good a model is on data."""

    loss: float
    accuracy: float | None
    """Fraction of samples that were classified rightly; None where the loss has no classes."""


def evaluate(
    model: Any,
    data: tuple[Any, Any] | AbstractSource,
    *,
    loss: Loss | None = None,
    encoder: AbstractEncoder | None = None,
    batch_size: int = 256,
    key: Array | None = None,
) -> Evaluation:
    """Mean loss and accuracy of a model over samples; arguments as in `fit`.

    The last batch is filled up with samples that do not count, so that one program is compiled.

    >>> import numpy as np, rheobase as rb
    >>> from rheobase.units import ms
    >>> model = rb.Sequential(rb.Linear(4, 3), rb.LI())
    >>> data = np.full((5, 4), 0.5), np.zeros(5, int)
    >>> rb.train.evaluate(model, data, encoder=rb.encoders.Direct(10 * ms)).accuracy in (0, 1)
    True
    """
    require_model(model)
    loss = cross_entropy("max") if loss is None else require_loss(loss)
    source = as_source(data, "data", model, loss, encoder)
    key = key_or_first(key, "rb.evaluate(..., key={})")
    return over(model, source, loss, encoder, min(batch_size, len(source)), key)


def over(
    model: Any,
    source: AbstractSource,
    loss: Loss,
    encoder: AbstractEncoder | None,
    batch_size: int,
    key: Array,
) -> Evaluation:
    """`evaluate` on samples that have been checked."""
    sums = []
    for number, ((x, y), counts) in enumerate(each(source, batch_size)):
        sums.append(_batch(model, x, y, counts, loss, encoder, jax.random.fold_in(key, number)))
    total, right = np.sum([[float(a), float(b)] for a, b in sums], axis=0) / len(source)
    return Evaluation(float(total), None if np.isnan(right) else float(right))


@eqx.filter_jit
def _batch(
    model: Any,
    x: ArrayLike,
    y: ArrayLike,
    counts: ArrayLike,
    loss: Loss,
    encoder: AbstractEncoder | None,
    key: Array,
) -> tuple[Array, Array]:
    """Summed loss and number of right answers of the samples that count."""
    encoding, noise = jax.random.split(key)
    output, y = model(series(x, encoder, encoding), noise), aligned(jnp.asarray(y))
    right = correct(loss, output, y)
    return jnp.sum(jnp.where(counts, loss(output, y), 0)), jnp.sum(jnp.where(counts, right, 0))


def correct(loss: Loss, output: Array, target: Array) -> Array:
    """1 for each sample that was classified rightly; NaN where the loss has no classes."""
    right = loss.correct(output, target) if isinstance(loss, AbstractLoss) else None
    return jnp.asarray(jnp.nan) if right is None else right.astype(output.dtype)
