"""The shape of a neuron: trees of sections, read or made by hand, and cut into compartments.

A `Tree` holds traced samples (um) in sections, and is what `rb.Cell` is made from. Regions have
names: soma, axon, basal, apical; "dendrite" is basal and apical together, "all" everything, and
`tree.named` adds others. Distances are counted from the middle of the soma.
"""

from rheobase.morphology.compartments import Compartments
from rheobase.morphology.discretise import discretise
from rheobase.morphology.edit import cut, join, move, rotate
from rheobase.morphology.locate import Location
from rheobase.morphology.section import Section
from rheobase.morphology.shapes import ball_and_stick, soma
from rheobase.morphology.tree import Tree

__all__ = [
    "Compartments",
    "Location",
    "Section",
    "Tree",
    "ball_and_stick",
    "cut",
    "discretise",
    "join",
    "move",
    "rotate",
    "soma",
]
