"""What `print` shows of models, runs and states: tables of at most 20 lines, no arrays."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from rheobase.errors import brief
from rheobase.units import Parameter, Quantity, parameters
from rheobase.units.fields import in_unit

MOST = 20
"""Lines of a table."""
_LONGEST = 240
"""Letters of a model in one line."""
_LINE = 100
"""Letters of one part of a table."""


def table(title: str, rows: Iterable[Sequence[str]]) -> str:
    """A title and rows below it, their columns side by side.

    >>> from rheobase.printed import table
    >>> print(table("a run", [("v", "mV"), ("current", "nA")]))
    a run
      v        mV
      current  nA
    """
    every = [tuple(row) for row in rows]
    shown = every if len(every) < MOST else every[: MOST - 2]
    widths = [max(len(row[k]) for row in shown if k < len(row)) for k in range(_columns(shown))]
    lines = [
        "  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=False)).rstrip()
        for row in shown
    ]
    more = [f"  ... and {len(every) - len(shown)} more"] if len(shown) < len(every) else []
    return "\n".join([title, *lines, *more])


def _columns(rows: list[tuple[str, ...]]) -> int:
    return max(map(len, rows), default=0)


def extent(values: Any, unit: str = "") -> str:
    """Between what numbers lie, `-65 to -50 mV`."""
    if isinstance(values, Tracer):
        return "traced"
    array = np.asarray(values)
    if not array.size:
        return "empty"
    low, high = np.min(array), np.max(array)
    text = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
    return f"{text} {unit}".rstrip()


def leaves(tree: Any) -> list[tuple[str, str, str]]:
    """Name, shape and extent of each array of a pytree."""
    found = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        found.append((name, str(np.shape(leaf)), "a key" if is_key else extent(leaf)))
    return found


def model(module: eqx.Module) -> str:
    """The parameters of a model and of what is inside of it, with units and meanings."""
    return table(type(module).__name__, _rows(module, ""))


def _rows(module: eqx.Module, indent: str) -> list[tuple[str, ...]]:
    declared, rows = parameters(module), []
    inner = []
    for field in dataclasses.fields(module):  # pyright: ignore[reportArgumentType]
        value = getattr(module, field.name)
        if field.name in declared:
            one = declared[field.name]
            rows.append((indent + field.name, written(value, one), one.meaning))
        elif isinstance(value, eqx.Module):
            inner.append((indent + field.name, type(value).__name__))
            inner += _rows(value, indent + "  ")
        elif isinstance(value, str | int | float | tuple) and value != ():
            rows.append((indent + field.name, str(value)))
    return rows + inner


def written(value: Any, parameter: Parameter) -> str:
    """The value of a parameter in the unit in which it is declared: `20 ms`."""
    unit = str(parameter.unit) if parameter.unit.factors else ""
    if isinstance(value, Tracer):
        return f"traced {unit}".rstrip()
    # A mask of `rb.train.choose`, or a gradient that is None.
    if isinstance(value, bool) or not eqx.is_array_like(value):
        return str(value)
    text = extent(in_unit(np.asarray(value, float), parameter.unit), unit)
    return text if not np.ndim(value) else f"{text}, {np.shape(value)}"


def line(module: eqx.Module) -> str:
    """A model in one line: `LIF(tau=20 ms, R=1 MOhm, ...)`."""
    declared, parts = parameters(module), []
    for field in dataclasses.fields(module):  # pyright: ignore[reportArgumentType]
        value = getattr(module, field.name)
        if field.name in declared:
            parts.append(f"{field.name}={written(value, declared[field.name])}")
        elif isinstance(value, eqx.Module) and parameters(value):
            parts.append(f"{field.name}={value!r}")
    return f"{type(module).__name__}({', '.join(parts)})"


def shortly(value: Any) -> str:
    """An object with its fields in one line, of arrays their extent and shape.

    What is None, empty or the default object is left out.

    >>> import rheobase as rb
    >>> from rheobase.printed import shortly
    >>> from rheobase.units import nA
    >>> shortly(rb.Drive("e", rb.stimulus.FromArray([0, 2, 1] * nA)))
    "Drive(population='e', stimulus=FromArray(samples=0 to 2 nA, (3,)))"
    """
    declared = parameters(value) if isinstance(value, eqx.Module) else {}
    told = []
    for name, default in _fields(value):
        one = getattr(value, name, None)
        plain = isinstance(one, str | int | float) and one == default
        empty = one is None or (isinstance(one, str | tuple | dict) and not one)
        if plain or empty or one is default:
            continue
        text = written(one, declared[name]) if name in declared else _said(one)
        told.append(f"{name}={text}")
    whole = f"{type(value).__name__}({', '.join(told)})"
    return _cut(whole, _LONGEST)


def _fields(value: Any) -> list[tuple[str, Any]]:
    """The names of the fields of a dataclass or a named tuple, with their defaults."""
    if dataclasses.is_dataclass(value):
        return [(field.name, field.default) for field in dataclasses.fields(value)]
    return [(name, value._field_defaults.get(name)) for name in value._fields]


def parts(title: str, named: Iterable[tuple[str, Any]]) -> str:
    """A table of parts by name, each in one line."""
    return table(title, [(name, _cut(_said(part), _LINE)) for name, part in named])


def shortened(lines: list[str], most: int) -> list[str]:
    """At most so many lines, of which the last tells how many are left out."""
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], f"... and {len(lines) - most + 1} more"]


def _cut(text: str, most: int) -> str:
    text = text.partition("\n")[0]
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _said(value: Any) -> str:
    if isinstance(value, eqx.Module):
        plain = type(value).__repr__ is eqx.Module.__repr__
        return shortly(value) if plain else repr(value)
    if isinstance(value, Quantity):
        return f"{extent(value.value, str(value.unit))}{_shaped(value.value)}"
    if isinstance(value, np.ndarray | jax.Array):
        is_key = jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
        return f"{'a key' if is_key else extent(value)}{_shaped(value)}"
    return brief(value)


def _shaped(value: Any) -> str:
    return f", {np.shape(value)}" if np.ndim(value) else ""
