"""The compiled kernels, where they were built; without them their twins in JAX do the same work."""

import ctypes
import functools
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.custom_batching import custom_vmap

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
    """Whether compiled kernels are there and the default backend is a CPU; loads them once."""
    files = sorted(Path(__file__).parent.glob("librheobase.*"))
    if not files or jax.default_backend() != "cpu":
        return False
    try:
        library = ctypes.CDLL(str(files[0]))
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


def steps(name: str, call: Any, layout: list[int], dt: float, dtype: Any) -> list[Array]:
    """Many steps of a network, there or back: what a compiled loop makes of its operands."""
    function = jax.ffi.ffi_call(
        f"rheobase_{name}_{TYPES[str(dtype)]}",
        call.results,
        vmap_method="sequential",
        input_output_aliases=call.aliases,
    )
    return list(function(*call.operands, layout=np.asarray(layout, np.int64), dt=float(dt)))


@custom_vmap
def _member(array: Array, *_: Array) -> Array:
    """`array`, batched as soon as one of the others is: what is updated in place must be."""
    return array


@_member.def_vmap
def _member_of_batch(size, batched, array, *others):
    if not batched[0]:
        array = jnp.broadcast_to(array, (size, *array.shape))
    return _member(array, *others), True
