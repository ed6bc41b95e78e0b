"""Spikes of a population over time."""

from typing import TYPE_CHECKING, Any

import numpy as np

from rheobase.analysis.trains import trains_of
from rheobase.errors import ShapeError
from rheobase.plot.arrays import numbers, require_length
from rheobase.plot.style import MAIN, drawing, whole_numbers
from rheobase.record import Recording
from rheobase.units import Quantity, ms

if TYPE_CHECKING:
    import matplotlib.axes


def raster(
    spikes: Any,
    t: Any = None,
    *,
    color: str = MAIN,
    ax: "matplotlib.axes.Axes | None" = None,
) -> "matplotlib.axes.Axes":
    """One row for each neuron, one tick for each spike.

    **Arguments:**

    - `spikes`: a `Recording`; or events, a tuple of times (ms) and whole numbers of neurons, as
      `run.events` gives them; or spike times (ms), one array or a list with one array a neuron, as
      `run.spike_times()` gives them; or with `t` an array of 0 and 1, shape (time,) or (time, n).
    - `t`: times (ms) of the rows of such an array, shape (time,).
    - `color`: of the ticks.
    - `ax`: axes to draw on; a new figure without it.

    **Raises:** `ShapeError` for a batch of populations and for an array without times.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import ms, nA
        >>> run = rb.simulate(rb.LIF(), current=[1.6, 2, 3] * nA, duration=50 * ms, dt=0.1 * ms)
        >>> rb.plot.raster(run).get_xlabel()
        'time (ms)'
    """
    trains = _trains(spikes, t)
    # One line through all ticks, broken between them, is drawn much faster than a line for each.
    times = np.concatenate([np.empty(0), *trains])
    rows = np.repeat(np.arange(len(trains)), [len(train) for train in trains])
    x = np.repeat(times, 3)
    # A tick fills its row, and is longer where rows are thin and spikes are few enough to see each.
    half = max(0.4, 0.006 * len(trains) * min(1.0, 3000 / max(times.size, 1)))
    y = (rows[:, None] + np.array([-half, half, np.nan])).ravel()
    with drawing(ax, size=(6.0, float(np.clip(0.9 + 0.14 * len(trains), 1.3, 3.4)))) as axes:
        axes.plot(x, y, color=color, linewidth=0.9, solid_capstyle="butt")
        axes.set_ylim(-0.7, len(trains) - 0.3)
        axes.yaxis.set_major_locator(whole_numbers())
        axes.set_xlabel("time (ms)")
        axes.set_ylabel("neuron")
        if isinstance(spikes, Recording):
            axes.set_xlim(*extent(spikes))
    return axes


def extent(run: Recording) -> tuple[float, float]:
    """Begin and end of a run in ms."""
    begin = int(run.start) * run.dt
    return begin, begin + run.steps * run.dt


def _trains(spikes: Any, t: Any) -> list[np.ndarray]:
    """The spike times (ms) of each neuron."""
    if isinstance(spikes, Recording):
        if spikes.spikes.ndim > 2:
            raise ShapeError(
                f"raster draws one population, got spikes of shape {spikes.spikes.shape}. Choose "
                "one of the batch: rb.plot.raster(run.spikes[:, 0], t=run.t)."
            )
        on_grid = spikes.fractions is None
        return trains_of(spikes).each() if on_grid else _listed(spikes.spike_times())
    if _are_events(spikes):
        neurons = np.asarray(spikes[1])
        times = numbers(spikes[0], ms, "spikes", "raster(({}, neurons))")
        return trains_of((times, neurons), int(neurons.max(initial=-1)) + 1, 1 * ms).each()
    if t is not None:
        return _from_array(np.asarray(spikes), numbers(t, ms, "t", "raster(spikes, t={})"))
    if isinstance(spikes, np.ndarray) or not isinstance(spikes, Quantity | list | tuple):
        spikes = np.asarray(spikes)
        binary = spikes.ndim == 1 and spikes.size > 2 and np.isin(spikes, (0, 1)).all()
        if spikes.ndim != 1 or binary:
            raise ShapeError(
                f"an array of 0 and 1 of shape {spikes.shape} needs times: write "
                "rb.plot.raster(run.spikes, t=run.t), or rb.plot.raster(run)."
            )
    return _listed(spikes)


def _are_events(spikes: Any) -> bool:
    """Whether they are times with their neurons, and not the times of two neurons."""
    return (
        isinstance(spikes, tuple)
        and len(spikes) == 2
        and np.ndim(spikes[1]) == 1
        and np.issubdtype(np.asarray(getattr(spikes[1], "value", spikes[1])).dtype, np.integer)
    )


def _listed(times: Any) -> list[np.ndarray]:
    """Spike times of one neuron, or of each, as a list of arrays."""
    if isinstance(times, list | tuple) and any(np.ndim(getattr(x, "value", x)) for x in times):
        return [numbers(x, ms, "spikes", "raster([{}])").ravel() for x in times]
    return [numbers(times, ms, "spikes", "raster({})")]


def _from_array(spikes: np.ndarray, t: np.ndarray) -> list[np.ndarray]:
    require_length(spikes, t, "a raster")
    if spikes.ndim > 2:
        raise ShapeError(
            f"raster draws one population, got an array of shape {spikes.shape}. "
            "Choose one of the batch: rb.plot.raster(run.spikes[:, 0], t=run.t)."
        )
    return [t[row > 0] for row in spikes.reshape(len(t), -1).T]
