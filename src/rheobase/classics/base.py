"""A network with what it takes to run it as published."""

from typing import NamedTuple

from rheobase.network import Network
from rheobase.units import Quantity


class Classic(NamedTuple):
    """A published network and its protocol."""

    network: Network
    init: dict[str, dict[str, Quantity]]
    """Initial values by population and variable."""
    dt: Quantity
    duration: Quantity
    source: str
