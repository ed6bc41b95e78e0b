"""A neuron as a tree of straight lines: which branch grows from which, and how far away."""

from typing import TYPE_CHECKING, Any

import numpy as np

from rheobase.morphology import Tree
from rheobase.plot.pieces import coloured, pieces, shown
from rheobase.plot.style import QUIET, drawing

if TYPE_CHECKING:
    import matplotlib.axes


def dendrogram(
    source: Any,
    values: Any = None,
    *,
    limits: tuple[float, float] | None = None,
    ax: "matplotlib.axes.Axes | None" = None,
) -> "matplotlib.axes.Axes":
    """Sections as vertical lines over the path from the soma, side by side, as thick as they are.

    **Arguments:**

    - `source`: a tree, its compartments, or a cell.
    - `values`: a quantity for each node or each compartment, (nodes,); without it colours are those
      of the regions.
    - `limits`: of the colours, in the unit of the values.
    - `ax`: axes to draw on; a new figure without it.

    **Raises:** `UnitError` for values without a unit, `ShapeError` where they are not one for each
    node.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import um
        >>> stick = rb.morphology.ball_and_stick(length=200 * um)
        >>> rb.plot.dendrogram(stick).get_ylabel()
        'path from the soma (um)'
    """
    from matplotlib.collections import LineCollection

    parts = pieces(source)
    if values is not None:
        shown(parts, values)
    tree = parts.tree
    column = columns(tree)
    height = np.abs(tree.begins[parts.section][:, None] + parts.path)
    across = np.repeat(column[parts.section][:, None], 2, axis=1)
    with drawing(ax, size=(7.0, 3.6)) as axes:
        lines = LineCollection(list(np.stack([across, height], axis=-1)), capstyle="projecting")
        lines.set_linewidth(np.clip(parts.width, 0.7, 6.0).tolist())
        joints = [
            [(column[tree.parent[i]], tree.begins[i]), (column[i], tree.begins[i])]
            for i in range(1, len(tree))
        ]
        axes.add_collection(LineCollection(joints, colors=QUIET, linewidths=0.5))
        axes.add_collection(lines)
        axes.set_xlim(column.min() - 1, column.max() + 1)
        axes.set_ylim(0, 1.03 * height.max())
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.set_ylabel("path from the soma (um)")
        coloured(lines, parts, values, limits, axes)
    return axes


def columns(tree: Tree) -> np.ndarray:
    """Where each section stands: tips side by side, the others over the middle of their own."""
    column = np.zeros(len(tree))
    own: list[list[int]] = [[] for _ in range(len(tree))]
    for i in range(1, len(tree)):
        own[tree.parent[i]].append(i)
    # Regions together; depth first, so that no lines cross.
    order, stack = [], [0]
    while stack:
        i = stack.pop()
        order.append(i)
        stack += sorted(own[i], key=lambda k: tree.region[k], reverse=True)
    tips = 0
    for i in order:
        if not own[i]:
            column[i] = tips
            tips += 1
    for i in reversed(order):
        if own[i]:
            column[i] = np.mean([column[k] for k in own[i]])
    return column
