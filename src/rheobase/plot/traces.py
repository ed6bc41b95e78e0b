"""A variable over time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rheobase.errors import ArgumentError, ShapeError, UnknownName, brief
from rheobase.plot.arrays import label, numbers, require_length
from rheobase.plot.raster import extent
from rheobase.plot.style import MAIN, PALETTE, drawing
from rheobase.record import Recording
from rheobase.units import Quantity, Unit, UnitError, ms

if TYPE_CHECKING:
    import matplotlib.axes

_MOST = 100
"""More lines than this are a mistake: nobody can tell them apart."""


def traces(
    source: Any,
    variable: str | None = None,
    *,
    t: Any = None,
    indices: int | Sequence[int] | None = None,
    ax: "matplotlib.axes.Axes | None" = None,
) -> "matplotlib.axes.Axes":
    """One variable of one or several neurons over time.

    Up to six neurons have a colour each and a legend; more are drawn alike.

    **Arguments:**

    - `source`: a `Recording`, or a quantity of shape (time,) or (time, n), such as `run.v * mV`.
    - `variable`: which one of the recording, by default the first; of a quantity, its name.
    - `t`: times (ms) of a quantity, shape (time,).
    - `indices`: which neurons, of those recorded.
    - `ax`: axes to draw on; a new figure without it.

    **Raises:** `UnknownName` for what was not recorded, `UnitError` for an array without unit,
    `ShapeError` for a batch of populations, for more than 100 neurons and for neurons that are not
    there, `ArgumentError` where nothing was recorded.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import ms, nA
        >>> run = rb.simulate(rb.AdEx(), current=1 * nA, duration=100 * ms, dt=0.1 * ms,
        ...                   record=("v", "w"))
        >>> rb.plot.traces(run, "w").get_ylabel()
        'w (nA)'
    """
    t, values, name, unit = _data(source, variable, t)
    values, names = _chosen(values, indices)
    count = values.shape[1]
    with drawing(ax, size=(6.0, 2.4)) as axes:
        for i in range(count):
            few = count <= len(PALETTE)
            axes.plot(
                t,
                values[:, i],
                color=PALETTE[i] if few else MAIN,
                alpha=1.0 if few else 0.35,
                linewidth=1.1 if few else 0.7,
                label=f"neuron {names[i]}" if few and count > 1 else None,
            )
        axes.set_xlabel("time (ms)")
        axes.set_ylabel(label(name, unit))
        if isinstance(source, Recording):
            axes.set_xlim(*extent(source))
        if 1 < count <= len(PALETTE):
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=count, borderpad=0.2)
    return axes


def recorded(run: Recording, variable: str | None) -> str:
    """The name of a recorded variable, the first where none is asked for."""
    if not run.traces:
        raise ArgumentError(
            "this run kept no variable to draw. "
            f"Write rb.simulate(..., record=({variable or 'v'!r},))."
        )
    name = next(iter(run.traces)) if variable is None else variable
    if name not in run.traces:
        raise UnknownName("recorded variable", name, run.traces)
    return name


def _data(source: Any, variable: str | None, t: Any) -> tuple[np.ndarray, np.ndarray, str, Unit]:
    """Times, values of shape (time, n) or (time,), name and unit."""
    if isinstance(source, Recording):
        name = recorded(source, variable)
        return source.t, np.asarray(source[name]), name, source.units[name]
    if not isinstance(source, Quantity):
        raise UnitError(
            f"an array has no unit for its axis, got {brief(source)}. "
            "Write rb.plot.traces(v * mV, 'v', t=run.t), or rb.plot.traces(run, 'v')."
        )
    if t is None:
        raise ShapeError(
            "a quantity needs times: write rb.plot.traces(v * mV, 'v', t=run.t), "
            "or rb.plot.traces(run, 'v')."
        )
    times = numbers(t, ms, "t", "traces(..., t={})")
    values = np.asarray(source.value, float)
    require_length(values, times, "a trace")
    return times, values, variable or "", source.unit


def _chosen(values: np.ndarray, indices: Any) -> tuple[np.ndarray, Sequence[int]]:
    """Values of shape (time, m) of the neurons that are drawn, and their numbers."""
    if values.ndim > 2:
        raise ShapeError(
            f"traces draws one population, got values of shape {values.shape}. Choose one of the "
            "batch: rb.plot.traces(run.v[:, 0] * mV, 'v', t=run.t)."
        )
    values = values.reshape(len(values), -1)
    count = values.shape[1]
    chosen = range(count) if indices is None else [int(i) for i in np.ravel(indices)]
    if any(not -count <= i < count for i in chosen):
        raise ShapeError(
            f"`indices` asks for neurons {list(chosen)}, but {count} were recorded. "
            f"Choose from 0 to {count - 1}."
        )
    if len(chosen) > _MOST:
        raise ShapeError(
            f"{len(chosen)} traces in one picture cannot be told apart. "
            "Write rb.plot.traces(run, indices=range(5))."
        )
    return values[:, list(chosen)], chosen
