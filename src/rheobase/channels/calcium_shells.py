"""Calcium in shells below the membrane, between which it diffuses, with a pump that saturates."""

from typing import Annotated, NamedTuple

import jax.numpy as jnp
from jax import Array

from rheobase.channels.base import AbstractPump
from rheobase.channels.ions import Ions
from rheobase.units import dimensionless, mM, ms, non_negative, positive, probability, quantity, um


class CalciumPumpState(NamedTuple):
    """Concentration of free calcium in the shell."""

    ca: Annotated[Array, mM]


class CaPump(AbstractPump):
    r"""Calcium in a shell, taken out by a pump that saturates.

    d[Ca]/dt = -gamma i_Ca/(2 F depth) - v_max ([Ca]/([Ca] + k) - rest/(rest + k))

    [Ca] free concentration (mM), i_Ca current of calcium out of the cell (nA/um**2), gamma the
    fraction that is not bound, depth of the shell (um), F Faraday's constant, v_max largest rate of
    removal (mM/ms), k (mM), rest where pump and leak are equal (mM).

    Source: Destexhe et al. 1993, Biophys J 65:1538 (v_max 1e-4 mM/ms, k 1e-4 mM).

    >>> from rheobase import channels as ch
    >>> from rheobase.units import mM, ms
    >>> strong = ch.CaPump(v_max=1e-3 * mM / ms)
    """

    gamma: Array = quantity(
        dimensionless, probability, "fraction of calcium that stays free", default=1.0
    )
    depth: Array = quantity(um, positive, "depth of the shell", default=1 * um)
    v_max: Array = quantity(mM / ms, positive, "largest rate of removal", default=1e-4 * mM / ms)
    k: Array = quantity(mM, positive, "calcium of half the largest rate", default=1e-4 * mM)
    rest: Array = quantity(mM, positive, "concentration at rest", default=1e-4 * mM)

    def init(self, v: Array, ions: Ions) -> CalciumPumpState:
        return CalciumPumpState(ca=jnp.broadcast_to(self.rest, jnp.shape(v)))

    def seen(self, state: CalciumPumpState, ions: Ions) -> Ions:
        return ions._replace(ca=ions.ca._replace(inside=state.ca))

    def derivative(
        self, state: CalciumPumpState, carried: dict[str, Array], ions: Ions
    ) -> CalciumPumpState:
        entering = -self.gamma * carried["ca"] / (ions.ca.charge * self.depth)
        removed = state.ca / (state.ca + self.k) - self.rest / (self.rest + self.k)
        return CalciumPumpState(ca=entering - self.v_max * removed)


class ShellState(NamedTuple):
    """Concentration of free calcium in four shells, the outermost first."""

    ca: Annotated[Array, mM]
    ca2: Annotated[Array, mM]
    ca3: Annotated[Array, mM]
    ca4: Annotated[Array, mM]


class CaShells(AbstractPump):
    r"""Calcium in four shells of equal depth; it enters the first, diffuses, and is removed there.

    d[Ca]_1/dt = -gamma i_Ca/(2 F depth) - ([Ca]_1 - rest)/decay + D ([Ca]_2 - [Ca]_1)/depth^2
    d[Ca]_k/dt = D ([Ca]_(k-1) - 2 [Ca]_k + [Ca]_(k+1))/depth^2, none beyond the last

    [Ca] free concentration (mM); channels see the first shell. i_Ca current of calcium out of the
    cell (nA/um**2), gamma the fraction that is not bound, depth of one shell (um), F Faraday's
    constant, decay (ms), D coefficient of diffusion (um**2/ms). The shells are flat: four of them
    are to be thin against the radius.

    Source: Blaustein & Hodgkin 1969, J Physiol 200:497; Yamada et al. 1989, in Methods in
    Neuronal Modeling (D of free calcium 0.6 um**2/ms).

    >>> from rheobase import channels as ch
    >>> from rheobase.units import ms, um
    >>> buffered = ch.CaShells(D=0.2 * um**2 / ms)
    """

    gamma: Array = quantity(
        dimensionless, probability, "fraction of calcium that stays free", default=0.05
    )
    depth: Array = quantity(um, positive, "depth of one shell", default=0.1 * um)
    decay: Array = quantity(ms, positive, "time constant of removal", default=20 * ms)
    D: Array = quantity(
        um**2 / ms, non_negative, "coefficient of diffusion", default=0.6 * um**2 / ms
    )
    rest: Array = quantity(mM, positive, "concentration at rest", default=1e-4 * mM)

    def init(self, v: Array, ions: Ions) -> ShellState:
        rest = jnp.broadcast_to(self.rest, jnp.shape(v))
        return ShellState(rest, rest, rest, rest)

    def seen(self, state: ShellState, ions: Ions) -> Ions:
        return ions._replace(ca=ions.ca._replace(inside=state.ca))

    def derivative(self, state: ShellState, carried: dict[str, Array], ions: Ions) -> ShellState:
        entering = -self.gamma * carried["ca"] / (ions.ca.charge * self.depth)
        first, second, third, fourth = state
        rate = self.D / self.depth**2
        inward = rate * (first - second), rate * (second - third), rate * (third - fourth)
        return ShellState(
            ca=entering - (first - self.rest) / self.decay - inward[0],
            ca2=inward[0] - inward[1],
            ca3=inward[1] - inward[2],
            ca4=inward[2],
        )
