"""The shape of a neuron, coloured by region or by any variable, still or moving."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rheobase.errors import ShapeError, UnknownName
from rheobase.morphology.frusta import at
from rheobase.plot.arrays import numbers, require_length
from rheobase.plot.pieces import Pieces, coloured, pieces, shown
from rheobase.plot.style import drawing, look
from rheobase.units import ms

if TYPE_CHECKING:
    import matplotlib.animation
    import matplotlib.axes

PLANES = {"xy": (0, 1), "xz": (0, 2), "yz": (1, 2), "yx": (1, 0), "zx": (2, 0), "zy": (2, 1)}
View = Literal["xy", "xz", "yz", "yx", "zx", "zy", "3d"]
_THINNEST = 0.5
"""Points: thinner lines cannot be seen."""


def morphology(
    source: Any,
    values: Any = None,
    *,
    view: View = "xy",
    limits: tuple[float, float] | None = None,
    ax: "matplotlib.axes.Axes | None" = None,
) -> "matplotlib.axes.Axes":
    """A neuron seen from a side or in space, its neurites as thick as they are.

    **Arguments:**

    - `source`: a tree, its compartments, or a cell.
    - `values`: a quantity for each node or each compartment, (nodes,), such as `run.v[-1] * mV` of
      a run that recorded all of them; without it colours are those of the regions.
    - `view`: the plane, "xy" (the default), "xz", "yz" and so on, or "3d".
    - `limits`: of the colours, in the unit of the values.
    - `ax`: axes to draw on, for "3d" with that projection; a new figure without it.

    **Raises:** `UnitError` for values without a unit, `ShapeError` where they are not one for each
    node, `UnknownName` for an unknown view.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import um
        >>> stick = rb.morphology.ball_and_stick(length=200 * um)
        >>> rb.plot.morphology(stick).get_ylabel()
        'y (um)'
        >>> cut = rb.morphology.discretise(stick, max_length=20 * um)
        >>> axes = rb.plot.morphology(cut, cut.path_distance * um)
    """
    parts = pieces(source)
    if values is not None:
        shown(parts, values)
    if view == "3d":
        return _space(parts, values, limits, ax)
    with drawing(ax, size=(5.0, 5.0)) as axes:
        _flat(parts, values, view, limits, axes)
    return axes


def animation(  # noqa: PLR0913
    source: Any,
    values: Any,
    t: Any,
    *,
    view: View = "xy",
    limits: tuple[float, float] | None = None,
    every: int = 1,
    ax: "matplotlib.axes.Axes | None" = None,
) -> "matplotlib.animation.FuncAnimation":
    """A variable over a neuron in time: `animation(...).save("spike.gif")`, or shown in a notebook.

    **Arguments:** as `morphology`, in a plane, and

    - `values`: a quantity of shape (time, nodes), such as `run.v * mV`.
    - `t`: times (ms), (time,).
    - `every`: draw every k-th sample.

    **Raises:** as `morphology`, and `ShapeError` where times and values do not fit.

    **Example:**

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> import rheobase as rb
        >>> from rheobase.units import ms, mV, um
        >>> cut = rb.morphology.discretise(rb.morphology.ball_and_stick(), max_length=50 * um)
        >>> wave = -65 + np.arange(4)[:, None] * np.ones(len(cut))
        >>> film = rb.plot.animation(cut, wave * mV, np.arange(4) * ms)
        >>> with TemporaryDirectory() as folder:
        ...     film.save(Path(folder) / "wave.gif", writer="pillow")
    """
    from matplotlib.animation import FuncAnimation

    parts = pieces(source)
    frames, _ = shown(parts, values, frames=True)
    times = numbers(t, ms, "t", "animation(..., t={})")
    require_length(frames, times, "an animation")
    if every < 1:
        raise ShapeError(f"`every` is a whole number >= 1, got {every}.")
    span = limits or (np.nanmin(frames), np.nanmax(frames))
    with drawing(ax, size=(5.0, 5.0)) as axes:
        lines, order = _flat(parts, values[0], view, span, axes)

    def draw(k: int) -> list:
        lines.set_array(frames[k][order])
        axes.set_title(f"{times[k]:.2f} ms")
        return [lines]

    figure: Any = axes.get_figure(root=True)
    return FuncAnimation(figure, draw, frames=range(0, len(times), every), interval=40)


def _flat(parts: Pieces, values: Any, view: str, limits: Any, axes: Any) -> tuple[Any, Any]:
    """The lines in a plane, and the order of the pieces in them."""
    from matplotlib.collections import LineCollection

    if view not in PLANES:
        raise UnknownName("view", view, [*PLANES, "3d"])
    plane = list(PLANES[view])
    ends = _within_caps(parts)[:, :, plane]
    # The thin ones in front of the thick ones, and the soma in front of all.
    soma = np.array([name == "soma" for name in parts.tree.region])[parts.section]
    order = np.lexsort((-parts.width, soma))
    lines = LineCollection(list(ends[order]), capstyle="round")
    lines.set_snap(False)  # else a soma that is one round end would have no length, and vanish
    behind = parts._replace(section=parts.section[order], node=parts.node[order])
    axes.add_collection(lines)
    low, high = ends.min(axis=(0, 1)), ends.max(axis=(0, 1))
    margin = 0.03 * (high - low).max() + parts.width.max() / 2
    axes.set_xlim(low[0] - margin, high[0] + margin)
    axes.set_ylim(low[1] - margin, high[1] + margin)
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlabel(f"{view[0]} (um)")
    axes.set_ylabel(f"{view[1]} (um)")
    coloured(lines, behind, values, limits, axes)
    axes.figure.draw_without_rendering()  # the size of a um on paper is known after that
    point = np.diff(axes.transData.transform([(0, 0), (0, 1)]), axis=0)[0, 1]
    lines.set_linewidth(np.maximum(parts.width[order] * point * 72 / axes.figure.dpi, _THINNEST))
    return lines, order


def _within_caps(parts: Pieces) -> np.ndarray:
    """The ends of the pieces, those of the root so far inside that its round ends fit."""
    ends = parts.ends.copy()
    own = np.flatnonzero(parts.section == 0)
    length = parts.tree.lengths[0]
    cap = min(parts.width[own].max(), length * (1 - 1e-3)) / 2
    for side in (0, 1):
        place = np.clip(parts.path[own, side], cap, length - cap)
        ends[own, side] = at(parts.tree.tube, np.zeros(len(own), int), place).points
    return ends


def _space(parts: Pieces, values: Any, limits: Any, ax: Any) -> Any:
    """The lines in space."""
    from mpl_toolkits.mplot3d.art3d import Line3DCollection

    with look():
        if ax is None:
            from matplotlib import pyplot

            ax = pyplot.figure(figsize=(5.5, 5.0)).add_subplot(projection="3d")
        low, high = parts.ends.min(axis=(0, 1)), parts.ends.max(axis=(0, 1))
        widths = np.maximum(parts.width * 250 / (high - low).max(), _THINNEST)
        lines = Line3DCollection(list(parts.ends), linewidths=widths)
        ax.add_collection3d(lines)
        coloured(lines, parts, values, limits, ax)
        middle = (low + high) / 2
        span = np.maximum(high - low, 0.1 * (high - low).max())  # a flat neuron too has a box
        low, high = middle - span / 2, middle + span / 2
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
        ax.set(xlabel="x (um)", ylabel="y (um)", zlabel="z (um)")
        ax.view_init(elev=15, azim=-60, vertical_axis="y")  # as it stands in the cortex
        ax.set_box_aspect(span)
    return ax
