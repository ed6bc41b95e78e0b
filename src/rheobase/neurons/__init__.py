"""Point neurons, one family a file."""

from rheobase.neurons.base import AbstractMembrane, AbstractNeuron, Onset
from rheobase.neurons.exponential import AdEx, ExpIF
from rheobase.neurons.leaky import IF, LI, LIF, CubaLIF

__all__ = [
    "IF",
    "LI",
    "LIF",
    "AbstractMembrane",
    "AbstractNeuron",
    "AdEx",
    "CubaLIF",
    "ExpIF",
    "Onset",
]
