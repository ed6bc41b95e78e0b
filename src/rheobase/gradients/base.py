"""What the gradient methods share: the models they take, and `value_and_grad`."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.errors import ArgumentError, brief
from rheobase.train.data import Loss, aligned, as_source, require_loss, require_model, series
from rheobase.train.driven import Driven, How
from rheobase.train.evaluate import correct
from rheobase.train.layers import Sequential, require_regulable
from rheobase.train.losses import cross_entropy
from rheobase.train.method import AbstractGradient, Judged, Objective, require_method


class Right(eqx.Module):
    """Which samples were classified rightly; a pytree, so that another batch compiles nothing."""

    loss: Loss
    target: Array

    def __call__(self, output: Array) -> Array:
        return correct(self.loss, output, self.target)


class Batch(eqx.Module):
    """A batch as the methods take it."""

    x: Array
    """(time, batch, ...)."""
    objective: Objective


def prepare(model: Any, batch: tuple[Any, Any], loss: Loss | None, regulariser: Any) -> Batch:
    """A checked batch with samples first, turned to time first."""
    require_model(model)
    loss = cross_entropy("max") if loss is None else require_loss(loss)
    require_regulable(regulariser, model)
    source = as_source(batch, "batch", model, loss, None)
    inputs, target = source.batch(np.arange(len(source)))
    x, y = series(inputs, None, jax.random.key(0)), aligned(jnp.asarray(target))
    objective = Objective(loss, y, Right(loss, y), regulariser)
    return Batch(x, objective)


def value_and_grad(
    model: Any,
    batch: tuple[Any, Any],
    *,
    loss: Loss | None = None,
    method: AbstractGradient | None = None,
    regulariser: Any = None,
    key: Array | None = None,
) -> tuple[Array, Any]:
    """The mean loss of a batch, and its gradient with respect to a model by a method.

    - `model`, `loss`, `regulariser`: as in `fit`.
    - `batch`: inputs (samples, time, n) and targets (samples, ...), as the data of `fit`.
    - `method`: of `rb.gradients`; plain backpropagation through time by default.
    - `key`: for what draws random numbers.

    Returns the value, and a model with the derivatives in the place of its arrays (in the units of
    the value per internal unit of each).

    Errors, before anything is computed: `ArgumentError`, `ShapeError`, and those of the method.

    >>> import numpy as np, rheobase as rb
    >>> model = rb.Sequential(rb.Linear(4, 20), rb.LIF(), rb.Linear(20, 2), rb.LI())
    >>> batch = np.ones((8, 30, 4)), np.zeros(8, int)
    >>> value, gradient = rb.gradients.value_and_grad(model, batch, method=rb.gradients.Surrogate())
    >>> gradient.layers[0].weight.shape
    (4, 20)
    """
    given = prepare(model, batch, loss, regulariser)
    judged, gradient = taken(require_method(method, model), model, given, key)
    return judged.value, gradient


@eqx.filter_jit
def taken(
    method: AbstractGradient, model: Any, batch: Batch, key: Array | None
) -> tuple[Judged, Any]:
    """`method.value_and_grad`, compiled."""
    return method.value_and_grad(model, batch.objective, batch.x, key)


def went(
    model: Driven, how: How, objective: Objective, x: Array, key: Array | None
) -> tuple[Judged, Any]:
    """Run a network in the way of a method; return its score and gradient."""

    def judged(model: Driven) -> tuple[Array, Judged]:
        found = objective(model.going(how)(x, key))
        return found.value, found

    gradient, found = eqx.filter_grad(judged, has_aux=True)(model)
    return found, gradient


def require_sequential(method: AbstractGradient, model: Any) -> Sequential:
    """The model, where it is a stack of layers that can be run piece by piece."""
    if isinstance(model, Sequential):
        return model
    raise ArgumentError(
        f"{type(method).__name__} runs the layers of an rb.Sequential in its own way, got "
        f"{brief(model)}. Write gradient=rb.gradients.Surrogate() for other models."
    )
