"""What a state came from, and the one check of every state that a run is to go on from."""

import hashlib
import math
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer

from rheobase.errors import ArgumentError, ShapeError, StepperError
from rheobase.provenance import Versions


class Origin(eqx.Module):
    """The run that a state ended. Only the same system, in the same steps, can go on from it.

    None stands for what is not known: all of it in a state that was written before it knew, the
    synapses where they were traced. What is not known is not compared, but for `dt`.
    """

    dt: float | None = eqx.field(static=True, default=None)
    """Of a step, ms. Delays, refractory periods and time itself are counted in steps."""
    stepper: str | None = eqx.field(static=True, default=None)
    parts: tuple[tuple[str, str], ...] | None = eqx.field(static=True, default=None)
    """Of each population and connection its name, and the kinds of which it is made."""
    synapses: tuple[str | None, ...] | None = eqx.field(static=True, default=None)
    """Of each connection a hash of who is connected to whom."""
    versions: Versions | None = eqx.field(static=True, default=None)
    """Of what computed it, by name; not compared."""


def require_origin(was: Origin | None, now: Origin) -> None:
    """Refuse the state of another system, stepper or time step; say what differs and the cure.

    Errors: `StepperError`, `ArgumentError`, `ShapeError`.
    """
    if was is not None and was.parts is not None and now.parts is not None:
        _require_parts(dict(was.parts), dict(now.parts))
        _require_synapses(was, now)
    if was is None or was.dt is None or now.dt is None:
        raise StepperError(
            "`state` does not know the time step of its run: it was written by an older version, "
            "or made by hand. Write state=state.at(dt=0.1*ms), with the dt of that run."
        )
    if not math.isclose(was.dt, now.dt, rel_tol=1e-9):
        raise StepperError(
            f"`state` is the end of a run with dt = {was.dt:g} ms, and this one has dt = "
            f"{now.dt:g} ms. Delays, refractory periods and time itself are counted in steps: "
            f"write dt={was.dt:g}*ms, or start anew without `state`."
        )
    if None not in (was.stepper, now.stepper) and was.stepper != now.stepper:
        raise StepperError(
            f"`state` was advanced by {was.stepper}, and this run is to go on by {now.stepper}. "
            f"Write stepper={_call(was.stepper)}, or start anew without `state`."
        )


def _require_synapses(was: Origin, now: Origin) -> None:
    one, other = was.synapses or (), now.synapses or ()
    names = [name for name, _ in (now.parts or ())[-len(other) :]] if other else []
    for name, a, b in zip(names, one, other, strict=False):
        if None not in (a, b) and a != b:
            raise ShapeError(
                f"`state` is of a network in which {name} connects other neurons. A network goes "
                "on with its own synapses: build it from the same key, or leave out `state`."
            )


def _call(names: str | None) -> str:
    calls = [f"rb.{name}()" for name in (names or "").split(", ")]
    return calls[0] if len(calls) == 1 else f"({', '.join(calls)})"


def _require_parts(was: dict[str, str], now: dict[str, str]) -> None:
    for name in [*now, *was]:
        if was.get(name) == now.get(name):
            continue
        if name not in was or name not in now:
            where, other = ("this system", "that of `state`") if name in now else (
                "`state`", "this system")  # fmt: skip
            raise ArgumentError(
                f"{name} is part of {where}, and not of {other}. Go on with the system whose run "
                "left the state, or leave out `state`."
            )
        raise ArgumentError(
            f"`state` is of another system: {name} was {was[name]} there, and is {now[name]} here. "
            "Go on with the system whose run left the state, or leave out `state`."
        )


def require_like(what: str, given: Any, like: Any) -> None:
    """Refuse a tree of arrays that differs from `like` in structure, types or shapes.

    - `what`: how the caller calls it, such as "`state`".
    - `like`: arrays, or `jax.ShapeDtypeStruct`.

    Errors: `ArgumentError` for another structure, `ShapeError` for arrays that do not fit.
    """
    had, wanted = _flat(given), _flat(like)
    for place in [*wanted, *had]:
        if place not in had or place not in wanted:
            lacks = "lacks" if place in wanted else "has, besides what this system carries,"
            raise ArgumentError(
                f"{what} is of another system: it {lacks} {_named(place)}. Go on with the system "
                f"whose run left it, or leave it out."
            )
    if jax.tree.structure(given) != jax.tree.structure(like):
        raise ArgumentError(
            f"{what} is of another system: it is made of {type(given).__name__}, where this one "
            f"carries {type(like).__name__}, or of other parts of it. Go on with the system whose "
            f"run left it, or leave it out."
        )
    for place, x in had.items():
        y = wanted[place]
        if x is None or y is None:
            continue
        shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
        if shape is None or dtype is None:
            raise ArgumentError(
                f"{_named(place)} of {what} is of type {type(x).__name__}, and must be an array of "
                f"shape {y.shape}. Pass the state that a run left as it is."
            )
        if tuple(shape) != tuple(y.shape):
            raise ShapeError(
                f"{_named(place)} of {what} has the shape {tuple(shape)}, where this system "
                f"carries {tuple(y.shape)}. Pass the state that a run of this system left."
            )
        if dtype != y.dtype:
            raise ShapeError(
                f"{_named(place)} of {what} is of type {dtype}, where this system carries "
                f"{y.dtype}. Go on in the precision in which the state was made "
                '(jax.config.update("jax_enable_x64", ...)), or leave it out.'
            )


def _flat(tree: Any) -> dict[str, Any]:
    found, _ = jax.tree_util.tree_flatten_with_path(tree, is_leaf=lambda x: x is None)
    # None is a place of its own: whether a part is there is part of the structure.
    return {jax.tree_util.keystr(path) + (" = None" if x is None else ""): x for path, x in found}


def _named(place: str) -> str:
    return place.removeprefix(".").removesuffix(" = None") or "it"


class _Known(NamedTuple):
    """What was found about arrays, and what forgets it before another object has the same id."""

    watch: tuple[Any, ...]
    found: Any


_KNOWN: dict[tuple[Any, ...], _Known] = {}


def found_once(find: Callable[..., Any], arrays: Iterable[Any]) -> Any:
    """What `find` makes of these arrays, once for the same objects; None where one is traced."""
    kept = tuple(arrays)
    if any(isinstance(x, Tracer) for x in kept):
        return None
    if not all(isinstance(x, jax.Array) for x in kept):  # others may change
        return find(*map(np.asarray, kept))
    name = (find, *map(id, kept))
    if name not in _KNOWN:
        found = find(*map(np.asarray, kept))
        watch = tuple(weakref.ref(x, lambda _: _KNOWN.pop(name, None)) for x in kept)
        _KNOWN[name] = _Known(watch, found)
    return _KNOWN[name].found


def digest(arrays: Iterable[Any]) -> str | None:
    """A hash of the content of arrays, found once for these objects; None where one is traced."""
    return found_once(_hash, arrays)


def _hash(*arrays: np.ndarray) -> str:
    content = hashlib.blake2b(digest_size=16)
    for x in arrays:
        content.update(f"{x.dtype}{x.shape}".encode())
        content.update(np.ascontiguousarray(x).data)
    return content.hexdigest()
