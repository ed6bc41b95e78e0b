"""What a rule of connectivity is: two populations and a random generator make rows of synapses."""

from abc import abstractmethod
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.core import Tracer

from rheobase.connectivity.storage import Rows
from rheobase.declared import AbstractDeclared
from rheobase.errors import ArgumentError, KeyRequired, brief
from rheobase.units import DomainError


class Sides(NamedTuple):
    """The two populations that a rule connects."""

    n_pre: int
    n_post: int
    same: bool
    """Whether they are one population, so that a neuron could meet itself (an autapse)."""
    pre_positions: Any = None
    """(n_pre, dimensions), um."""
    post_positions: Any = None


class AbstractConnectivity(AbstractDeclared):
    """A rule that decides which neurons are connected."""

    @abstractmethod
    def build(self, sides: Sides, random: np.random.Generator) -> Rows:
        """The synapses between two populations; the same for the same generator."""

    @abstractmethod
    def expected(self, sides: Sides) -> float:
        """Expected number of synapses, from which their memory is known before it is taken."""


def generator(key: jax.Array, *numbers: int) -> np.random.Generator:
    """A generator of numpy's, seeded by a key of JAX's: building does not need a device.

    Each of the `numbers` has one of its own, without a key to be made for it, which JAX would
    compile.
    """
    seed = np.asarray(jax.random.key_data(key)).ravel().tolist()
    return np.random.default_rng([*seed, *numbers])


class NoGenerator:
    """Stands where a generator cannot be had: who draws from it gets the error."""

    def __init__(self, error: Exception):
        self.error = error

    def __getattr__(self, name: str) -> Any:
        raise self.error


def generator_for(what: str, key: jax.Array | None, *numbers: int) -> Any:
    """The generator of one part of a network; without a key, and within a trace, one that refuses.

    So a key is asked for where something is drawn and nowhere else.
    """
    if key is None:
        return NoGenerator(
            KeyRequired(
                f"{what} draws random numbers. Write rb.Network(..., key=jax.random.key(0))."
            )
        )
    if isinstance(key, Tracer):
        return NoGenerator(
            ArgumentError(
                f"{what} is drawn where arrays have their sizes, outside of jit, grad and vmap, "
                "but `key` is traced. Build one network for each key, [build(key) for key in "
                "jax.random.split(key, 10)], and map over the key of the run: jax.vmap(lambda key: "
                "rb.simulate(net, ..., key=key))."
            )
        )
    return generator(key, *numbers)


def require_count(name: str, value: object) -> int:
    """`value` as a whole number of synapses a neuron."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ArgumentError(f"`{name}` is a whole number of synapses, got {brief(value)}.")
    if value < 0:
        raise DomainError(f"`{name}` must not be negative, got {value}.")
    return int(value)


def require_probability(name: str, value: object) -> float:
    """`value` as a probability."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating):
        raise ArgumentError(f"`{name}` is a number between 0 and 1, got {brief(value)}.")
    if not 0 <= value <= 1:
        raise DomainError(f"`{name}` must be between 0 and 1 (a probability), got {value}.")
    return float(value)
