"""What of a model differs between the beginning, the course and the end of training."""

from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax

from rheobase.train.delays import Delay, Delays
from rheobase.train.dense import Linear
from rheobase.train.layer import AbstractLayer
from rheobase.train.layers import Sequential
from rheobase.train.recurrent import Recurrent

Model = TypeVar("Model")


def in_training(model: Model, active: bool) -> Model:
    """The model with what acts in training alone, such as `Dropout`, at work or not."""

    def switched(layer: Any) -> Any:
        return layer.in_training(active) if isinstance(layer, AbstractLayer) else layer

    return jax.tree.map(switched, model, is_leaf=lambda x: isinstance(x, AbstractLayer))


def narrowed(model: Model, progress: float) -> Model:
    """The model with the kernels of its delays as narrow as at `progress` (0 to 1) of training."""
    return _each_delays(model, lambda delays, owner: delays.narrowed(progress))


def rounded(model: Model) -> Model:
    """The model with every delay a whole number of its steps: what a chip, or an event, has.

    - `model`: a `Sequential`, or what holds some.

    >>> import numpy as np, rheobase as rb
    >>> from rheobase.units import ms
    >>> layer = rb.Linear(4, 3, delays=rb.Delays(max=5 * ms))
    >>> model = rb.train.rounded(rb.Sequential(layer, rb.LI()))
    >>> time = model.layers[0].delays.time
    >>> bool((time == np.round(time)).all())
    True
    """

    def done(part: Any) -> Any:
        if not isinstance(part, Sequential):
            return part
        dt = part.dt
        return _each_delays(
            part, lambda delays, owner: delays.rounded(dt, int(isinstance(owner, Recurrent)))
        )

    return jax.tree.map(done, model, is_leaf=lambda x: isinstance(x, Sequential))


def _each_delays(model: Model, change: Callable[[Delays, Any], Delays]) -> Model:
    def changed(layer: Any) -> Any:
        if not _delayed(layer):
            return layer
        return eqx.tree_at(lambda l: l.delays, layer, change(layer.delays, layer))

    return jax.tree.map(changed, model, is_leaf=_delayed)


def _delayed(layer: Any) -> bool:
    return isinstance(layer, Delay | Linear | Recurrent) and layer.delays is not None
