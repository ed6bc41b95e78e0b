"""Point neurons, one family a file."""

from rheobase.neurons.adaptive import ALIF
from rheobase.neurons.base import AbstractMembrane, AbstractNeuron, Onset
from rheobase.neurons.exponential import AdEx, ExpIF
from rheobase.neurons.glif import GLIF
from rheobase.neurons.hodgkin_huxley import HodgkinHuxley
from rheobase.neurons.izhikevich import Izhikevich
from rheobase.neurons.leaky import IF, LI, LIF, CubaLI, CubaLIF, Integrator
from rheobase.neurons.morris_lecar import MorrisLecar
from rheobase.neurons.quadratic import QIF, AdQIF
from rheobase.neurons.traub_miles import TraubMiles

__all__ = [
    "ALIF",
    "GLIF",
    "IF",
    "LI",
    "LIF",
    "QIF",
    "AbstractMembrane",
    "AbstractNeuron",
    "AdEx",
    "AdQIF",
    "CubaLI",
    "CubaLIF",
    "ExpIF",
    "HodgkinHuxley",
    "Integrator",
    "Izhikevich",
    "MorrisLecar",
    "Onset",
    "TraubMiles",
]
