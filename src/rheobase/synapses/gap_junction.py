"""Electrical synapses."""

from typing import ClassVar, NamedTuple

import jax.numpy as jnp
from jax import Array

from rheobase.synapses.base import AbstractSynapse


class GapState(NamedTuple):
    """What the neurons on the other side amount to."""

    drive: Array
    """Sum of g v over them, nA."""
    g: Array
    """Sum of g, uS."""


class GapJunction(AbstractSynapse):
    r"""An electrical synapse: current = sum of g (v_pre - v), weights in uS.

    The voltages of the other side are those at the start of the step; g enters the linearised part
    of the membrane. So that coupled voltages do not lag behind, `simulate` refuses a step in which
    the sum of g on a neuron times dt is more than 5 % of its capacitance. A connection is one
    direction: give the other one too, with the same pairs and weights, for a junction through which
    current flows both ways. All synapses cost in each step.

    >>> import rheobase as rb
    >>> from rheobase.units import nS
    >>> pairs = rb.Pairs([0, 1], [1, 0])
    >>> junction = rb.Connection("i", "i", pairs, rb.GapJunction(), weight=1 * nS)
    """

    electrical: ClassVar[bool] = True

    def init(self) -> GapState:
        return GapState(drive=jnp.zeros(()), g=jnp.zeros(()))

    def arrive(self, state: GapState, weight: Array) -> GapState:
        return GapState(*weight)

    def derivative(self, state: GapState) -> GapState:
        return GapState(jnp.zeros_like(state.drive), jnp.zeros_like(state.g))

    def output(self, state: GapState) -> Array:
        return state.g

    def current(self, state: GapState, v: Array) -> Array:
        return state.drive - state.g * v
