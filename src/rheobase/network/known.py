"""What is known of a neuron with its synapses before any run, found once for its numbers."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from rheobase.network.numeric import evaluated
from rheobase.neurons.base import AbstractMembrane
from rheobase.steppers import AbstractStepper
from rheobase.synapses import Coupled


class Key(NamedTuple):
    """A pytree of plain numbers, equal to any other of the same structure and numbers."""

    structure: Any
    leaves: tuple[tuple[Any, Any], ...]
    """Type and value."""

    def tree(self) -> Any:
        """The pytree, with numpy arrays."""
        arrays = [np.asarray(value, dtype) for dtype, value in self.leaves]
        return jax.tree.unflatten(self.structure, arrays)


def is_key(x: Any) -> bool:
    """Whether a leaf is a random key, such as `Mismatch` holds, and no number."""
    return isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


def key_of(tree: Any) -> Key | None:
    """The key of a pytree; None where a leaf is traced or is more than one number."""
    leaves, structure = jax.tree.flatten(tree)
    if any(isinstance(x, Tracer) for x in leaves):
        return None
    if any(np.ndim(x) or is_key(x) for x in leaves):
        return None
    arrays = [np.asarray(x) for x in leaves]
    return Key(structure, tuple((x.dtype, x.item()) for x in arrays))


def rest(system: AbstractMembrane) -> Any:
    """The state at rest, in numpy where it is not traced: JAX would compile each operation."""
    key = key_of(system)
    if key is not None:
        return _rest(key)
    traced_or_key = lambda x: isinstance(x, Tracer) or is_key(x)  # noqa: E731
    return jax.tree.map(lambda x: x if traced_or_key(x) else np.asarray(x), system).init()


@functools.lru_cache(maxsize=64)
def _rest(key: Key) -> Any:
    return evaluated(lambda: key.tree().init())


def check(system: Coupled, stepper: AbstractStepper, dt: float) -> None:
    """Refuse a time step (ms) that a neuron cannot take, and a stepper that cannot advance it."""
    key = key_of((system, stepper))
    if key is None:
        system.check(dt)
        stepper.check(system, dt)
    else:
        _check(key, dt)


@functools.lru_cache(maxsize=64)
def _check(key: Key, dt: float) -> None:
    system, stepper = key.tree()
    system.check(dt)
    stepper.check(system, dt)
