"""Walks over the trees of a file: statements, and expressions in them."""

from collections.abc import Iterator
from typing import Any


def statements(body: list[Any]) -> Iterator[Any]:
    """All statements of a body, those under conditions among them."""
    for statement in body:
        yield statement
        if statement[0] == "if":
            yield from statements(statement[2])
            yield from statements(statement[3])


def parts(x: Any) -> Iterator[Any]:
    """All expressions within a statement or an expression, itself included."""
    if isinstance(x, tuple) and x and isinstance(x[0], str):
        yield x
        inner = x[1:2] if x[0] == "if" else x[1:]
        for part in inner:
            if isinstance(part, tuple):
                if part and isinstance(part[0], str):
                    yield from parts(part)
                else:
                    for piece in part:
                        yield from parts(piece)


def expressions(body: list[Any]) -> Iterator[Any]:
    """All expressions of a body, statements among them."""
    for statement in statements(body):
        yield from parts(statement)


def locals_of(body: list[Any]) -> set[str]:
    """The names that a body declares for itself."""
    found = set()
    for statement in statements(body):
        if statement[0] == "local":
            found |= set(statement[1:])
    return found
