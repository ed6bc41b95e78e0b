"""Nullclines and flow of two variables of a neuron."""

from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase.errors import ArgumentError, ShapeError, UnknownName, brief
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane, AbstractNeuron, Onset, span
from rheobase.plot.arrays import label, numbers, threshold_of
from rheobase.plot.style import ACCENT, INK, MAIN, QUIET, drawing
from rheobase.record import Recording
from rheobase.units import Quantity, Unit, to_internal

if TYPE_CHECKING:
    import matplotlib.axes

_FINE, _COARSE = 400, 17
"""Points of the grid along each axis: of the nullclines, of the arrows."""


class _Plane(NamedTuple):
    """Two variables of a neuron under a constant current, the others at rest."""

    neuron: AbstractMembrane
    current: jax.Array
    x: str
    y: str

    @eqx.filter_jit
    def flow(self, x: Any, y: Any) -> tuple[jax.Array, jax.Array]:
        """dx/dt and dy/dt, elementwise."""
        rest = self.neuron.init()
        kind = variables.get(rest, self.x).dtype
        x, y = jnp.broadcast_arrays(jnp.asarray(x, kind), jnp.asarray(y, kind))
        full = jax.tree.map(lambda z: jnp.broadcast_to(z, x.shape), rest)
        state = variables.replace(variables.replace(full, self.x, x), self.y, y)
        rates = self.neuron.derivative(state, self.current)
        return variables.get(rates, self.x), variables.get(rates, self.y)

    def rest(self) -> tuple[float, float]:
        state = self.neuron.init()
        return float(variables.get(state, self.x)), float(variables.get(state, self.y))


def phase_plane(
    neuron: AbstractMembrane,
    x: str = "v",
    y: str | None = None,
    *,
    current: Quantity | None = None,
    x_range: Quantity | None = None,
    y_range: Quantity | None = None,
    trajectory: Any = None,
    ax: "matplotlib.axes.Axes | None" = None,
) -> "matplotlib.axes.Axes":
    """The nullclines dx/dt = 0 and dy/dt = 0 of two variables, over arrows of the flow.

    The nullclines are the zero contours of `neuron.derivative`, all other variables being at their
    value of `neuron.init()`. Arrows have the direction of the flow in the picture, not its speed.

    **Arguments:**

    - `neuron`: one neuron with at least two variables.
    - `x`, `y`: names of the variables; by default the voltage and the next one.
    - `current`: constant input, none without it.
    - `x_range`, `y_range`: two values each, such as `[-80, -40] * mV`; found without them for a
      neuron whose x is the voltage.
    - `trajectory`: a `Recording` of both variables for one neuron, or a pair of arrays; it is
      broken at each reset and begins at the dot.
    - `ax`: axes to draw on; a new figure without it.

    **Raises:** `UnknownName` for a variable, `ShapeError` for a population, for a neuron of one
    variable and for a range that is none, `UnitError` for a current or range in another unit.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import nA
        >>> ax = rb.plot.phase_plane(rb.AdEx(), current=0.5 * nA)
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['dv/dt = 0', 'dw/dt = 0']
    """
    plane, units = _plane(neuron, x, y, current)
    path = None if trajectory is None else _path(trajectory, plane, units)
    xlim = _range(x_range, units[plane.x], "x_range")
    ylim = _range(y_range, units[plane.y], "y_range")
    xlim, ylim = _completed(plane, xlim, ylim, path)
    with drawing(ax, size=(4.4, 3.6)) as axes:
        _draw_arrows(axes, plane, xlim, ylim)
        grid = np.linspace(*xlim, _FINE), np.linspace(*ylim, _FINE)
        rates = plane.flow(*np.meshgrid(*grid))
        for name, rate, color in zip((plane.x, plane.y), rates, (MAIN, ACCENT), strict=True):
            axes.plot(*_zeros(*grid, np.asarray(rate)), color=color, label=f"d{name}/dt = 0")
        if path is not None:
            axes.plot(*path, color=INK, linewidth=0.9, label="trajectory")
            axes.plot(path[0][0], path[1][0], "o", color=INK, markersize=3.5)
        axes.set_xlim(xlim)
        axes.set_ylim(ylim)
        axes.set_xlabel(label(plane.x, units[plane.x]))
        axes.set_ylabel(label(plane.y, units[plane.y]))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderpad=0.2)
    return axes


def _plane(
    neuron: Any, x: str, y: str | None, current: Quantity | None
) -> tuple[_Plane, dict[str, Unit]]:
    """The two variables, checked, and the units of all."""
    if not isinstance(neuron, AbstractMembrane):
        raise ArgumentError(
            f"phase_plane takes a neuron, got {brief(neuron)}. Write "
            "rb.plot.phase_plane(rb.AdEx())."
        )
    rest = neuron.init()
    units = variables.units(rest)
    owner = type(neuron).__name__
    moved = jax.eval_shape(
        neuron.derivative, rest, jax.ShapeDtypeStruct((), jnp.result_type(float))
    )
    if any(rate.ndim for rate in jax.tree.leaves((rest, moved))):
        raise ShapeError(
            f"phase_plane draws one neuron, and the parameters of this {owner} have the shape of a "
            f"population. Give each parameter one value."
        )
    others = [name for name in units if name != x]
    if x in units and not others:
        raise ShapeError(
            f"{owner} has one variable, {x}: a phase plane needs two. "
            "Write for example rb.plot.phase_plane(rb.AdEx())."
        )
    for name in (x, y):
        if name is not None and name not in units:
            raise UnknownName(f"variable of {owner}", name, units)
    given = 0 * neuron.receives if current is None else current
    drive = to_internal(given, neuron.receives, "current", "phase_plane(..., current={})")
    if drive.ndim:
        raise ShapeError(
            f"`current` is one value here, got {brief(current)}. Draw a picture for each."
        )
    return _Plane(neuron, drive, x, others[0] if y is None else y), units


def _range(given: Quantity | None, unit: Unit, name: str) -> tuple[float, float] | None:
    if given is None:
        return None
    ends = np.asarray(to_internal(given, unit, name, f"phase_plane(..., {name}={{}})"), float)
    if ends.shape != (2,) or not ends[0] < ends[1]:
        raise ShapeError(
            f"`{name}` is the lower and the upper end, got {brief(given)}. Write {name}=[0, "
            f"1]*{unit}."
        )
    return float(ends[0]), float(ends[1])


def _path(trajectory: Any, plane: _Plane, units: dict[str, Unit]) -> tuple[np.ndarray, np.ndarray]:
    """The two variables over time, with a gap after each spike."""
    run = trajectory if isinstance(trajectory, Recording) else None
    pair = trajectory if run is None else (run[plane.x], run[plane.y])
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise ShapeError(
            "`trajectory` is a Recording or a pair of arrays. Write trajectory=run, or "
            f"trajectory=(run.{plane.x}, run.{plane.y})."
        )
    x, y = (
        numbers(value, units[name], "trajectory", "phase_plane(..., trajectory=({}, ...))")
        for name, value in zip((plane.x, plane.y), pair, strict=True)
    )
    if x.ndim == 2 and x.shape[1] == 1:
        x, y = x[:, 0], y.reshape(len(y), -1)[:, 0]
    if x.ndim != 1 or x.shape != y.shape:
        raise ShapeError(
            f"`trajectory` is that of one neuron, got arrays of shape {x.shape} and {y.shape}. "
            f"Write trajectory=(run.{plane.x}[:, 0], run.{plane.y}[:, 0])."
        )
    resets = plane.neuron.onset is not Onset.EDGE
    if run is None or run.raster is None or run.raster.size != x.size or not resets:
        return x, y
    after = np.flatnonzero(np.asarray(run.raster).reshape(len(x))) + 1
    return np.insert(x, after, np.nan), np.insert(y, after, np.nan)


def _completed(
    plane: _Plane,
    xlim: tuple[float, float] | None,
    ylim: tuple[float, float] | None,
    path: tuple[np.ndarray, np.ndarray] | None,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Both ranges; where not given, such that rest, reset and the bends of the nullclines show."""
    wanted = xlim is None
    if xlim is None:
        xlim = _voltages(plane, path)
    if ylim is None:
        ylim = _heights(plane, xlim, path)
    runs_away = plane.neuron.onset is Onset.UPSTROKE
    if wanted and runs_away:
        # Right of where its nullcline leaves the picture there is nothing but the upstroke.
        grid = np.linspace(*xlim, _FINE), np.linspace(*ylim, _FINE)
        on_x, _ = _zeros(*grid, np.asarray(plane.flow(*np.meshgrid(*grid))[0]))
        if np.isfinite(on_x).any():
            right = np.nanmax(on_x) + 0.25 * (np.nanmax(on_x) - xlim[0])
            xlim = xlim[0], min(xlim[1], float(right))
    return xlim, ylim


def _voltages(plane: _Plane, path: Any) -> tuple[float, float]:
    """From below rest and reset to the threshold, and all that the trajectory reaches."""
    if plane.x != "v" or not isinstance(plane.neuron, AbstractNeuron):
        raise ShapeError(
            f"there is no range of {plane.x} to begin with: give the lower and the upper end, "
            f"x_range=[...]*{variables.units(plane.neuron.init())[plane.x]}."
        )
    rest = plane.neuron.init()
    top = threshold_of(plane.neuron, rest)
    known = [plane.rest()[0], float(top), float(top - span(plane.neuron, rest))]
    if plane.neuron.onset is Onset.EDGE:
        known.append(known[1] + 0.6 * (known[1] - known[0]))  # its spikes go on above
    if path is not None:
        known += [float(np.nanmin(path[0])), float(np.nanmax(path[0]))]
    width = max(known) - min(known)
    return min(known) - 0.15 * width, max(known) + 0.05 * width


def _heights(plane: _Plane, xlim: tuple[float, float], path: Any) -> tuple[float, float]:
    """Around rest, reset, the y-nullcline and the bends of the x-nullcline."""
    rest = plane.rest()
    x = jnp.linspace(*xlim, _FINE)

    # One step of Newton's method from rest: exact where the flow is linear in y, as it mostly is.
    def solved(which: int) -> np.ndarray:
        def rate(y: jax.Array) -> jax.Array:
            return plane.flow(x, y)[which]

        y = jnp.full(x.shape, rest[1])
        at_rest, slope = jax.jvp(rate, (y,), (jnp.ones_like(y),))
        y = jnp.where(slope == 0, rest[1], y - at_rest / slope)
        linear = jnp.abs(rate(y)) <= 1e-3 * jnp.abs(at_rest)
        return np.asarray(jnp.where(linear | (slope == 0), y, jnp.nan), float)

    on_x, on_y = solved(0), solved(1)
    bends = np.flatnonzero(np.abs(np.diff(np.sign(np.diff(on_x)))) == 2) + 1
    if plane.neuron.onset is Onset.UPSTROKE:
        # Where the voltage runs away, neither nullcline matters.
        on_y = on_y[np.abs(np.asarray(x) - rest[0]) <= 0.5 * np.ptp(xlim)]
    known = [*(on_x[bends] if bends.size else on_x), *on_y, rest[1]]
    known.append(np.interp(rest[0], np.asarray(x), on_x))
    if isinstance(plane.neuron, AbstractNeuron):
        fresh = plane.neuron.reset(plane.neuron.init())
        known.append(float(variables.get(fresh, plane.y)))
    if path is not None:
        known += [np.nanmin(path[1]), np.nanmax(path[1])]
    known = np.asarray(known)[np.isfinite(known)]
    height = float(np.ptp(known))
    height = height if height > 1e-6 * np.abs(known).max() else 1.0
    return float(known.min()) - 0.2 * height, float(known.max()) + 0.2 * height


def _zeros(x: np.ndarray, y: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The zero contour of a rate on a grid, as one line with gaps."""
    import contourpy

    # The sign alone decides, and the logarithm keeps an exponential from hiding its own zero.
    gentle = np.arcsinh(rate / (np.median(np.abs(rate)) or 1.0))
    lines = contourpy.contour_generator(x, y, gentle).lines(0.0)
    gap = np.full((1, 2), np.nan)
    parts: list[Any] = [part for line in lines for part in (line, gap)]
    points = np.concatenate(parts or [gap])
    return points[:, 0], points[:, 1]


def _draw_arrows(
    ax: "matplotlib.axes.Axes", plane: _Plane, xlim: tuple[float, float], ylim: tuple[float, float]
) -> None:
    centres = (np.arange(_COARSE) + 0.5) / _COARSE
    width, height = np.ptp(xlim), np.ptp(ylim)
    x, y = np.meshgrid(xlim[0] + width * centres, ylim[0] + height * centres)
    right, up = (np.asarray(rate) for rate in plane.flow(x, y))
    right, up = right / width, up / height
    size = np.hypot(right, up)
    size = np.where(size > 0, size, 1)
    ax.quiver(
        x,
        y,
        right / size,
        up / size,
        color=QUIET,
        alpha=0.45,
        pivot="mid",
        angles="uv",
        scale=34,
        width=0.0024,
        headwidth=4.5,
        headlength=5,
        headaxislength=4.5,
        zorder=0,
    )
