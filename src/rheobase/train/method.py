"""What a gradient method is: how the gradient of a loss with respect to a model is taken."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from rheobase.declared import AbstractDeclared
from rheobase.errors import ArgumentError, brief


class Judged(NamedTuple):
    """What an objective makes of a run."""

    value: Array
    """What is made small: the mean loss and the regulariser."""
    accuracy: Array
    """Fraction of samples that were classified rightly; NaN where the loss has no classes."""


class Objective(eqx.Module):
    """The mean loss over a batch and, where there is one, a regulariser of the spikes."""

    loss: Callable[[Array, Array], Array]
    """Of output (time, batch, n) and target; gives (batch,)."""
    target: Any
    correct: Callable[[Array], Array]
    """Of the output; 1 for each sample that was classified rightly."""
    regulariser: Callable[[tuple[Array, ...]], Array] | None = None
    """Of the spikes (time, batch, n) of every population that fires."""

    def __call__(self, output: Array, spikes: tuple[Array, ...] = ()) -> Judged:
        value = jnp.mean(self.loss(output, self.target))
        if self.regulariser is not None:
            value = value + self.regulariser(spikes)
        return Judged(value, jnp.mean(self.correct(output)))


class AbstractGradient(AbstractDeclared):
    """How the gradient is taken; a final method states `check` and `value_and_grad`."""

    @abstractmethod
    def check(self, model: Any) -> None:
        """Refuse a model that the method cannot differentiate, and say why."""

    @abstractmethod
    def value_and_grad(
        self, model: Any, objective: Objective, x: Array, key: Array | None
    ) -> tuple[Judged, Any]:
        """What the objective makes of a run over x (time, batch, ...), and d(value)/d(model).

        The gradient has the structure of the model, None in the place of what is no array of real
        numbers.
        """


class Plain(AbstractGradient):
    """Backpropagation through whatever the model does, as it stands."""

    def check(self, model: Any) -> None:
        pass

    def value_and_grad(
        self, model: Any, objective: Objective, x: Array, key: Array | None
    ) -> tuple[Judged, Any]:
        def judged(model: Any) -> tuple[Array, Judged]:
            if objective.regulariser is None:
                found = objective(model(x, key))
            else:
                output, runs = model.run(x, key)
                found = objective(output, spikes_of(runs))
            return found.value, found

        return _swapped(eqx.filter_grad(judged, has_aux=True)(model))


def spikes_of(recordings: tuple[Any, ...]) -> tuple[Array, ...]:
    """The spikes of the populations that fire."""
    return tuple(run.spikes for run in recordings if run.raster is not None)


def require_method(gradient: Any, model: Any) -> AbstractGradient:
    """The method that is meant, None for plain backpropagation; refuses what is none."""
    if gradient is None:
        return Plain()
    if not isinstance(gradient, AbstractGradient):
        name = gradient.__name__ if isinstance(gradient, type) else "Surrogate"
        raise ArgumentError(
            f"`gradient` takes a method of rb.gradients, got {brief(gradient)}. "
            f"Write gradient=rb.gradients.{name}()."
        )
    gradient.check(model)
    return gradient


def _swapped(pair: tuple[Any, Judged]) -> tuple[Judged, Any]:
    return pair[1], pair[0]
