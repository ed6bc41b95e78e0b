"""The leak."""

from jax import Array

from rheobase.channels.base import AbstractChannel, Stateless
from rheobase.channels.ions import Ions
from rheobase.units import S, anything, cm, mV, non_negative, quantity


class Leak(AbstractChannel):
    r"""A constant conductance: i = g (v - e), out of the cell, in nA/um**2.

    v voltage (mV), g conductance (S/cm**2), e reversal potential (mV).

    >>> import rheobase as rb
    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, cm, mV
    >>> leak = ch.Leak(g=1e-4 * S / cm**2, e=-70 * mV)
    """

    g: Array = quantity(S / cm**2, non_negative, "conductance", default=3e-4 * S / cm**2)
    e: Array = quantity(mV, anything, "reversal potential", default=-70 * mV)

    def gates(self, v: Array, ions: Ions) -> Stateless:
        return Stateless()

    def current(self, state: Stateless, v: Array, ions: Ions) -> Array:
        return self.g * (v - self.e)
