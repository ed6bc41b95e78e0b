"""The root of everything that is declared by its fields."""

from typing import Any, Self

import equinox as eqx

from rheobase.errors import check_keywords


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
