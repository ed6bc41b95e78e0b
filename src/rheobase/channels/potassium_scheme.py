"""The potassium channel of the squid axon as a scheme of five states."""

from typing import Annotated, NamedTuple

from jax import Array

from rheobase.channels.base import AbstractKinetics
from rheobase.channels.ions import Ions
from rheobase.channels.rates import exp_linear, exponential
from rheobase.units import S, anything, cm, dimensionless, mV, non_negative, quantity


class SchemeState(NamedTuple):
    """Fractions of channels of which one, two, three or all four particles are in place."""

    n1: Annotated[Array, dimensionless]
    n2: Annotated[Array, dimensionless]
    n3: Annotated[Array, dimensionless]
    n4: Annotated[Array, dimensionless]


class KScheme(AbstractKinetics):
    r"""Four particles that move one at a time: n0 ⇌ n1 ⇌ n2 ⇌ n3 ⇌ n4, open in the last.

    From left to right 4, 3, 2, 1 times alpha, back 1, 2, 3, 4 times beta; i = g n4 (v - e).
    The rates are those of n in `HH`, with which it agrees once the particles are independent.

    i current out of the cell (nA/um**2), v and e in mV, g in S/cm**2.

    Source: Fitzhugh 1965, J Cell Comp Physiol 66:111; Hille 2001, Ion Channels, ch. 18.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm
    >>> potassium = ch.KScheme(g=0.036 * S / cm**2)
    """

    ion = "k"

    g: Array = quantity(S / cm**2, non_negative, "conductance", default=0.036 * S / cm**2)
    e: Array = quantity(mV, anything, "reversal potential", default=-77 * mV)

    def rates(self, v: Array) -> tuple[Array, Array]:
        """Alpha and beta (1/ms) of one particle."""
        return 0.1 * exp_linear((v + 55) / 10), 0.125 * exponential(-(v + 65) / 80)

    def init(self, v: Array, ions: Ions) -> SchemeState:
        alpha, beta = self.rates(v)
        n = alpha / (alpha + beta)
        return SchemeState(
            n1=4 * n * (1 - n) ** 3, n2=6 * n**2 * (1 - n) ** 2, n3=4 * n**3 * (1 - n), n4=n**4
        )

    def derivative(self, state: SchemeState, v: Array, ions: Ions) -> SchemeState:
        alpha, beta = self.rates(v)
        n1, n2, n3, n4 = state
        n0 = 1 - n1 - n2 - n3 - n4
        first = 4 * alpha * n0 - beta * n1
        second = 3 * alpha * n1 - 2 * beta * n2
        third = 2 * alpha * n2 - 3 * beta * n3
        fourth = alpha * n3 - 4 * beta * n4
        return SchemeState(first - second, second - third, third - fourth, fourth)

    def current(self, state: SchemeState, v: Array, ions: Ions) -> Array:
        return self.g * state.n4 * (v - self.e)
