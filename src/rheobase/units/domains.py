"""Where a parameter may lie, and a smooth map from the reals onto that place for training."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike


@final
@dataclass(frozen=True, slots=True)
class Domain:
    """A set of real numbers with a smooth map from the whole real line onto its interior.

    **Arguments:**

    - `name`: as printed in tables.
    - `condition`: what a member must be, as messages say it.
    - `contains`: elementwise, whether numbers lie in the domain; false for NaN.
    - `to_free`: from the domain to the reals; finite for every finite member, so a boundary value
      goes to the place of its nearest interior neighbour.
    - `from_free`: from the reals to the domain, the inverse of `to_free`; never leaves the domain,
      not even by rounding.

    **Example:**

        >>> from rheobase.units import positive
        >>> bool(positive.contains(-1.0))
        False
    """

    name: str
    condition: str
    contains: Callable[[Any], Any]
    to_free: Callable[[ArrayLike], Array]
    from_free: Callable[[ArrayLike], Array]

    def __repr__(self) -> str:
        return self.name


def _float(x: ArrayLike) -> Array:
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.result_type(float))


def _tiny(x: Array) -> float:
    return float(jnp.finfo(x.dtype).tiny)


def _log_expm1(x: ArrayLike) -> Array:
    """Inverse of softplus, y = log(exp(x) - 1), without overflow for large x."""
    x = _float(x)
    x = jnp.maximum(x, _tiny(x))
    return x + jnp.log(-jnp.expm1(-x))


def _softplus(y: ArrayLike) -> Array:
    return jax.nn.softplus(_float(y))


def _softplus_above_zero(y: ArrayLike) -> Array:
    x = _softplus(y)
    return jnp.maximum(x, _tiny(x))


def _logit(x: ArrayLike) -> Array:
    x = _float(x)
    x = jnp.clip(x, _tiny(x), 1 - float(jnp.finfo(x.dtype).epsneg))
    return jnp.log(x) - jnp.log1p(-x)


def _sigmoid(y: ArrayLike) -> Array:
    return jax.nn.sigmoid(_float(y))


positive = Domain("positive", "> 0", lambda x: x > 0, _log_expm1, _softplus_above_zero)
non_negative = Domain("non-negative", ">= 0", lambda x: x >= 0, _log_expm1, _softplus)
probability = Domain(
    "probability", "between 0 and 1", lambda x: (x >= 0) & (x <= 1), _logit, _sigmoid
)
anything = Domain("any", "a number", lambda x: (x < 0) | (x >= 0), _float, _float)
