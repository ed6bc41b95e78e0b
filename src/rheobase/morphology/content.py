"""Equality by content, for immutable things that are parts of a program's structure."""

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np


class SameContent:
    """Of a frozen dataclass of arrays: equal and of one hash where all fields are."""

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return type(self) is type(other) and self._content == other._content  # pyright: ignore

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _content(self) -> tuple:
        fields = dataclasses.fields(self)  # pyright: ignore[reportArgumentType]
        return tuple(_plain(getattr(self, field.name)) for field in fields)

    @cached_property
    def _hash(self) -> int:
        return hash(self._content)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    return value
