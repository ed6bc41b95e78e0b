"""Networks: populations and connections between them, and the loops that simulate them."""

from rheobase.network.connection import Connection
from rheobase.network.network import Drive, Network, Population
from rheobase.network.recording import NetworkRecording
from rheobase.network.source import SpikeSource

__all__ = ["Connection", "Drive", "Network", "NetworkRecording", "Population", "SpikeSource"]
