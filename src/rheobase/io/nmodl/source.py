"""A mechanism as it stands in its file."""

from dataclasses import dataclass, field
from typing import Any, final

from rheobase.io.nmodl.kinetic import Scheme


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
    array: str = ""
    """The array of which it is an element."""

    @property
    def start(self) -> str:
        """The parameter at which a state of this name starts."""
        return f"{self.array or self.name}0"


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
class Equations:
    """A LINEAR block: what it computes, the unknowns, and the names that are then 0."""

    body: list[Any]
    unknowns: list[str]
    residuals: list[str]


@final
@dataclass
class Receive:
    """NET_RECEIVE: what an event does."""

    arguments: dict[str, str]
    """The weight first, then the other variables of a connection, with their units."""
    initial: list[Any]
    body: list[Any]
    line: int


@final
@dataclass
class Source:
    """A mechanism as it stands in its file."""

    name: str = ""
    point: bool = False
    """Whether it is a POINT_PROCESS."""
    receive: Receive | None = None
    ions: list[Ion] = field(default_factory=list)
    nonspecific: list[str] = field(default_factory=list)
    constants: dict[str, float] = field(default_factory=dict)
    parameters: list[Declared] = field(default_factory=list)
    assigned: list[Declared] = field(default_factory=list)
    states: list[Declared] = field(default_factory=list)
    initial: list[Any] = field(default_factory=list)
    breakpoint: list[Any] = field(default_factory=list)
    derivatives: dict[str, list[Any]] = field(default_factory=dict)
    """KINETIC blocks among them, once their reactions have become rates."""
    schemes: dict[str, Scheme] = field(default_factory=dict)
    """What KINETIC blocks say beside their rates."""
    equations: dict[str, Equations] = field(default_factory=dict)
    """LINEAR blocks."""
    routines: dict[str, Routine] = field(default_factory=dict)
