"""A mechanism as it stands in its file."""

from dataclasses import dataclass, field
from typing import Any, final


@final
@dataclass
class Ion:
    """A USEION line."""

    name: str
    read: list[str]
    write: list[str]
    line: int


@final
@dataclass
class Declared:
    """A name with a value and a unit, both optional."""

    name: str
    value: float | None
    unit: str
    line: int


@final
@dataclass
class Routine:
    """A PROCEDURE or FUNCTION."""

    arguments: list[str]
    body: list[Any]
    returns: bool
    """Whether it has a value, as a FUNCTION."""


@final
@dataclass
class Source:
    """A mechanism as it stands in its file."""

    name: str = ""
    ions: list[Ion] = field(default_factory=list)
    nonspecific: list[str] = field(default_factory=list)
    constants: dict[str, float] = field(default_factory=dict)
    parameters: list[Declared] = field(default_factory=list)
    assigned: list[Declared] = field(default_factory=list)
    states: list[Declared] = field(default_factory=list)
    initial: list[Any] = field(default_factory=list)
    breakpoint: list[Any] = field(default_factory=list)
    derivatives: dict[str, list[Any]] = field(default_factory=dict)
    routines: dict[str, Routine] = field(default_factory=dict)
