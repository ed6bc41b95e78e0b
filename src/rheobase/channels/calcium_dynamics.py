"""Calcium in a shell below the membrane."""

from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jax import Array

from rheobase.channels.base import AbstractPump
from rheobase.channels.ions import Ions
from rheobase.units import dimensionless, mM, ms, positive, probability, quantity, um


class CalciumState(NamedTuple):
    """Concentration of free calcium in the shell."""

    ca: Annotated[Array, mM]


class CaDynamics(AbstractPump):
    r"""Calcium that enters a shell and is pumped out of it.

    d[Ca]/dt = -gamma i_Ca/(2 F depth) - ([Ca] - rest)/decay

    [Ca] free concentration (mM), i_Ca current of calcium out of the cell (nA/um**2), gamma the
    fraction that is not bound, depth of the shell (um), F Faraday's constant, decay (ms).

    Source: Destexhe et al. 1994, J Neurophysiol 72:803; Hay et al. 2011, PLoS Comput Biol
    7:e1002107, where gamma and decay differ between regions.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import ms
    >>> slow = ch.CaDynamics(decay=460 * ms)
    """

    gamma: Array = quantity(
        dimensionless, probability, "fraction of calcium that stays free", default=0.05
    )
    decay: Array = quantity(ms, positive, "time constant of removal", default=80 * ms)
    depth: Array = quantity(um, positive, "depth of the shell", default=0.1 * um)
    rest: Array = quantity(mM, positive, "concentration at rest", default=1e-4 * mM)

    def init(self, v: Array, ions: Ions) -> CalciumState:
        return CalciumState(ca=jnp.broadcast_to(self.rest, jnp.shape(v)))

    def seen(self, state: CalciumState, ions: Ions) -> Ions:
        return ions._replace(ca=ions.ca._replace(inside=state.ca))

    def derivative(
        self, state: CalciumState, carried: dict[str, Array], ions: Ions
    ) -> CalciumState:
        entering = -self.gamma * carried["ca"] / (ions.ca.charge * self.depth)
        return CalciumState(ca=entering - (state.ca - self.rest) / self.decay)
