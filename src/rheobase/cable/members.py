"""What a population is made of, and what a user hands over in its place."""

from typing import Any

from rheobase.cable.cell import Cell
from rheobase.errors import ArgumentError, brief
from rheobase.morphology import Compartments, Tree
from rheobase.neurons.base import AbstractMembrane
from rheobase.systems.source import AbstractSource

Receiver = AbstractMembrane | Cell
"""What receives input: a neuron, a readout or a cell."""
Member = Receiver | AbstractSource


def require_receiver(value: Any, taker: str, example: str) -> Receiver:
    """Return a neuron or a cell; refuse anything else.

    - `taker`: what takes it, such as "simulate takes".
    - `example`: the corrected call, with {} in the place of the neuron.
    """
    if isinstance(value, Receiver):
        return value
    known = isinstance(value, type) and issubclass(value, AbstractMembrane)
    written = example.format(f"rb.{value.__name__}()" if known else "rb.LIF()")
    raise ArgumentError(f"{taker} a neuron or a cell, got {brief(value)}. Write {written}.")


def shape_of(source: Any) -> Tree | Compartments:
    """Return a tree, compartments, or those that a cell is made of; refuse anything else."""
    shape = source.compartments if isinstance(source, Cell) else source
    if isinstance(shape, Tree | Compartments):
        return shape
    raise ArgumentError(
        f"a picture of a neuron is made of a tree, compartments or a cell, got {brief(source)}. "
        "Write rb.plot.morphology(rb.io.read_swc('cell.swc'))."
    )
