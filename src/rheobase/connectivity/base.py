"""What a rule of connectivity is: two populations and a random generator make rows of synapses."""

from abc import abstractmethod
from typing import Any, NamedTuple

import jax
import numpy as np

from rheobase.connectivity.storage import Rows
from rheobase.declared import AbstractDeclared
from rheobase.errors import ArgumentError, brief
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


def generator(key: jax.Array | None, number: int | None = None) -> np.random.Generator:
    """A generator of numpy's, seeded by a key of JAX's: building does not need a device.

    None stands for `jax.random.key(0)`, which JAX would compile, and could not know inside jit.
    Each `number` has one of its own, without a key to be made for it, which JAX would compile.
    """
    seed = [0, 0] if key is None else np.asarray(jax.random.key_data(key)).ravel().tolist()
    return np.random.default_rng(seed if number is None else [*seed, number])


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
