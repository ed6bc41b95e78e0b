"""What a layer is that stands between populations."""

from abc import abstractmethod
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.declared import AbstractDeclared
from rheobase.errors import ShapeError, brief

Shape = tuple[int, ...]

GAIN = 1.0
"""Standard deviation of the summed input, in units of what carries a neuron to its threshold, if
every input of a layer is 1."""


class AbstractLayer(AbstractDeclared):
    """What turns the output of one population into the input of the next.

    A final layer states `shape` and `advance`; one with weights `drawn`; one that remembers
    inputs (delays) `begin`. Names in `fixed` are arrays that never train.
    """

    fixed: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def shape(self, before: Shape | None, giver: str) -> Shape | None:
        """The shape of a step of one sample after the layer, given that before it, of `giver`.

        None where it is not known. Errors: `ShapeError` for one that it cannot take, a text that
        goes on from the name of the layer.
        """

    @abstractmethod
    def advance(self, x: Array, carry: Any, dt: float, key: Array | None) -> tuple[Array, Any]:
        """What comes of x (time, batch, ...), and what is carried into the steps after it."""

    def drawn(self, key: Array, scale: float, dt: float) -> Self:
        """The layer with weights where it has none, for what follows with inputs of `scale`."""
        return self

    def begin(self, x: Any, dt: float) -> Any:
        """What is carried into the first step of x, an array or its shape."""
        return None

    def in_training(self, active: bool) -> Self:
        """The layer as it is while it is trained, or as it is used."""
        return self


def uniform(key: Array, shape: Shape, fan_in: float, deviation: float) -> Array:
    """Weights of which a sum over `fan_in` ones has that standard deviation."""
    bound = deviation * (3 / fan_in) ** 0.5
    return jax.random.uniform(key, shape, jnp.result_type(float), -bound, bound)


def width(n: Any, name: str, example: str) -> int:
    """A number of neurons."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ShapeError(f"`{name}` is a number of neurons >= 1, got {brief(n)}. Write {example}.")
    return int(n)


def text(shape: Shape) -> str:
    """A shape in words."""
    return str(shape[0]) if len(shape) == 1 else str(shape)
