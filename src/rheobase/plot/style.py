"""The look of every picture, and where it is drawn."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.ticker

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours that the colour-blind tell apart. Source: Okabe & Ito 2008, without black and yellow."""

MAIN, ACCENT = PALETTE[:2]
INK = "#262626"
QUIET = "#8c8c8c"
"""Of what helps to read a picture and is not data: thresholds, zero lines, arrows."""

_RC: dict[Any, Any] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9.5,
    "figure.dpi": 110,
    "figure.figsize": (6.0, 3.0),
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "lines.linewidth": 1.2,
    "lines.solid_capstyle": "round",
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 8.5,
    "xtick.major.size": 3,
    "xtick.major.width": 0.7,
    "ytick.color": INK,
    "ytick.labelsize": 8.5,
    "ytick.major.size": 3,
    "ytick.major.width": 0.7,
}


@contextmanager
def look() -> Iterator[tuple[str, ...]]:
    """Give a figure that is made inside the look of these pictures; nothing remains changed.

    `with rb.plot.look() as colours:` gives the six colours, in which lines are drawn one after
    the other. The colour-blind tell them apart.

    **Example:** two pictures side by side.

        >>> from matplotlib.figure import Figure
        >>> import rheobase as rb
        >>> with rb.plot.look():
        ...     left, right = Figure(figsize=(8, 3)).subplots(1, 2)
        >>> _ = rb.plot.surrogate(rb.surrogate.Sigmoid(), ax=left)
        >>> _ = rb.plot.surrogate(rb.surrogate.Triangle(), ax=right)
    """
    import matplotlib as mpl
    from cycler import cycler

    with mpl.rc_context({**_RC, "axes.prop_cycle": cycler(color=PALETTE)}):
        yield PALETTE


@contextmanager
def drawing(ax: Any, size: tuple[float, float]) -> Iterator["matplotlib.axes.Axes"]:
    """The axes to draw on, with the look of this library while they are drawn on.

    Without `ax` a new figure of pyplot of `size` (inch) is made. The caller has checked its
    arguments before: an error leaves no empty figure behind.
    """
    with panels(None if ax is None else [ax], size, [1.0]) as (only,):
        yield only


@contextmanager
def panels(
    axes: Sequence[Any] | None, size: tuple[float, float], heights: Sequence[float]
) -> Iterator["list[matplotlib.axes.Axes]"]:
    """As `drawing`, for panels of relative `heights` over one horizontal axis."""
    with look():
        if axes is not None:
            yield list(axes)
            return
        from matplotlib import pyplot

        ratios = {"height_ratios": list(heights)}
        grid = pyplot.subplots(
            len(heights), figsize=size, sharex=True, squeeze=False, gridspec_kw=ratios
        )[1]
        yield list(grid[:, 0])


def whole_numbers() -> "matplotlib.ticker.Locator":
    """Tick marks at whole numbers only, for counts."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True, min_n_ticks=1)
