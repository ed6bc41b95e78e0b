"""Adaptors: a neuron that wraps a neuron and changes one thing about it."""

from rheobase.adaptors.base import AbstractAdaptor, AbstractStatefulAdaptor
from rheobase.adaptors.refractory import Refractory
from rheobase.adaptors.reset_gradient import SurrogateReset
from rheobase.adaptors.soft_reset import SoftReset

__all__ = [
    "AbstractAdaptor",
    "AbstractStatefulAdaptor",
    "Refractory",
    "SoftReset",
    "SurrogateReset",
]
