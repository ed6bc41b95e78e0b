"""Implicit rules for the voltages of a cell, which all change together."""

from abc import abstractmethod

import equinox as eqx


class AbstractImplicit(eqx.Module):
    """A rule that solves the equations of a cable at some moment inside of a step.

    Gates stand half a step before the voltages, and are advanced exactly at the voltages in the
    middle of their step; currents are linear around the voltages from which a step begins.
    """

    @property
    @abstractmethod
    def share(self) -> float:
        """The part of the step at whose end the equations hold."""


class CrankNicolson(AbstractImplicit):
    r"""Crank-Nicolson for a cell: (v' - v)/dt = f((v + v')/2). The default; second order.

    A change that is much faster than dt overshoots and rings: for a voltage clamp with a small
    series resistance, take `BackwardEuler`.

    Source: Crank & Nicolson 1947, Proc Camb Phil Soc 43:50; with gates half a step before the
    voltages Hines 1984, Int J Biomed Comput 15:69.

    >>> import rheobase as rb
    >>> rb.CrankNicolson().share
    0.5
    """

    @property
    def share(self) -> float:
        return 0.5


class BackwardEuler(AbstractImplicit):
    r"""Backward (implicit) Euler for a cell: (v' - v)/dt = f(v'). First order; never rings.

    >>> import rheobase as rb
    >>> rb.BackwardEuler().share
    1.0
    """

    @property
    def share(self) -> float:
        return 1.0
