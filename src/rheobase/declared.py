"""The root of everything that is declared by its fields."""

from typing import Any, Self

import equinox as eqx
import numpy as np
from jax.core import Tracer

from rheobase import printed
from rheobase.errors import ParameterError, UnknownName, check_keywords
from rheobase.units import Parameter, mV, parameters


class AbstractDeclared(eqx.Module):
    """A part of a model, made by keywords: a misspelt one is refused with the near miss.

    >>> import rheobase as rb
    >>> rb.PairSTDP(A_pluss=0.01)
    Traceback (most recent call last):
    ...
    rheobase.errors.UnknownName: no parameter of PairSTDP is called 'A_pluss'. Did you mean...
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if cls is AbstractDeclared:
            raise TypeError("AbstractDeclared is abstract: derive from it")
        check_keywords(cls, kwargs)
        return super().__new__(cls)

    def __repr__(self) -> str:
        return printed.shortly(self)

    def __check_init__(self):
        for low, high in orders(self):
            require_below(self, low, high)


def orders(owner: type | eqx.Module) -> list[tuple[str, str]]:
    """The pairs of parameters, declared by `below=`, of which the first lies below the second."""
    known = parameters(owner)
    return [(name, high) for name, p in known.items() for high in _above(owner, p, known)]


def require_below(owner: eqx.Module, low: str, high: str) -> None:
    """Refuse an object whose parameter `low` does not lie below its parameter `high`.

    What is declared, `low: Array = quantity(..., below="high")`, is checked without being asked.
    An order that is not declared is refused: training and fits could not keep it.
    """
    name = type(owner).__name__
    if (low, high) not in orders(owner):
        raise ParameterError(
            f"{name} asks that `{low}` lies below `{high}`, which training, fits and mismatch do "
            f'not know. Declare it: {low}: Array = quantity(..., below="{high}").'
        )
    pair = getattr(owner, low), getattr(owner, high)
    if any(isinstance(x, Tracer) for x in pair):
        return
    below, above = np.broadcast_arrays(*map(np.asarray, pair))
    if np.all(below < above):
        return
    bad: tuple[int, ...] = tuple(map(int, np.argwhere(~(below < above))[0]))
    unit = parameters(owner)[low].unit
    measured = f"*{unit}" if unit.factors else ""
    where = f" at index {', '.join(map(str, bad))}" if bad else ""
    lower = above[bad] - 15 if unit.same_dimension(mV) else above[bad] / 2
    raise ParameterError(
        f"`{low}` must lie below `{high}`, got {low} = {below[bad]:g} {unit} and "
        f"{high} = {above[bad]:g} {unit}{where}. Write for example "
        f"{name}({low}={lower:g}{measured}, {high}={above[bad]:g}{measured})."
    )


def _above(owner: Any, parameter: Parameter, known: dict[str, Parameter]) -> tuple[str, ...]:
    """The parameters above one, which exist and measure the same."""
    name = getattr(owner, "__name__", type(owner).__name__)
    for high in parameter.below:
        if high not in known:
            raise UnknownName(f"parameter of {name} (above `{parameter.name}`)", high, known)
        if not known[high].unit.same_dimension(parameter.unit):
            raise ParameterError(
                f"`{parameter.name}` of {name} is declared below `{high}`, but the one is "
                f"measured in {parameter.unit} and the other in {known[high].unit}."
            )
    return parameter.below
