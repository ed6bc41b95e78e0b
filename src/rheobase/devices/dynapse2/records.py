"""Dataclasses to JSON values, back, and the JSON Schema of them, from their annotations alone."""

import dataclasses
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from rheobase.errors import ParameterError, UnknownName, brief

Record = TypeVar("Record")

_JSON = {int: "integer", float: "number", str: "string", bool: "boolean"}


def encoded(value: Any) -> Any:
    """A record as objects, lists, numbers and strings."""
    if dataclasses.is_dataclass(value):
        return {f.name: encoded(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [encoded(item) for item in value]
    return value


def decoded(kind: type[Record], raw: Any, path: str = "") -> Record:
    """A record from what `encoded` gave; `ParameterError` with the place of what does not fit."""
    return _value(kind, raw, path or kind.__name__)


def json_schema(kind: type) -> dict[str, Any]:
    """The JSON Schema of a record."""
    known: dict[str, Any] = {}
    top = _schema(kind, known)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "$defs": known}


def _value(kind: Any, raw: Any, path: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _record(kind, raw, path)
    if get_origin(kind) is tuple:
        if not isinstance(raw, list):
            raise ParameterError(f"{path} is a list, got {brief(raw)}.")
        item = get_args(kind)[0]
        return tuple(_value(item, one, f"{path}[{k}]") for k, one in enumerate(raw))
    fits = isinstance(raw, int | float) if kind is float else isinstance(raw, kind)
    if not fits or (kind is not bool and isinstance(raw, bool)):
        raise ParameterError(f"{path} is of type {_JSON[kind]}, got {brief(raw)}.")
    return float(raw) if kind is float else raw


def _record(kind: Any, raw: Any, path: str) -> Any:
    if not isinstance(raw, dict):
        raise ParameterError(f"{path} is an object, got {brief(raw)}.")
    hints = get_type_hints(kind)
    for name in raw:
        if name not in hints:
            raise UnknownName(f"field of {path}", name, hints)
    missing = [name for name in hints if name not in raw]
    if missing:
        raise ParameterError(f"{path} has no `{missing[0]}`.")
    return kind(**{name: _value(hints[name], raw[name], f"{path}.{name}") for name in hints})


def _schema(kind: Any, known: dict[str, Any]) -> dict[str, Any]:
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _reference(get_args(kind)[0], known)}
    if not dataclasses.is_dataclass(kind):
        return {"type": _JSON[kind]}
    hints = get_type_hints(kind)
    return {
        "type": "object",
        "description": (kind.__doc__ or "").split("\n\n")[0],
        "properties": {name: _reference(hint, known) for name, hint in hints.items()},
        "required": list(hints),
        "additionalProperties": False,
    }


def _reference(kind: Any, known: dict[str, Any]) -> dict[str, Any]:
    if not dataclasses.is_dataclass(kind):
        return _schema(kind, known)
    name = kind.__name__  # pyright: ignore[reportAttributeAccessIssue]
    if name not in known:
        known[name] = {}
        known[name] = _schema(kind, known)
    return {"$ref": f"#/$defs/{name}"}
