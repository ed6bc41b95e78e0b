"""The compiled kernels, where they were built; without them their twins in JAX do the same work."""

import ctypes
import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.custom_batching import custom_vmap

from rheobase.kernels.layout import COUNT, VERSION

KERNELS = (
    *("deliver", "gather", "outer", "deliver_delayed", "gather_delayed", "outer_delayed"),
    *("change_rows", "change_columns", "mark_rows", "mark_columns", "reap"),
    *("tree_advance", "tree_difference", "tree_divergence"),
    *("once", "spike_product", "spike_outer"),
    *("push_late", "pull_late", "change_late"),
    *("run", "go_back"),
)
TYPES = {"float32": "f32", "float64": "f64"}


@functools.cache
def available() -> bool:
    """Whether compiled kernels are there and the default backend is a CPU; loads them once.

    Errors: `ImportError` where they were compiled for another layout of what they are given.
    """
    files = sorted(Path(__file__).parent.glob("librheobase.*"))
    if not files or jax.default_backend() != "cpu":
        return False
    try:
        library = ctypes.CDLL(str(files[0]))
        _check_layout(library, files[0])
        for name in KERNELS:
            for suffix in TYPES.values():
                symbol = f"rheobase_{name}_{suffix}"
                capsule = jax.ffi.pycapsule(getattr(library, symbol))
                jax.ffi.register_ffi_target(symbol, capsule, platform="cpu")
    except (OSError, AttributeError, RuntimeError) as error:  # another system, version or JAX
        warnings.warn(
            f"the compiled kernels in {files[0].name} cannot be used, so that networks are slower: "
            f"{error}. Install rheobase again to compile them anew.",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True


def _check_layout(library: ctypes.CDLL, file: Path) -> None:
    """Refuse a library that was compiled for another layout: it would read other arrays."""
    try:
        found = tuple((ctypes.c_int64 * 2).in_dll(library, "rheobase_layout"))
    except ValueError:  # from before there were versions
        found = (0, 0)
    if found != (VERSION, COUNT):
        raise ImportError(
            f"{file} was compiled for layout {found[0]} with {found[1]} operands; this version of "
            f"rheobase has layout {VERSION} with {COUNT}. Compile it anew: `pip install -e .` in a "
            "checkout, or `cmake -S . -B build && cmake --build build && cmake --install build`. "
            "Without that file rheobase runs too, and networks are slower."
        )


def serves(dtype: Any) -> bool:
    """Whether there are compiled kernels for numbers of this type."""
    return str(jnp.dtype(dtype)) in TYPES and available()


def call(name: str, result: Any, *operands: Array) -> Array:
    """What a kernel makes of its operands: an array of the shape and type of `result`."""
    return _call(name, (result,), operands, {})[0]


def update(
    name: str, arrays: tuple[Array, ...], *operands: Array, made: tuple[Any, ...] = ()
) -> tuple[Array, ...]:
    """`arrays` as a kernel leaves them, in place where XLA can; they are its last operands.

    Before them what else it makes, of the shapes and types of `made`.
    """
    last = len(operands)
    batched = (_member(a, *operands, *arrays) for a in arrays)
    aliases = {last + i: len(made) + i for i in range(len(arrays))}
    return _call(name, (*made, *arrays), (*operands, *batched), aliases)


def _call(name: str, results: tuple, operands: Any, aliases: dict[int, int]) -> tuple[Array, ...]:
    function = jax.ffi.ffi_call(
        f"rheobase_{name}_{TYPES[str(results[0].dtype)]}",
        tuple(jax.ShapeDtypeStruct(r.shape, r.dtype) for r in results),
        vmap_method="expand_dims",
        input_output_aliases=aliases,
    )
    return tuple(function(*operands))


class _Loop(NamedTuple):
    """A compiled loop over the steps of a network: what its program depends on."""

    name: str
    results: tuple[tuple[tuple[int, ...], Any], ...]
    """Shapes and types."""
    aliases: tuple[tuple[int, int], ...]
    layout: tuple[int, ...]
    dt: float


def steps(name: str, call: Any, dt: float, dtype: Any) -> list[Array]:
    """Many steps of a network, there or back: what a compiled loop makes of its operands."""
    results = tuple((r.shape, np.dtype(r.dtype)) for r in call.results)
    symbol = f"rheobase_{name}_{TYPES[str(dtype)]}"
    loop = _Loop(symbol, results, tuple(call.aliases.items()), tuple(call.numbers), float(dt))
    return list(_program(loop)(*call.operands))


@functools.lru_cache(maxsize=128)
def _program(loop: _Loop) -> Callable:
    """The program that is this call and nothing else."""
    function = jax.ffi.ffi_call(
        loop.name,
        tuple(jax.ShapeDtypeStruct(*result) for result in loop.results),
        vmap_method="sequential",
        input_output_aliases=dict(loop.aliases),
    )

    def steps(*operands: Array) -> Any:
        return function(*operands, layout=np.asarray(loop.layout, np.int64), dt=loop.dt)

    return jax.jit(steps)


@custom_vmap
def _member(array: Array, *_: Array) -> Array:
    """`array`, batched as soon as one of the others is: what is updated in place must be."""
    return array


@_member.def_vmap
def _member_of_batch(size, batched, array, *others):
    if not batched[0]:
        array = jnp.broadcast_to(array, (size, *array.shape))
    return _member(array, *others), True
