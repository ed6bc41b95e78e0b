"""Sizes, flags and random keys as the user gives them, checked."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.errors import ArgumentError, ShapeError, brief


def whole(value: Any, name: str, example: str) -> int:
    """A size as a whole number of at least 1, known before anything is compiled."""
    if isinstance(value, Tracer):
        raise ArgumentError(
            f"`{name}` decides shapes, so it must be known outside jit, grad and vmap, got a "
            f"traced value. Write {example}."
        )
    number = value.item() if isinstance(value, np.ndarray | jax.Array) and not value.ndim else value
    if isinstance(number, bool | np.bool_) or not isinstance(number, int | np.integer):
        raise ArgumentError(f"`{name}` is a whole number, got {brief(value)}. Write {example}.")
    if number < 1:
        raise ShapeError(f"`{name}` must be at least 1, got {value}. Write {example}.")
    return int(number)


def require_flag(value: Any, name: str, example: str) -> None:
    """Refuse what is neither True nor False: a text such as "no" would count as True."""
    if not isinstance(value, bool | np.bool_):
        raise ArgumentError(f"`{name}` is True or False, got {brief(value)}. Write {example}.")


def key_or_first(key: Any, example: str) -> Array:
    """The key, or `jax.random.key(0)` where none is given."""
    return jax.random.key(0) if key is None else require_random_key(key, example)


def require_random_key(key: Any, example: str) -> Any:
    """The key, one of JAX's: None, a number or several keys are refused."""
    if isinstance(key, jax.Array | np.ndarray):
        typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.shape == ()
        if typed or (key.dtype == jnp.uint32 and key.shape in ((2,), (4,))):
            return key
    whole = isinstance(key, int) and not isinstance(key, bool)
    cure = f"jax.random.key({key if whole else 0})"
    many = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    hint = ", or use jax.vmap over the keys" if many else ""
    raise ArgumentError(
        f"`key` is one random key, got {brief(key)}. Write {example.format(cure)}{hint}."
    )
