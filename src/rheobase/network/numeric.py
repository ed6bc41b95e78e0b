"""Functions of few numbers, evaluated by numpy: compiling them would take a second."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np

from rheobase import jaxprs
from rheobase.native.instructions import OPERATIONS, number


class _Unknown(Exception):
    """An operation that there is nothing for in numpy here."""


def evaluated(function: Callable, *arguments: Any) -> Any:
    """What `function` makes of arrays that are known, in numpy arrays.

    Its operations are traced, and each is carried out by numpy; where one has no counterpart the
    function is compiled.
    """
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    try:
        results = _run(closed, [np.asarray(x) for x in jax.tree.leaves(arguments)])
    except _Unknown:
        compiled = jax.jit(function).lower(*arguments).compile()
        results = map(np.asarray, jax.tree.leaves(compiled(*arguments)))
    return jax.tree.unflatten(jax.tree.structure(shapes), results)


def _run(program: Any, given: Iterable[np.ndarray]) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        return jaxprs.walk(program, given, _typed, number)


def _typed(eqn: Any, x: list[np.ndarray]) -> list[np.ndarray]:
    results = computed(eqn, x)
    return [number(r, place.aval) for place, r in zip(eqn.outvars, results, strict=True)]


def computed(eqn: Any, x: list[np.ndarray]) -> Sequence[Any]:
    """The results of one operation."""
    name, p = eqn.primitive.name, eqn.params
    if name == "scan" and len(x) == p["num_consts"] + p["num_carry"]:
        fixed, carry = x[: p["num_consts"]], x[p["num_consts"] :]
        for _ in range(p["length"]):
            carry = _run(p["jaxpr"], [*fixed, *carry])
        return carry
    if (inner := jaxprs.called(eqn)) is not None:
        return _run(inner, x)
    if name in _SHAPED:
        return [_SHAPED[name](p, *x)]
    if name in _MORE:
        return [_MORE[name](*x)]
    if name in OPERATIONS and OPERATIONS[name] is not None:
        return [OPERATIONS[name](*x)]
    raise _Unknown(name)


def _broadcast(p: dict, x: np.ndarray) -> np.ndarray:
    shape = [1] * len(p["shape"])
    for size, axis in zip(x.shape, p["broadcast_dimensions"], strict=True):
        shape[axis] = size
    return np.broadcast_to(x.reshape(shape), p["shape"])


def _iota(p: dict) -> np.ndarray:
    axis, shape = p["dimension"], p["shape"]
    along = np.arange(shape[axis]).reshape([-1 if k == axis else 1 for k in range(len(shape))])
    return np.broadcast_to(along, shape)


def _slice(p: dict, x: np.ndarray) -> np.ndarray:
    strides = p["strides"] or (1,) * x.ndim
    return x[tuple(map(slice, p["start_indices"], p["limit_indices"], strides))]


_SHAPED: dict[str, Callable] = {
    "broadcast_in_dim": _broadcast,
    "iota": _iota,
    "slice": _slice,
    "squeeze": lambda p, x: np.squeeze(x, p["dimensions"]),
    "reshape": lambda p, x: x.reshape(p["new_sizes"]),
    "stack": lambda p, *x: np.stack(x, p["axis"]),
    "concatenate": lambda p, *x: np.concatenate(x, p["dimension"]),
    "convert_element_type": lambda p, x: x,
    "integer_pow": lambda p, x: x ** p["y"],
    "bitcast_convert_type": lambda p, x: x.view(p["new_dtype"]),
    "reduce_sum": lambda p, x: x.sum(p["axes"]),
    "round": lambda p, x: np.rint(x) if int(p["rounding_method"]) == 1 else _unknown("round"),
}
_MORE: dict[str, Callable] = {
    "clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
    "square": np.square,
    "floor": np.floor,
    "ceil": np.ceil,
    "sign": np.sign,
    "log1p": np.log1p,
    "rem": np.fmod,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "not": np.invert,
    "is_finite": np.isfinite,
    "shift_left": np.left_shift,
    "add_any": np.add,
    "stop_gradient": lambda x: x,
}


def _unknown(name: str) -> Any:
    raise _Unknown(name)
