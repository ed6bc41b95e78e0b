"""The fields of the class that a file becomes."""

import math
from keyword import iskeyword

from rheobase.io.nmodl.source import Source
from rheobase.io.nmodl.units import unit_of
from rheobase.units import Unit

Fields = dict[str, tuple[Unit, float | None]]
"""Unit and default of each; None of what has to be told."""
CLOCK = {"t": math.nan, "dt": math.nan}
"""What is not known to a mechanism, and may be named where nothing comes of it."""


def identifier(name: str) -> str:
    """The name as an attribute, with an underscore behind words of Python such as `lambda`."""
    return f"{name}_" if iskeyword(name) else name


def fields_of(source: Source, told: dict[str, Unit], own: set[str]) -> Fields:
    """What is told, if it is declared, and the parameters but those that the model knows itself."""
    declared = {item.name for item in (*source.parameters, *source.assigned)}
    fields: Fields = {name: (unit, None) for name, unit in told.items() if name in declared}
    others = (item for item in source.parameters if item.name not in {*own, *told, *CLOCK})
    return fields | {item.name: (unit_of(item.unit), item.value or 0.0) for item in others}
