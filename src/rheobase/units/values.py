"""The plain numbers and arrays under the units: what may carry one, scaling, printing."""

import math
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from rheobase.errors import brief
from rheobase.units.errors import UnitError


def numeric(value: Any) -> Any:
    """`value` if it can carry a unit; a list or a tuple becomes an array."""
    if isinstance(value, list | tuple):
        traced = any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(value))
        value = jnp.asarray(value) if traced else np.asarray(value)
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        if any(jnp.issubdtype(value.dtype, kind) for kind in (np.floating, np.integer, np.bool_)):
            return value
    elif isinstance(value, int | float | Fraction):
        return value
    raise UnitError(
        f"a unit multiplies a real number or an array of real numbers, got "
        f"{brief(value)}. Write for example 20*ms or [1, 2]*ms."
    )


def rescale(value: Any, ratio: Fraction) -> Any:
    """`value * ratio`: correctly rounded for numbers, and for arrays wherever the ratio or its
    inverse is a whole number that a double holds.
    """  # noqa: D205
    if ratio == 1:
        return value
    if isinstance(value, int | float | Fraction):
        return float(Fraction(value) * ratio) if math.isfinite(value) else value * float(ratio)
    if not jnp.issubdtype(value.dtype, jnp.floating):
        value = value.astype(jnp.result_type(float) if isinstance(value, jax.Array) else float)
    if ratio.numerator != 1:
        value = value * float(ratio.numerator)
    return value if ratio.denominator == 1 else value / float(ratio.denominator)


def show(value: Any) -> str:
    """A number or an array, short enough for a message."""
    if isinstance(value, Tracer):
        return f"<traced {value.dtype}{list(value.shape)}>"
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        value = np.asarray(value)
        if value.ndim > 0:
            return np.array2string(value, threshold=8, edgeitems=3, separator=", ")
        value = value.astype(str).item()  # as short as its own precision allows
    return str(value).removesuffix(".0")
