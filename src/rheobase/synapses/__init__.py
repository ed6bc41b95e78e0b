"""Synapses: the time course that a spike leaves at a membrane."""

from rheobase.synapses.base import AbstractGradedRelease, AbstractRelease, AbstractSynapse
from rheobase.synapses.conductance import NMDA, Conductance
from rheobase.synapses.coupled import Coupled
from rheobase.synapses.delta import Delta
from rheobase.synapses.exponential import Alpha, DualExponential, Exponential
from rheobase.synapses.gap_junction import GapJunction
from rheobase.synapses.graded import AbstractGraded, Binding, Ionotropic, Tanh
from rheobase.synapses.kinetic import AMPA, GABAA, GABAB
from rheobase.synapses.spike import SpikeSynapse

__all__ = [
    "AMPA",
    "GABAA",
    "GABAB",
    "NMDA",
    "AbstractGraded",
    "AbstractGradedRelease",
    "AbstractRelease",
    "AbstractSynapse",
    "Alpha",
    "Binding",
    "Conductance",
    "Coupled",
    "Delta",
    "DualExponential",
    "Exponential",
    "GapJunction",
    "Ionotropic",
    "SpikeSynapse",
    "Tanh",
]
