"""Numbers that are known before anything is compiled."""

from typing import Any

import numpy as np
from jax.core import Tracer

from rheobase.errors import ArgumentError, brief
from rheobase.units import DomainError, Quantity, Unit, to_internal


def positive_number(value: Any, unit: Unit, name: str, example: str) -> float:
    """One number > 0 in internal units, in full precision.

    Errors: `UnitError`; `ArgumentError` for an array or a traced value; `DomainError`. `example` is
    the corrected call, with `{}` in the place of the value.
    """
    # Not by way of an array of JAX where it can be helped: that would be traced inside of jit.
    if isinstance(value, Quantity) and value.unit.same_dimension(unit):
        plain = value.value_in(unit.internal())
    elif isinstance(value, int | float | np.number) and not unit.factors:
        plain = value
    else:
        plain = to_internal(value, unit, name, example)
    cure = f"Write {example.format(f'1*{unit}' if unit.factors else '1.0')}."
    if isinstance(plain, Tracer) or np.ndim(plain):
        raise ArgumentError(
            f"`{name}` is one number, known outside of jit, got {brief(value)}. {cure}"
        )
    number = float(plain)
    if not 0 < number < float("inf"):
        raise DomainError(f"`{name}` must be greater than 0, got {value}. {cure}")
    return number
