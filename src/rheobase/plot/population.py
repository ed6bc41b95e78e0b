"""What a population or a network does: every spike, and how many at a time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rheobase.analysis import population_rate
from rheobase.analysis.trains import trains_of
from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.plot.style import MAIN, PALETTE, panels, whole_numbers
from rheobase.trains import AbstractRecorded, Trains
from rheobase.units import Quantity, ms

if TYPE_CHECKING:
    import matplotlib.axes

_PANELS = (2.6, 1.0)
_MANY = 3
"""More rates than this over each other hide each other."""


def population(
    spikes: Any,
    bin: Quantity | None = None,
    *,
    n: int | None = None,
    duration: Quantity | None = None,
    most: int = 400,
    title: str = "",
    ax: "Sequence[matplotlib.axes.Axes] | None" = None,
) -> "tuple[matplotlib.axes.Axes, ...]":
    """Spikes above, the rate of the population below, over one time axis.

    The populations of a network are drawn upon each other, the first on top, each in its colour;
    of more than three the rate is that of all neurons together.

    **Arguments:**

    - `spikes`: the `Recording` of a population, or that of a network; or events, a pair of arrays
      (time in ms, neuron), with the number of neurons `n` and the observed `duration`.
    - `bin`: in which the rate of the whole population is counted; 2 ms, or the run if shorter.
    - `most`: how many neurons have a row above, evenly chosen from all.
    - `title`: above the picture.
    - `ax`: two axes, from top to bottom; a new figure without them.

    **Returns:** the axes from top to bottom.

    **Raises:** `ShapeError` for a batch of populations, for a bin longer than the run and for
    another number of axes.

    **Example:**

        >>> import jax
        >>> import rheobase as rb
        >>> from rheobase.units import ms
        >>> classic = rb.classics.cuba(jax.random.key(0), n=400)
        >>> run = classic.run(jax.random.key(1), duration=50 * ms)
        >>> [panel.get_ylabel() for panel in rb.plot.population(run["e"])]
        ['neuron', 'rate (Hz)']
    """
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise ArgumentError(f"`most` is a number of neurons, at least 1, got {brief(most)}.")
    if ax is not None and len(ax) != len(_PANELS):
        raise ShapeError(
            f"this picture has {len(_PANELS)} panels, got {len(ax)} axes. Write "
            f"ax=pyplot.subplots({len(_PANELS)}, sharex=True)[1]."
        )
    whole = isinstance(spikes, AbstractRecorded) and n is None and duration is None
    parts = spikes.parts() if whole else {"": trains_of(spikes, n, duration)}
    first = next(iter(parts.values()))
    bin = min(2.0, first.duration) * ms if bin is None else bin
    rates = {name: population_rate(each, bin) for name, each in parts.items()}
    with panels(ax, (6.0, 3.6), _PANELS) as axes:
        above, below = axes
        _draw_spikes(above, parts, most)
        colors = _colors(parts)
        if len(parts) > _MANY:
            total = sum(part.n for part in parts.values())
            t = next(iter(rates.values()))[0]
            mean = sum(rates[name][1] * part.n for name, part in parts.items()) / total
            rates, colors = {"": (t, mean)}, [MAIN]
        for (t, rate), color in zip(rates.values(), colors, strict=True):
            if len(rates) == 1:
                below.fill_between(t, rate, color=color, alpha=0.3, linewidth=0, step="mid")
            below.plot(t, rate, color=color, linewidth=0.8, drawstyle="steps-mid")
        below.set_ylim(bottom=0)
        below.set_ylabel("rate (Hz)")
        below.set_xlabel("time (ms)")
        for panel in axes:
            panel.set_xlim(first.begin, first.end)
        above.tick_params(labelbottom=False)
        if title:
            above.set_title(title, loc="left")
    return tuple(axes)


def _colors(parts: dict[str, Trains]) -> list[str]:
    return [MAIN] if len(parts) == 1 else [PALETTE[i % len(PALETTE)] for i in range(len(parts))]


def _draw_spikes(ax: "matplotlib.axes.Axes", parts: dict[str, Trains], most: int) -> None:
    """A dot for each spike, smaller where there are many."""
    total = sum(part.n for part in parts.values())
    rows = np.unique(np.linspace(0, total - 1, min(most, total)).round().astype(int))
    places, base = {}, total
    dots = []
    for name, part in parts.items():
        base -= part.n
        places[name] = base + (part.n - 1) / 2
        shown = np.isin(part.neuron + base, rows)
        dots.append((part.times[shown], part.neuron[shown] + base))
    size = float(np.clip(100 / np.sqrt(max(sum(t.size for t, _ in dots), 1)), 0.8, 5.0))
    for (times, neuron), color in zip(dots, _colors(parts), strict=True):
        ax.plot(times, neuron, ".", color=color, markersize=size, markeredgewidth=0)
    ax.set_ylim(-0.01 * total - 0.5, 1.01 * total - 0.5)
    if len(parts) > 1:
        ax.set_yticks(list(places.values()), list(places))
        for label, color in zip(ax.get_yticklabels(), _colors(parts), strict=True):
            label.set_color(color)
        ax.tick_params(axis="y", length=0)
    else:
        ax.yaxis.set_major_locator(whole_numbers())
    ax.set_ylabel("neuron" if len(rows) == total else f"neurons ({len(rows)} of {total:,})")
