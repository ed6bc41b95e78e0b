"""Traces: the derivative of the state of a population by its parameters, carried forwards.

With the variables x of a neuron, its spike s, its input a and one block a neuron,

    d(x, s)(k) = D d(x, s)(k-1) + d(x, s)(k)/da da,    da = y_i for the weight w_ij

where the spike of the step before stands beside the variables.
"""

from abc import abstractmethod
from typing import NamedTuple, Self

import equinox as eqx
import jax.numpy as jnp
from jax import Array


class Jacobian(NamedTuple):
    """The derivative of a step of a population; each array of shape (batch, n)."""

    state: tuple[tuple[Array, ...], ...]
    """`state[l][k]`, of what comes out at k by what goes in at l; the spike is the last of both,
    and left out of l where it goes into nothing."""
    input: tuple[Array, ...]
    """Of what comes out by the input."""

    def moved(self, variables: tuple[Array, ...], source: tuple[Array, ...]) -> tuple[Array, ...]:
        """A trace one step later, `source` being what this step adds."""
        into = variables[: len(self.state)]
        return tuple(
            sum((self._like(row[k], v) * v for row, v in zip(self.state, into, strict=True)), s)
            for k, s in enumerate(source)
        )

    @staticmethod
    def _like(d: Array, v: Array) -> Array:
        return d if d.ndim == v.ndim else d[:, None]


class AbstractTrace(eqx.Module):
    """The trace of the weights between the inputs of a population and its neurons."""

    @abstractmethod
    def advanced(self, jacobian: Jacobian, y: Array) -> Self:
        """The trace after a step with input y (batch, n_in), or one each, (batch, n_in, n)."""

    @abstractmethod
    def gradient(self, signal: Array) -> Array:
        """The sum over the batch of signal (batch, n) times d(spike)/d(weight), (n_in, n)."""


class Whole(AbstractTrace):
    """One number a weight, sample and variable: exact where neurons do not reach each other."""

    variables: tuple[Array, ...]

    def advanced(self, jacobian: Jacobian, y: Array) -> "Whole":
        y = y if y.ndim == 3 else y[:, :, None]
        source = tuple(y * g[:, None] for g in jacobian.input)
        return Whole(jacobian.moved(self.variables, source))

    def gradient(self, signal: Array) -> Array:
        return jnp.einsum("bn,bin->in", signal, self.variables[-1])


class RankOne(AbstractTrace):
    r"""An outer product for each sample: eps_y ← c eps_y + y,  eps_f ← c D eps_f + (1 - c) d/da.

    Source: Wang et al. 2024, bioRxiv 2024.09.24.614728 (pp-prop, ES-D-RTRL).
    """

    inputs: Array
    factors: tuple[Array, ...]
    decay: float = eqx.field(static=True)

    def advanced(self, jacobian: Jacobian, y: Array) -> "RankOne":
        c = self.decay
        source = tuple((1 - c) * g for g in jacobian.input)
        before = tuple(c * f for f in self.factors)
        return RankOne(c * self.inputs + y, jacobian.moved(before, source), c)

    def gradient(self, signal: Array) -> Array:
        return self.inputs.T @ (signal * self.factors[-1])


def blank(
    batch: int, n_in: int, n: int, variables: int, decay: float | None, dtype
) -> AbstractTrace:
    """The trace before the first step; whole where `decay` is None."""
    if decay is None:
        return Whole((jnp.zeros((batch, n_in, n), dtype),) * variables)
    factors = (jnp.zeros((batch, n), dtype),) * variables
    return RankOne(jnp.zeros((batch, n_in), dtype), factors, decay)
