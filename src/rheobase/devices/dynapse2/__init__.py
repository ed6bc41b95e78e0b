"""The neuromorphic chip DYNAP-SE2: simulated, trained, quantised, placed and configured.

Its circuits are ordinary neurons of this library, its currents ordinary parameters.
"""

from rheobase.devices.dynapse2 import pictures
from rheobase.devices.dynapse2.alpha import Alpha
from rheobase.devices.dynapse2.bias import BiasTable, Code
from rheobase.devices.dynapse2.conductance import Conductance
from rheobase.devices.dynapse2.config import Config
from rheobase.devices.dynapse2.convert import Converted, NeuronFit, SynapseFit, convert
from rheobase.devices.dynapse2.firing_rate import firing_rate
from rheobase.devices.dynapse2.gates import AMPA, GABA, NMDA, SHUNT
from rheobase.devices.dynapse2.homeostasis import Homeostasis
from rheobase.devices.dynapse2.layout import Layout
from rheobase.devices.dynapse2.mismatch import mismatch
from rheobase.devices.dynapse2.network import Network, NetworkRun, NetworkState
from rheobase.devices.dynapse2.neuron import Neuron
from rheobase.devices.dynapse2.place import Placement, place
from rheobase.devices.dynapse2.power import CorePower, Energies, Power, power
from rheobase.devices.dynapse2.projection import Depression, Projection
from rheobase.devices.dynapse2.quantise import Quantised, on_grid, quantise
from rheobase.devices.dynapse2.steppers import CompatibleStep, PhysicalStep
from rheobase.devices.dynapse2.training import Redrawn, Trained, train

__all__ = [
    "AMPA",
    "GABA",
    "NMDA",
    "SHUNT",
    "Alpha",
    "BiasTable",
    "Code",
    "CompatibleStep",
    "Conductance",
    "Config",
    "Converted",
    "CorePower",
    "Depression",
    "Energies",
    "Homeostasis",
    "Layout",
    "Network",
    "NetworkRun",
    "NetworkState",
    "Neuron",
    "NeuronFit",
    "PhysicalStep",
    "Placement",
    "Power",
    "Projection",
    "Quantised",
    "Redrawn",
    "SynapseFit",
    "Trained",
    "convert",
    "firing_rate",
    "mismatch",
    "on_grid",
    "pictures",
    "place",
    "power",
    "quantise",
    "train",
]
