"""Ion channels, firing, pumps: currents of a membrane as functions of state, voltage and ions."""

from rheobase.channels.base import (
    AbstractChannel,
    AbstractFiring,
    AbstractKinetics,
    AbstractMechanism,
    AbstractPump,
    Gate,
    Stateless,
    by_rates,
    by_time_constant,
)
from rheobase.channels.calcium_dynamics import CaDynamics
from rheobase.channels.fire import Fire
from rheobase.channels.hodgkin_huxley import HH
from rheobase.channels.ions import Ion, Ions, Solutions
from rheobase.channels.leak import Leak
from rheobase.channels.potassium_scheme import KScheme
from rheobase.channels.rates import exp_linear, exponential, sigmoid

__all__ = [
    "HH",
    "AbstractChannel",
    "AbstractFiring",
    "AbstractKinetics",
    "AbstractMechanism",
    "AbstractPump",
    "CaDynamics",
    "Fire",
    "Gate",
    "Ion",
    "Ions",
    "KScheme",
    "Leak",
    "Solutions",
    "Stateless",
    "by_rates",
    "by_time_constant",
    "exp_linear",
    "exponential",
    "sigmoid",
]
