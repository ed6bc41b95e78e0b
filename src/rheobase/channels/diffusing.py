"""Concentrations that diffuse along the tree."""

from typing import Any

from jax import Array

from rheobase.channels.base import AbstractPump
from rheobase.channels.ions import Ions
from rheobase.errors import ShapeError
from rheobase.units import ms, non_negative, quantity, um


class Diffusing(AbstractPump):
    r"""A pump whose concentrations also diffuse along the tree, in thin shells below the membrane.

    area dc/dt = area f(c) + sum over neighbours of D (c_j - c)/shell_j

    for each compartment and each shell: c concentration (mM), f all that the pump does with it
    (mM/ms), D coefficient of diffusion (um**2/ms), area of the membrane (um**2), shell_j the
    integral of ds/(2 pi r) between the middles, of which depths of shells are no part. Nothing
    leaves at the ends, nor into compartments where the pump is not. Solved with the equations of
    the voltage's kind and rule: implicitly, of second order with `rb.CrankNicolson`.

    The state is that of the pump inside, by whose name it is recorded.

    Source: Carnevale & Hines 2006, The NEURON Book, ch. 9 (longitudinal diffusion); Allbritton et
    al. 1992, Science 258:1812 (free calcium in cytosol, 0.22 um**2/ms).

    Errors: `ShapeError` for a D that differs between compartments.

    >>> import rheobase as rb
    >>> from rheobase import channels as ch
    >>> from rheobase.units import ms, um
    >>> cell = rb.Cell(rb.morphology.ball_and_stick())
    >>> cell = cell.insert(ch.CaL_GHK(), at="soma")
    >>> cell = cell.insert(ch.Diffusing(ch.CaDynamics(), D=0.3 * um**2 / ms))
    """

    pump: AbstractPump
    D: Array = quantity(
        um**2 / ms, non_negative, "coefficient of diffusion", default=0.22 * um**2 / ms
    )

    def __check_init__(self):
        if self.D.ndim:
            raise ShapeError(
                f"`D` of Diffusing has shape {self.D.shape}: it is one number, "
                "as in ch.Diffusing(ch.CaDynamics(), D=0.22*um**2/ms)."
            )

    def init(self, v: Array, ions: Ions) -> Any:
        return self.pump.init(v, ions)

    def seen(self, state: Any, ions: Ions) -> Ions:
        return self.pump.seen(state, ions)

    def derivative(self, state: Any, carried: dict[str, Array], ions: Ions) -> Any:
        return self.pump.derivative(state, carried, ions)

    def rate(self, state: Any, carried: dict[str, Array], v: Array, ions: Ions) -> Any:
        return self.pump.rate(state, carried, v, ions)

    @property
    def label(self) -> str:
        return self.pump.label

    @property
    def conducts(self) -> bool:
        return self.pump.conducts

    @property
    def reads(self) -> frozenset[str]:
        return self.pump.reads

    def current(self, state: Any, v: Array, ions: Ions) -> Array:
        return self.pump.current(state, v, ions)

    def carried(self, state: Any, v: Array, ions: Ions) -> dict[str, Array]:
        return self.pump.carried(state, v, ions)
