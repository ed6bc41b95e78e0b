"""What a training run depends on, in words: by it a checkpoint knows whether a fit is the same.

A description is a dictionary from places such as `loss.code` or `model.layers[1].stepper` to short
texts. Arrays and functions stand there as digests, so it is small whatever the data.
"""

import dataclasses
import hashlib
import inspect
import sys
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import keystr, tree_flatten_with_path

from rheobase.train.norm import BatchNorm
from rheobase.train.source import AbstractSource, Arrays

_LOOKED_AT = 8
"""Samples of a data set on disk that are looked at; of arrays in memory all are."""
_MEASURED = ("mean", "variance")
"""Fields of a `BatchNorm` that every fit measures anew."""

Description = dict[str, str]


def described(value: Any, place: str) -> Description:
    """What a value is, at its place and below."""
    if eqx.is_array(value) or isinstance(value, np.ndarray | np.generic):
        return {place: _of_array(value)}
    if isinstance(value, eqx.Module) and not isinstance(value, type):
        found = {place: type(value).__qualname__}
        for field in dataclasses.fields(value):
            if not (isinstance(value, BatchNorm) and field.name in _MEASURED):
                found |= described(getattr(value, field.name), f"{place}.{field.name}")
        return found
    if isinstance(value, tuple | list | dict):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        found = {place: f"{type(value).__qualname__} of {len(value)}"}
        for key, x in items:
            found |= described(x, f"{place}[{key!r}]")
        return found
    if inspect.isroutine(value) or isinstance(value, type):
        return _of_function(value, place)
    if value is None or isinstance(value, bool | int | float | str):
        return {place: repr(value)}
    return {place: type(value).__qualname__}


def of_source(source: AbstractSource | None, place: str) -> Description:
    """What samples are: all of those in memory, some of those on disk."""
    if source is None:
        return {place: "None"}
    rows = np.arange(len(source))
    if not isinstance(source, Arrays):
        rows = np.unique(np.linspace(0, len(source) - 1, _LOOKED_AT).round().astype(int))
    inputs, targets = source.batch(rows)[0], np.asarray(source.targets)
    found = {place: type(source).__qualname__}
    return found | {f"{place}.inputs": _of_array(inputs), f"{place}.targets": _of_array(targets)}


def of_trainable(mask: Any, place: str) -> Description:
    """Which arrays train."""
    leaves = tree_flatten_with_path(mask)[0]
    return {place: " ".join(keystr(path) for path, trains in leaves if trains)}


def of_optimizer(optimizer: Any, place: str) -> Description:
    """The parts that an optimiser is made of, without their numbers: a rate may change."""
    import optax

    return {f"{place} (optax {optax.__version__})": " ".join(parts_of(optimizer))}


_GLUE = ("chain", "with_extra_args_support", "init_empty_state", "named_chain", "identity")


def parts_of(optimizer: Any) -> list[str]:
    """What an optimiser is chained of, such as clip_by_global_norm, scale_by_adam, scale."""
    heads = [name.partition(".")[0] for name in _functions(optimizer.update, set())]
    return [name for name in dict.fromkeys(heads) if name not in _GLUE]


def _functions(part: Any, seen: set[int]) -> Iterator[str]:
    """The names of the functions in an optimiser, by what they close over."""
    if id(part) in seen:
        return
    seen.add(id(part))
    if inspect.ismethod(part):
        yield part.__qualname__
        for value in vars(part.__self__).values():
            yield from _functions(value, seen)
    elif inspect.isfunction(part):
        yield part.__qualname__
        for cell in part.__closure__ or ():
            yield from _functions(cell.cell_contents, seen)
    elif isinstance(part, tuple | list):
        for value in part:
            yield from _functions(value, seen)


def _of_array(value: Any) -> str:
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    array = np.ascontiguousarray(value)
    digest = hashlib.blake2b(array.tobytes(), digest_size=8).hexdigest()
    return f"{array.dtype}{list(array.shape)}#{digest}"


def _of_function(function: Any, place: str) -> Description:
    """Name, code and what it closes over; each version of Python has code of its own."""
    found = {place: getattr(function, "__qualname__", type(function).__qualname__)}
    code = getattr(function, "__code__", None)
    if code is None:
        return found
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    kept = [*cells, *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    plain = [described(x, "") for x in kept if not inspect.isroutine(x)]
    text = repr((code.co_code, _constants(code), code.co_names, plain))
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    version = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    return found | {f"{place} (code of {version})": f"#{digest}"}


def _constants(code: Any) -> list[str]:
    """Constants of code, those of functions within it included."""
    found = []
    for constant in code.co_consts:
        inner = getattr(constant, "co_code", None)
        found.append(repr(constant) if inner is None else repr((inner, _constants(constant))))
    return found


def difference(before: Description, now: Description) -> str | None:
    """The first place where two descriptions differ, in words; None where they agree.

    Only places that both have are compared: another version of the library, of Python or of optax
    may write down others.
    """
    # The dt of a model comes before all that follows from it.
    for place, new in sorted(now.items(), key=lambda item: item[0].count(".")):
        old = before.get(place, new)
        if old == new:
            continue
        (was, _, digest), (now_is, _, _) = old.partition("#"), new.partition("#")
        if digest and was == now_is:
            return f"`{place}` holds other values"
        return f"`{place}` was {was} and is {now_is}"
    return None
