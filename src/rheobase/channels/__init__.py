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
from rheobase.channels.calcium_shells import CaPump, CaShells
from rheobase.channels.constant_field import CaL_GHK
from rheobase.channels.diffusing import Diffusing
from rheobase.channels.fire import Fire, SpikeDetector
from rheobase.channels.hay import (
    SK_E2,
    Ca_HVA,
    Ca_LVAst,
    Ih,
    Im,
    K_Pst,
    K_Tst,
    Nap_Et2,
    NaTa_t,
    NaTs2_t,
    SKv3_1,
)
from rheobase.channels.hodgkin_huxley import HH
from rheobase.channels.ions import Ion, Ions, Solutions
from rheobase.channels.leak import Leak
from rheobase.channels.point_neuron import AbstractPointNeuron, PointNeuron
from rheobase.channels.pospischil import CaL, CaT, K, Km, Na
from rheobase.channels.potassium_scheme import KScheme
from rheobase.channels.rates import exp_linear, exponential, sigmoid
from rheobase.channels.spiking import AdEx, ExpSpike, Izhikevich
from rheobase.channels.traub_miles import TraubMiles
from rheobase.channels.warmed import Q10

__all__ = [
    "HH",
    "K",
    "Q10",
    "SK_E2",
    "AbstractChannel",
    "AbstractFiring",
    "AbstractKinetics",
    "AbstractMechanism",
    "AbstractPointNeuron",
    "AbstractPump",
    "AdEx",
    "CaDynamics",
    "CaL",
    "CaL_GHK",
    "CaPump",
    "CaShells",
    "CaT",
    "Ca_HVA",
    "Ca_LVAst",
    "Diffusing",
    "ExpSpike",
    "Fire",
    "Gate",
    "Ih",
    "Im",
    "Ion",
    "Ions",
    "Izhikevich",
    "KScheme",
    "K_Pst",
    "K_Tst",
    "Km",
    "Leak",
    "Na",
    "NaTa_t",
    "NaTs2_t",
    "Nap_Et2",
    "PointNeuron",
    "SKv3_1",
    "Solutions",
    "SpikeDetector",
    "Stateless",
    "TraubMiles",
    "by_rates",
    "by_time_constant",
    "exp_linear",
    "exponential",
    "sigmoid",
]
