"""What ions offer to a channel: concentrations, reversal potential, constant-field current."""

from typing import Annotated, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from rheobase import printed
from rheobase.channels.rates import exp_linear
from rheobase.units import A, V, dimensionless, kelvin, m, mM, ms, mV, nA, positive, quantity, s, um

FARADAY = 96485.33212 * A * s / (mM * m**3)
"""Charge of a mole (mM*m**3) of elementary charges."""
GAS = 8.314462618 * V * A * s / (mM * m**3 * kelvin)
"""Energy of a mole and a kelvin."""


class Ion(NamedTuple):
    """One kind of ion on both sides of a membrane."""

    inside: Annotated[Array, mM]
    outside: Annotated[Array, mM]
    thermal: Annotated[Array, mV]
    """R T/(z F): the voltage of an e-fold ratio of concentrations; its sign is that of the ion."""
    charge: Annotated[Array, nA * ms / (mM * um**3)]
    """z F: charge of an amount."""
    kept: Annotated[Array, dimensionless] | None = None
    """1 where a mechanism of a .mod file writes its concentration, 0 elsewhere."""
    flowing: Annotated[Array, nA / um**2] | None = None
    """Current out of the cell that it carries, summed where a mechanism `reads` it."""

    @property
    def reversal(self) -> Array:
        """Nernst potential, R T/(z F) ln(outside/inside), mV."""
        return self.thermal * jnp.log(self.outside / self.inside)

    def constant_field(self, v: Array) -> Array:
        """Outward current of unit permeability at voltage v by Goldman, Hodgkin and Katz.

        z F x (inside - outside e^-x)/(1 - e^-x) with x = v/thermal, without a hole at v = 0; times
        a permeability (um/ms) it is nA/um**2.
        """
        x = v / self.thermal
        return self.charge * (self.inside * exp_linear(x) - self.outside * exp_linear(-x))


class Ions(NamedTuple):
    """The ions that channels see, and the temperature; each shaped like the compartments."""

    na: Ion
    k: Ion
    ca: Ion
    cl: Ion
    temperature: Annotated[Array, kelvin]


class Solutions(eqx.Module):
    """The solutions inside and outside of a cell, and their temperature.

    A pump moves the concentrations inside of its compartments; everywhere else they stay.

    Source: the defaults of Carnevale & Hines 2006, The NEURON Book, ch. 9, and 6.3 °C.

    >>> from rheobase import channels as ch
    >>> from rheobase.units import kelvin, mM
    >>> warm = ch.Solutions(ca_outside=1.2 * mM, temperature=310 * kelvin)
    >>> round(warm.ions().k.reversal.item(), 1)
    -82.3
    """

    na_inside: Array = quantity(mM, positive, "sodium", default=10 * mM)
    na_outside: Array = quantity(mM, positive, "sodium", default=140 * mM)
    k_inside: Array = quantity(mM, positive, "potassium", default=54.4 * mM)
    k_outside: Array = quantity(mM, positive, "potassium", default=2.5 * mM)
    ca_inside: Array = quantity(mM, positive, "calcium", default=5e-5 * mM)
    ca_outside: Array = quantity(mM, positive, "calcium", default=2 * mM)
    cl_inside: Array = quantity(mM, positive, "chloride", default=8 * mM)
    cl_outside: Array = quantity(mM, positive, "chloride", default=130 * mM)
    temperature: Array = quantity(kelvin, positive, "temperature", default=279.45 * kelvin)

    def __repr__(self) -> str:
        return printed.shortly(self)

    def ions(self) -> Ions:
        """The ions that channels see."""
        volts = GAS.value_in(GAS.unit.internal()) * self.temperature
        charge = jnp.asarray(FARADAY.value_in(FARADAY.unit.internal()), self.temperature.dtype)

        def ion(inside: Array, outside: Array, valence: int) -> Ion:
            thermal, none = volts / (valence * charge), jnp.zeros_like(self.temperature)
            return Ion(inside, outside, thermal, valence * charge, none)

        return Ions(
            na=ion(self.na_inside, self.na_outside, 1),
            k=ion(self.k_inside, self.k_outside, 1),
            ca=ion(self.ca_inside, self.ca_outside, 2),
            cl=ion(self.cl_inside, self.cl_outside, -1),
            temperature=self.temperature,
        )
