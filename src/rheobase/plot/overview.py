"""A run of one neuron at a glance: spikes, voltage, the other variables, the stimulus."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractNeuron
from rheobase.plot.arrays import label, numbers, threshold_of
from rheobase.plot.raster import extent
from rheobase.plot.style import ACCENT, MAIN, PALETTE, QUIET, panels
from rheobase.plot.traces import recorded
from rheobase.record import Recording
from rheobase.stimulus import AbstractStimulus, Grid
from rheobase.units import Quantity, Unit, mV, nA

if TYPE_CHECKING:
    import matplotlib.axes


def overview(
    run: Recording,
    stimulus: AbstractStimulus | Quantity | None = None,
    *,
    neuron: AbstractNeuron | None = None,
    threshold: Quantity | None = None,
    index: int = 0,
    title: str = "",
    ax: "Sequence[matplotlib.axes.Axes] | None" = None,
) -> "tuple[matplotlib.axes.Axes, ...]":
    """One neuron of a run, in panels over one time axis.

    On top the voltage with a tick above it for each spike and the threshold dashed; below a panel
    for every other recorded variable; at the bottom, narrow, the stimulus.

    **Arguments:**

    - `run`: with the voltage recorded.
    - `stimulus`: what went in as `current` or `delta`, or its values of shape (time,).
    - `neuron`: what was simulated, to draw its threshold, also one that moves.
    - `threshold`: instead of `neuron`, a fixed one.
    - `index`: which neuron of a population.
    - `title`: above the picture.
    - `ax`: as many axes as panels, from top to bottom; a new figure without them.

    **Returns:** the axes from top to bottom.

    **Raises:** `ArgumentError` or `UnknownName` where the voltage, or what moves the threshold,
    was not recorded; `ShapeError` for a batch, an index that is not there, a stimulus of other
    length or another number of axes.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import ms, nA
        >>> neuron, pulse = rb.AdEx(), rb.stimulus.Step(1 * nA, start=20 * ms, stop=180 * ms)
        >>> run = rb.simulate(neuron, current=pulse, duration=200 * ms, dt=0.1 * ms, record=("v",))
        >>> [panel.get_ylabel() for panel in rb.plot.overview(run, pulse, neuron=neuron)]
        ['v (mV)', 'I (nA)']
    """
    recorded(run, "v")
    traces = {name: _one(values, index, name) for name, values in run.traces.items()}
    below = [name for name in traces if name != "v"]
    level = _level(run, index, neuron, threshold)
    spikes = _spike_times(run, index)
    drive = None if stimulus is None else _values(run, stimulus, index)
    heights = [3.2, *[1.1] * len(below), *([0.8] if drive else [])]
    if ax is not None and len(ax) != len(heights):
        raise ShapeError(
            f"this picture has {len(heights)} panels, got {len(ax)} axes. Write "
            f"ax=pyplot.subplots({len(heights)}, sharex=True)[1]."
        )
    with panels(ax, (6.0, 0.62 * sum(heights) + 0.7), heights) as axes:
        _draw_voltage(axes[0], run, traces["v"], spikes, level)
        for panel, name, color in zip(axes[1:], below, PALETTE[2:] * 3, strict=False):
            panel.plot(run.t, traces[name], color=color)
            panel.set_ylabel(label(name, run.units[name]))
        if drive:
            _draw_stimulus(axes[-1], run, *drive)
        for panel in axes:
            panel.set_xlim(*extent(run))
            panel.margins(y=0.12)
        for panel in axes[:-1]:
            panel.tick_params(labelbottom=False)
        axes[-1].set_xlabel("time (ms)")
        if title:
            axes[0].set_title(title, loc="left")
    return tuple(axes)


def _one(values: Any, index: int, name: str) -> np.ndarray:
    """The trace of one neuron, shape (time,)."""
    values = np.asarray(values)
    if values.ndim > 2:
        raise ShapeError(
            f"overview draws one neuron of a population, got `{name}` of shape {values.shape}. "
            "Simulate without the batch, or use rb.plot.traces."
        )
    values = values.reshape(len(values), -1)
    if not -values.shape[1] <= index < values.shape[1]:
        raise ShapeError(
            f"`index` asks for neuron {index}, but {values.shape[1]} were recorded. "
            f"Choose from 0 to {values.shape[1] - 1}."
        )
    return values[:, index]


def _spike_times(run: Recording, index: int) -> np.ndarray:
    if run.raster is None:
        return np.empty(0)
    kept = np.asarray(run["v"]).reshape(len(run.t), -1).shape[1]
    if kept != max(1, run.raster.size // run.steps):
        raise ShapeError(
            f"this run kept the voltage of {kept} and the spikes of {run.raster.size // run.steps} "
            "neurons, and not which belong together. Record the voltage of all."
        )
    times = run.spike_times()
    return times[index] if isinstance(times, list) else times


def _level(
    run: Recording, index: int, neuron: AbstractNeuron | None, given: Quantity | None
) -> np.ndarray | None:
    """The threshold (mV) at each recorded time."""
    if given is not None:
        level = numbers(given, mV, "threshold", "overview(..., threshold={})")
        return np.broadcast_to(level, run.t.shape)
    if neuron is None:
        return None
    if not isinstance(neuron, AbstractNeuron):
        raise ArgumentError(
            f"`neuron` is what was simulated and has a threshold, got {brief(neuron)}. Write "
            "rb.plot.overview(run, neuron=neuron), or leave it out."
        )
    rest = neuron.init()
    for name, _ in variables.items(rest):
        if name not in run.traces and _moved_by(neuron, rest, name):
            raise ArgumentError(
                f"the threshold of {type(neuron).__name__} moves with {name}, which was not "
                f"recorded. Write rb.simulate(..., record=('v', {name!r}))."
            )

    def at(values: dict[str, jax.Array]) -> jax.Array:
        """The thresholds at one time, of all neurons: each may have parameters of its own."""
        state = rest
        for name, value in values.items():
            state = variables.replace(state, name, value)
        return threshold_of(neuron, state)

    columns = {n: jnp.asarray(x).reshape(len(x), -1) for n, x in run.traces.items()}
    level = np.asarray(jax.vmap(at)(columns))
    return level[:, index if level.shape[1] > 1 else 0]


def _moved_by(neuron: AbstractNeuron, rest: Any, name: str) -> bool:
    """Whether the margin depends on the variable `name`, the voltage apart."""
    value = variables.get(rest, name)
    if name == "v" or not jnp.issubdtype(value.dtype, jnp.floating):
        return False
    moved = variables.replace(rest, name, value + 1)
    return bool(jnp.any(neuron.margin(moved) != neuron.margin(rest)))


def _values(
    run: Recording, stimulus: AbstractStimulus | Quantity, index: int
) -> tuple[np.ndarray, Unit]:
    """The stimulus in each step of the run, and its unit."""
    if not isinstance(stimulus, AbstractStimulus | Quantity):
        raise ArgumentError(
            f"`stimulus` is a stimulus or a quantity, got {brief(stimulus)}. "
            "Write rb.plot.overview(run, 2*nA)."
        )
    if isinstance(stimulus, Quantity):
        values, unit = np.asarray(stimulus.value, float), stimulus.unit
        if values.ndim and values.shape[0] not in (1, run.steps):
            raise ShapeError(
                f"`stimulus` needs one value for each of the {run.steps} steps, got shape "
                f"{values.shape}. Pass the stimulus itself: rb.plot.overview(run, stimulus)."
            )
    else:
        values, unit = _replayed(run, stimulus), stimulus.unit
    values = np.atleast_1d(values).reshape(np.shape(values)[0] if np.ndim(values) else 1, -1)
    chosen = values[:, index if values.shape[1] > 1 else 0]
    return np.broadcast_to(chosen, (run.steps,)), unit


def _replayed(run: Recording, stimulus: AbstractStimulus) -> np.ndarray:
    """The values that a stimulus had in a run, random ones too: they follow from the run's key."""
    state = jax.tree.leaves(run.final.neuron)[0]
    memory = stimulus.start(state.shape, state.dtype)
    if jax.tree.leaves(memory) and int(run.start) > 0:
        raise ArgumentError(
            f"{type(stimulus).__name__} goes on from an earlier run, of which nothing is known "
            "here. Draw the first run, or leave out the stimulus."
        )
    key = None if run.final.key is None else jax.random.split(run.final.key, 3)[0]
    grid = Grid(run.start.ahead(run.steps), run.dt, state.shape, state.dtype)
    return np.asarray(stimulus.ready(run.dt).values(grid, memory, key)[0])


def _draw_voltage(
    ax: "matplotlib.axes.Axes",
    run: Recording,
    v: np.ndarray,
    spikes: np.ndarray,
    level: np.ndarray | None,
) -> None:
    ax.plot(run.t, v, color=MAIN)
    top, height = float(np.max(v)), float(np.ptp(v)) or 1.0
    if level is not None:
        ax.plot(run.t, level, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        top = max(top, float(np.max(level)))
    ends = [top + 0.06 * height, top + 0.2 * height, np.nan]
    ax.plot(np.repeat(spikes, 3), np.tile(ends, spikes.size), color=ACCENT, linewidth=1.1)
    ax.set_ylabel(label("v", run.units["v"]))


def _draw_stimulus(
    ax: "matplotlib.axes.Axes", run: Recording, values: np.ndarray, unit: Unit
) -> None:
    begin, end = extent(run)
    edges = np.linspace(begin, end, run.steps + 1)
    ax.stairs(values, edges, baseline=0, fill=True, color=QUIET, alpha=0.35, linewidth=0)
    ax.stairs(values, edges, baseline=None, color=QUIET, linewidth=1.0)
    name = "I" if unit.same_dimension(nA) else "input"
    ax.set_ylabel(label(name, unit))
