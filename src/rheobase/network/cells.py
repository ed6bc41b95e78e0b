"""Cells with a shape in a network: where their synapses are, and which compartment fires."""

from typing import Any

import numpy as np

from rheobase.cable import Cell
from rheobase.channels import AbstractFiring
from rheobase.errors import ArgumentError
from rheobase.morphology import Location


def sites_of(cell: Cell, at: Any) -> tuple[int, ...]:
    """The nodes of a location, of several, or of all compartments of a region."""
    if at is None:
        return (cell.node(cell.compartments.tree.origin),)
    if isinstance(at, Location):
        return (cell.node(at),)
    if isinstance(at, str):
        return tuple(int(i) for i in np.flatnonzero(cell.compartments.where(at)))
    return tuple(node for one in at for node in sites_of(cell, one))


def require_output(cell: Cell, name: str) -> None:
    """Refuse a presynaptic cell unless exactly one of its compartments fires."""
    firing = [len(m.nodes) for m in cell.mechanisms if isinstance(m.channel, AbstractFiring)]
    if sum(firing) != 1:
        raise ArgumentError(
            f"population {name!r} sends the spikes of one compartment of each cell, but "
            f"{sum(firing)} of them fire. Write cell.insert(ch.SpikeDetector(), at='soma'), or "
            "ch.Fire()."
        )
