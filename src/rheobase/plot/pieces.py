"""A tree in short pieces, each with its place, its compartment and its colour."""

from typing import Any, NamedTuple

import numpy as np

from rheobase.cable.members import shape_of
from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.morphology import Compartments, Tree
from rheobase.morphology.frusta import at
from rheobase.plot.arrays import label
from rheobase.plot.style import INK, PALETTE
from rheobase.units import Quantity, UnitError

COLOURS = {"soma": INK, "axon": PALETTE[0], "basal": PALETTE[2], "apical": PALETTE[1]}
COLOURS["dendrite"] = PALETTE[2]
_OTHERS = (PALETTE[3], PALETTE[4], PALETTE[5])
_SHADES = "viridis"


class Pieces(NamedTuple):
    """Straight pieces of a tree, one entry each."""

    tree: Tree
    cut: Compartments | None
    section: np.ndarray
    path: np.ndarray
    """Path (um) in the section of both ends, (pieces, 2)."""
    ends: np.ndarray
    """Both ends (um), (pieces, 2, 3)."""
    width: np.ndarray
    """Mean diameter (um)."""
    node: np.ndarray
    """The compartment that each belongs to; 0 without compartments."""


def pieces(source: Any) -> Pieces:
    """A tree, compartments or a cell in pieces: from sample to sample, cut between compartments."""
    shape = shape_of(source)
    cut = shape if isinstance(shape, Compartments) else None
    tree = shape if isinstance(shape, Tree) else shape.tree
    sections, paths, nodes = [], [], []
    for i in range(len(tree)):
        stops = tree.tube.path[tree.first[i] : tree.first[i + 1]]
        own = np.zeros(1, int)
        if cut is not None:
            own = np.flatnonzero((cut.section == i) & cut.membrane)
            borders = tree.lengths[i] * np.arange(1, len(own)) / len(own)
            stops = np.concatenate([stops, borders])
        stops = np.unique(stops)
        middle = (stops[1:] + stops[:-1]) / 2
        number = np.minimum((middle / tree.lengths[i] * len(own)).astype(int), len(own) - 1)
        sections.append(np.full(len(middle), i))
        paths.append(np.stack([stops[:-1], stops[1:]], axis=1))
        nodes.append(own[number])
    section, path = np.concatenate(sections), np.concatenate(paths)
    low, high = (at(tree.tube, section, path[:, k]) for k in (0, 1))
    ends = np.stack([low.points, high.points], axis=1)
    return Pieces(tree, cut, section, path, ends, low.radius + high.radius, np.concatenate(nodes))


def region_colours(tree: Tree) -> dict[str, str]:
    """A colour for each region that the tree has."""
    colours = {}
    others = 0
    for name in dict.fromkeys(tree.region):
        colours[name] = COLOURS.get(name, _OTHERS[others % len(_OTHERS)])
        others += name not in COLOURS
    return colours


def shown(parts: Pieces, values: Any, frames: bool = False) -> tuple[np.ndarray, str]:
    """Values of shape (pieces,), or (time, pieces), and the name of their unit."""
    rank = 2 if frames else 1
    if not isinstance(values, Quantity):
        raise UnitError(
            f"values to colour a neuron by have a unit, got {brief(values)}. "
            "Write rb.plot.morphology(cell, run.v[-1] * mV)."
        )
    if parts.cut is None:
        raise ArgumentError(
            "values belong to compartments, and a tree has none. Write "
            "rb.plot.morphology(cell, values), or give rb.morphology.discretise(tree)."
        )
    numbers = np.asarray(values.value, float)
    size, whole = len(parts.cut), int(parts.cut.membrane.sum())
    if numbers.ndim != rank or numbers.shape[-1] not in (size, whole):
        wanted = f"(time, {size})" if frames else f"({size},)"
        raise ShapeError(
            f"values are one for each of the {size} nodes, {wanted}, or for each of the {whole} "
            f"compartments, got the shape {numbers.shape}."
        )
    if numbers.shape[-1] == whole:
        full = np.full((*numbers.shape[:-1], size), np.nan)
        full[..., parts.cut.membrane] = numbers
        numbers = full
    return numbers[..., parts.node], label("", values.unit).strip().strip("()")


def coloured(lines: Any, parts: Pieces, values: Any, limits: Any, axes: Any) -> None:
    """Colour lines by region with a legend, or by values with a bar beside the axes."""
    from matplotlib.lines import Line2D

    if values is None:
        colours = region_colours(parts.tree)
        lines.set_color([colours[parts.tree.region[i]] for i in parts.section])
        marks = [Line2D([], [], color=c, linewidth=2.5, label=n) for n, c in colours.items()]
        axes.legend(handles=marks, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return
    numbers, unit = shown(parts, values)
    lines.set_array(numbers)
    lines.set_cmap(_SHADES)
    lines.set_clim(*(limits or (np.nanmin(numbers), np.nanmax(numbers))))
    axes.figure.colorbar(lines, ax=axes, shrink=0.6, label=unit)
