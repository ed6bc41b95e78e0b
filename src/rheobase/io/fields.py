"""Whether values from a file fit the fields of a class: their types, and where they may lie."""

import dataclasses
import functools
import numbers
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase.errors import brief
from rheobase.units import parameters

_ARRAY = jax.Array | np.ndarray | np.generic


def misfit(kind: type, fields: dict[str, Any]) -> str | None:
    """What is wrong with the first field that does not fit its declaration, or None.

    A field fits if its value is of the annotated type and, where the field is a parameter, lies in
    its domain. Annotations that cannot be resolved accept everything.
    """
    declared = parameters(kind) if issubclass(kind, eqx.Module) else {}
    for name, hint in hints(kind).items():
        value = fields[name]
        if not fits(value, hint):
            return f"`{name}` of {kind.__name__} cannot be {brief(value)}"
        if name in declared:
            domain = declared[name].domain
            if not isinstance(value, _ARRAY) or not jnp.issubdtype(value.dtype, jnp.floating):
                return f"`{name}` of {kind.__name__} cannot be {brief(value)}"
            if not np.all(domain.contains(np.asarray(value))):
                return f"`{name}` of {kind.__name__} must be {domain.condition}"
    return None


def is_named(kind: type) -> bool:
    """Whether it is a class made by NamedTuple, with variables or without."""
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


@functools.cache
def hints(kind: type) -> dict[str, Any]:
    """The annotations of the fields of a module, a shape or a NamedTuple, in their order."""
    names = kind._fields if is_named(kind) else [f.name for f in dataclasses.fields(kind)]
    try:
        found = get_type_hints(kind)
    except (NameError, TypeError, AttributeError):  # names for type checkers alone
        found = {}
    return {name: found.get(name, Any) for name in names}


# One return for each kind of annotation: a table in the form of a function.
def fits(value: Any, hint: Any) -> bool:  # noqa: PLR0911
    """Whether a value is of an annotated type. What is no plain type accepts everything."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return fits(value, inner[0])
    if origin in (Union, UnionType):
        return any(fits(value, one) for one in inner)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if origin is tuple:
        return _fits_tuple(value, inner)
    if origin in (list, Sequence):
        return isinstance(value, list | tuple) and all(fits(x, inner[0]) for x in value)
    if origin in (dict, Mapping):
        return isinstance(value, dict) and all(
            fits(k, inner[0]) and fits(x, inner[1]) for k, x in value.items()
        )
    if origin is Callable or hint is Callable:
        return callable(value)
    return _fits_plain(value, hint if origin is None else origin)


def _fits_tuple(value: Any, inner: tuple[Any, ...]) -> bool:
    if not isinstance(value, tuple):
        return False
    if len(inner) == 2 and inner[1] is Ellipsis:
        return all(fits(x, inner[0]) for x in value)
    return len(value) == len(inner) and all(map(fits, value, inner))


def _fits_plain(value: Any, hint: Any) -> bool:  # noqa: PLR0911
    if hint is Any or isinstance(hint, TypeVar):
        return True
    if hint is None or hint is NoneType:
        return value is None
    if hint in (jax.Array, np.ndarray):
        # Numbers of Python stand for arrays in states and static fields.
        return isinstance(value, _ARRAY) or type(value) in (int, float, bool)
    if hint in (int, float):
        return _fits_number(value, hint)
    if not isinstance(hint, type):
        return True
    try:
        return isinstance(value, hint)
    except TypeError:  # a protocol, or a type of arrays of another library
        return True


def _fits_number(value: Any, hint: type) -> bool:
    if isinstance(value, _ARRAY):
        whole = jnp.issubdtype(value.dtype, jnp.integer)
        return value.ndim == 0 and (whole or hint is float)
    if isinstance(value, bool):
        return False
    return isinstance(value, numbers.Integral if hint is int else numbers.Real)
