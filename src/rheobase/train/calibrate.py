"""Statistics of the data in the layers that hold some: what `BatchNorm` has when it is used."""

from contextlib import closing
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from rheobase.errors import ArgumentError
from rheobase.given import key_or_first
from rheobase.train.data import as_source, require_model, series
from rheobase.train.encoders import AbstractEncoder
from rheobase.train.layers import Sequential, advance, begin
from rheobase.train.norm import BatchNorm, moments
from rheobase.train.source import AbstractSource, batches

SAMPLES = 1024
"""Of which the statistics are taken, evenly from all."""


def calibrated(
    model: Any,
    data: tuple[Any, Any] | AbstractSource,
    *,
    encoder: AbstractEncoder | None = None,
    samples: int = SAMPLES,
    batch_size: int = 64,
    key: Array | None = None,
) -> Any:
    """The model with the mean and variance of `data` in each `BatchNorm`, layer after layer.

    What leaves a layer on these samples then has exactly the mean s b and, but for 1e-5 parts of
    s², the variance (s g)²: each layer is measured with those before it as they are used. `fit`
    does this with its training data; do it yourself for data of another kind.

    - `model`: a `Sequential`; without a `BatchNorm` it comes back as it is.
    - `data`, `encoder`, `key`: as in `fit`; targets are not looked at.
    - `samples`: how many, taken evenly from all of them.
    - `batch_size`: samples that are run at a time; those that do not fill one are left out.

    Errors: `ArgumentError` for a `BatchNorm` in what is no `Sequential`; those of data and encoder.

    >>> import numpy as np, rheobase as rb
    >>> model = rb.Sequential(rb.Linear(4, 9), rb.BatchNorm(9), rb.LIF())
    >>> data = np.random.default_rng(0).uniform(size=(64, 20, 4)), np.zeros(64, int)
    >>> rb.train.calibrated(model, data).layers[1].mean.shape
    (9,)
    """
    require_model(model)
    require_calibrable(model)
    source = as_source(data, "data", model, _any_loss, encoder)
    key = key_or_first(key, "calibrated(..., key={})")
    return over_samples(model, source, encoder, samples, batch_size, key)


def over_samples(
    model: Any,
    source: AbstractSource,
    encoder: AbstractEncoder | None,
    samples: int,
    batch_size: int,
    key: Array,
) -> Any:
    """`calibrated` on samples that have been checked."""
    if not isinstance(model, Sequential):
        return model
    count = min(samples, len(source))
    size = min(batch_size, count)
    order = np.linspace(0, len(source) - 1, count // size * size).round().astype(int)
    for position, layer in enumerate(model.layers):
        if not isinstance(layer, BatchNorm):
            continue
        before = eqx.tree_at(lambda m: m.layers, model, model.layers[:position])
        found = []
        with closing(batches(source, order, size, None)) as made:  # pyright: ignore[reportArgumentType]
            for number, batch in enumerate(made):
                own = jax.random.fold_in(key, number)
                found.append(jax.tree.map(np.asarray, _measured(before, batch[0], encoder, own)))
        means, variances = (np.stack(part).astype(float) for part in zip(*found, strict=True))
        # The variance over all of batches of one size, from what it is within and between them.
        total = means.mean(0), variances.mean(0) + means.var(0)
        done = layer.measured(*(jnp.asarray(x, layer.gain.dtype) for x in total))
        layers = (*model.layers[:position], done, *model.layers[position + 1 :])
        model = eqx.tree_at(lambda m: m.layers, model, layers)
    return model


@eqx.filter_jit
def _measured(
    before: Sequential, x: ArrayLike, encoder: AbstractEncoder | None, key: Array
) -> tuple[Array, Array]:
    encoding, noise = jax.random.split(key)
    inputs = series(x, encoder, encoding)
    return moments(advance(before, begin(before, inputs), inputs, noise).output)


def require_calibrable(model: Any) -> None:
    """Refuse a `BatchNorm` in a model whose layers are not known one by one."""
    if isinstance(model, Sequential) or not has_batch_norm(model):
        return
    raise ArgumentError(
        f"BatchNorm takes the statistics of the data layer by layer in an rb.Sequential, and this "
        f"{type(model).__name__} holds one. Write model=rb.Sequential(...), or leave it out."
    )


def has_batch_norm(model: Any) -> bool:
    """Whether there is a `BatchNorm` anywhere in a model."""
    leaves = jax.tree.leaves(model, is_leaf=lambda x: isinstance(x, BatchNorm))
    return any(isinstance(leaf, BatchNorm) for leaf in leaves)


def _any_loss(output: Array, target: Array) -> Array:
    """One number a sample, for data of which only the inputs count."""
    return jnp.zeros(output.shape[1])
