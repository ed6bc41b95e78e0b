"""Layers that never fire: a fit goes on for hours without them, and says nothing of it."""

import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from rheobase.train.data import series
from rheobase.train.encoders import AbstractEncoder
from rheobase.train.graph import Graph
from rheobase.train.layers import Sequential
from rheobase.train.source import AbstractSource

SAMPLES = 64
"""On which a layer is seen to be silent, taken evenly from all."""
_LEARNS = 0.8
"""A loss that fell below so much of itself in the first epoch comes from layers that fire."""


def warn_of_silence(
    model: Any,
    source: AbstractSource,
    encoder: AbstractEncoder | None,
    losses: np.ndarray,
    key: Array,
    stacklevel: int,
) -> None:
    """Warn of layers that do not fire once on samples of the training data.

    - `losses`: of the batches of the first epoch, in order; where they fall nothing is looked at.
    """
    part = max(len(losses) // 4, 1)
    if np.mean(losses[-part:]) < _LEARNS * np.mean(losses[:part]):
        return
    count = min(SAMPLES, len(source))
    order = np.linspace(0, len(source) - 1, count).round().astype(int)
    x = source.batch(order, None)[0]
    fired = [bool(part) for part in _fired(model, x, encoder, key)]
    silent = [name for name, fires in zip(_names(model), fired, strict=True) if not fires]
    if silent:
        warnings.warn(
            f"{silent[0]} never fired in the first epoch, on none of {count} samples, so that what "
            f"follows it learns nothing. {_cure(model, x, encoder)}",
            stacklevel=stacklevel + 1,
        )


def _cure(model: Any, x: ArrayLike, encoder: AbstractEncoder | None) -> str:
    if not isinstance(model, Sequential):
        return "Give larger inputs or weights."
    larger = "scale the inputs up, x * 3, or lower the thresholds"
    first = np.asarray(x)[:1] if encoder is None else np.zeros(0)
    if first.size and np.isin(first, (0, 1)).all():
        return (
            'The inputs are spikes of 0 and 1: write rb.Sequential(..., inputs="spikes"), which '
            f"draws the first weights for them, or {larger}."
        )
    return f'{larger[0].upper()}{larger[1:]}; inputs="spikes" of rb.Sequential is for spikes.'


def _names(model: Any) -> list[str]:
    if not isinstance(model, Sequential):
        return ["the output of the model"]
    found = []
    for number, layer in enumerate(model.layers):
        one = eqx.tree_at(lambda m: m.layers, model, (layer,))
        kinds = [type(neuron).__name__ for neuron in one.populations]
        if isinstance(layer, Graph):
            kinds = [f"node {name!r} of Graph" for name in layer.names]
        found += [f"layer {number} ({kind})" for kind in kinds]
    return found


@eqx.filter_jit
def _fired(model: Any, x: ArrayLike, encoder: AbstractEncoder | None, key: Array) -> list[Array]:
    """Whether each population fired, True for one that cannot; of another model, its output."""
    encoding, noise = jax.random.split(key)
    inputs = series(x, encoder, encoding)
    if not isinstance(model, Sequential):
        return [jnp.any(model(inputs, noise) != 0)]
    recordings = model.run(inputs, noise)[1]
    return [
        jnp.asarray(True) if one.raster is None else jnp.any(one.spikes > 0) for one in recordings
    ]
