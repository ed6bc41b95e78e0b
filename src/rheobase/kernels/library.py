"""The compiled kernels, where they were built; without them the twins in JAX do the same work."""

import ctypes
import functools
from pathlib import Path

import jax

NAMES = ("deliver", "deliver_delayed", "gather", "outer")
TYPES = {"float32": "f32", "float64": "f64"}


@functools.cache
def available() -> bool:
    """Whether the kernels are there and the default backend is a CPU; registers them once."""
    files = sorted(Path(__file__).parent.glob("librheobase.*"))
    if not files or jax.default_backend() != "cpu":
        return False
    library = ctypes.CDLL(str(files[0]))
    for name in NAMES:
        for suffix in TYPES.values():
            symbol = f"rheobase_{name}_{suffix}"
            capsule = jax.ffi.pycapsule(getattr(library, symbol))
            jax.ffi.register_ffi_target(symbol, capsule, platform="cpu")
    return True


def call(name: str, result: jax.ShapeDtypeStruct, *operands: jax.Array, alias: dict | None = None):
    """Call a kernel on arrays of the floating-point type of its result."""
    symbol = f"rheobase_{name}_{TYPES[str(result.dtype)]}"
    function = jax.ffi.ffi_call(
        symbol, result, vmap_method="sequential", input_output_aliases=alias or {}
    )
    return function(*operands)
