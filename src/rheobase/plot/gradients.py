"""Gradient methods side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.gradients import Comparison
from rheobase.plot.style import MAIN, QUIET, look

if TYPE_CHECKING:
    import matplotlib.axes


def gradients(
    comparison: Comparison, *, ax: "Sequence[matplotlib.axes.Axes] | None" = None
) -> "tuple[matplotlib.axes.Axes, ...]":
    """Direction, time and memory of each method of a comparison, a panel each.

    **Arguments:**

    - `comparison`: what `rb.gradients.compare` returns.
    - `ax`: three axes to draw on; a new figure without them.

    **Raises:** `ArgumentError` for what is no comparison, `ShapeError` for another number of axes.

    **Example:**

        >>> import numpy as np, rheobase as rb
        >>> model = rb.Sequential(rb.Linear(4, 20), rb.LIF(), rb.Linear(20, 2), rb.LI())
        >>> methods = [rb.gradients.Surrogate(), rb.gradients.EProp()]
        >>> batch = np.full((8, 30, 4), 2.0), np.zeros(8, int)
        >>> axes = rb.plot.gradients(rb.gradients.compare(model, batch, methods))
        >>> axes[1].get_xlabel()
        'time of a step (ms)'
    """
    import matplotlib.pyplot as plt

    if not isinstance(comparison, Comparison):
        raise ArgumentError(
            f"gradients draws a comparison, got {brief(comparison)}. "
            f"Write rb.plot.gradients(rb.gradients.compare(model, batch, methods))."
        )
    rows = comparison.rows
    with look():
        if ax is None:
            size = (7.5, 0.9 + 0.32 * len(rows))
            _, ax = plt.subplots(1, 3, figsize=size, sharey=True)
        axes = tuple(np.ravel(np.asarray(ax, object)))
        if len(axes) != 3:
            raise ShapeError(f"gradients draws 3 panels, got {len(axes)} axes.")
        panels = (
            (f"cosine to {comparison.reference}", [r.cosine for r in rows]),
            ("time of a step (ms)", [1000 * r.seconds for r in rows]),
            ("memory (MB)", [r.megabytes for r in rows]),
        )
        places = np.arange(len(rows))
        for panel, (label, values) in zip(axes, panels, strict=True):
            panel.barh(places, values, color=MAIN, height=0.62)
            panel.set_xlabel(label)
            panel.margins(x=0.12)
        axes[0].axvline(0, color=QUIET, linewidth=0.7)
        axes[0].set_yticks(places, [r.method for r in rows])
        axes[0].set_ylim(len(rows) - 0.4, -0.6)
    return axes
