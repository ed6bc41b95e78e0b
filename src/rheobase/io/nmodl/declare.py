"""Fields of a file as declared parameters of a class."""

from typing import Any

from jax import Array

from rheobase.io.nmodl.fields import Fields, identifier
from rheobase.units import (
    Quantity,
    S,
    anything,
    cm,
    dimensionless,
    non_negative,
    positive,
    quantity,
    um,
)


def declare(space: dict[str, Any], name: str, fields: Fields) -> None:
    """Put the fields into the body of a class for the mechanism of this name."""
    space["__annotations__"] = {identifier(field): Array for field in fields}
    for field, (unit, value) in fields.items():
        domain, meaning = anything, f"{field} of {name}"
        if unit == S / cm**2:
            domain = non_negative
        if value is None:
            told = positive if unit in (um, um**2) else anything
            space[identifier(field)] = quantity(unit, told, meaning)
            continue
        default = value if unit == dimensionless else Quantity(value, unit)
        space[identifier(field)] = quantity(unit, domain, meaning, default=default)
