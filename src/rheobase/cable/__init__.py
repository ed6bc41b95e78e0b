"""Cells with a shape: trees of compartments with channels, solved as a cable."""

from rheobase.cable.cell import Cell
from rheobase.cable.clamp import VoltageClamp
from rheobase.cable.extracellular import line_source
from rheobase.systems.cable import Inserted

__all__ = [
    "Cell",
    "Inserted",
    "VoltageClamp",
    "line_source",
]
