"""How whole programs are compiled: once for their shapes, and on a CPU with its widest vectors."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

_OPTIONS = {
    # Element-wise loops are most of the work, and XLA by default leaves half of AVX-512 unused.
    "xla_cpu_prefer_vector_width": 512,
    # Fewer copies of the state between the steps of a loop.
    "xla_cpu_copy_insertion_use_region_analysis": True,
}

_ONE = np.ones((), np.float32)


class Compiled:
    """A program compiled by `equinox.filter_jit`, tuned where it is called outside of any trace.

    XLA takes options for whole programs only: inside jit, grad or vmap it is an ordinary part of
    the program around it.
    """

    def __init__(self, program: Callable):
        self.plain = eqx.filter_jit(program)
        self.tuned: Any = eqx.filter_jit(
            program,
            compiler_options=_OPTIONS,  # pyright: ignore[reportCallIssue]
        )

    def __call__(self, *arguments: Any) -> Any:
        """The result of the program."""
        return (self.tuned if _tunable(arguments) else self.plain)(*arguments)


def _tunable(arguments: Any) -> bool:
    # An operation is traced where everything is, even what does not depend on the arguments.
    leaves = [*jax.tree.leaves(arguments), jax.lax.neg(_ONE)]
    return not any(isinstance(x, Tracer) for x in leaves) and _known()


@functools.cache
def _known() -> bool:
    """Whether this version of XLA takes the options, which are no promise of it."""
    if jax.default_backend() != "cpu":
        return False
    try:
        jax.jit(lambda: jnp.zeros(()), compiler_options=_OPTIONS)()
    except jax.errors.JaxRuntimeError:
        return False
    return True
