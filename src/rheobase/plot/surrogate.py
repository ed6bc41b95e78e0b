"""The shape of spike functions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from rheobase.errors import brief
from rheobase.plot.style import INK, PALETTE, QUIET, drawing
from rheobase.surrogate import AbstractSurrogate, SurrogateError

if TYPE_CHECKING:
    import matplotlib.axes


def surrogate(
    shapes: AbstractSurrogate | Sequence[AbstractSurrogate],
    *,
    reach: float = 1.5,
    ax: "matplotlib.axes.Axes | None" = None,
) -> "matplotlib.axes.Axes":
    """The primitive S (dashed) and the pseudo-derivative g = S' (solid) of one or more surrogates.

    The legend states peak, area and width of g; of one surrogate the area is shaded and the width
    drawn at half of the peak.

    **Arguments:**

    - `shapes`: a surrogate, or up to six.
    - `reach`: margins from -reach to reach are drawn.
    - `ax`: axes to draw on; a new figure without it.

    **Raises:** `SurrogateError` for what is no surrogate, for none and for more than six.

    **Example:**

        >>> import rheobase as rb
        >>> ax = rb.plot.surrogate(rb.surrogate.Triangle())
        >>> ax.get_legend().get_texts()[0].get_text()
        'Triangle: peak 1, area 1, width 1'
    """
    shapes = _checked(shapes)
    # Even in number, so that no sample falls on the kink that some have at the threshold.
    x = np.linspace(-reach, reach, 1200)
    alone = len(shapes) == 1
    with drawing(ax, size=(4.6 if alone else 7.0, 3.2)) as axes:
        axes.axvline(0, color=QUIET, linewidth=0.7, linestyle=":")
        for shape, color in zip(shapes, PALETTE, strict=False):
            step, slope = curves(shape, x)
            axes.plot(x, slope, color=color, linewidth=1.5, label=_described(shape))
            axes.plot(x, step, color=color, linewidth=1.0, linestyle=(0, (4, 2)), alpha=0.8)
            if alone:
                axes.fill_between(x, slope, color=color, alpha=0.12, linewidth=0)
                _mark_width(axes, x, slope, shape)
        axes.set_xlim(-reach, reach)
        axes.set_xlabel("margin (v - v_th)/(v_th - v_reset)")
        axes.set_ylabel("S (dashed), g = S' (solid)")
        if alone:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderpad=0.2)
        else:
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return axes


def curves(shape: AbstractSurrogate, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """S and g at the margins x; S from 0 where it settles on the left, else with S(0) = 1/2."""
    at = jnp.asarray(x, jnp.result_type(float))
    step, slope = jax.jvp(shape.primitive, (at,), (jnp.ones_like(at),))
    settles = np.isfinite(shape.area)
    begin = shape.primitive(jnp.asarray(-1e6 if settles else 0.0, at.dtype))
    return np.asarray(step - begin) + (0.0 if settles else 0.5), np.asarray(slope)


def _checked(shapes: AbstractSurrogate | Sequence[AbstractSurrogate]) -> list[AbstractSurrogate]:
    found = [shapes] if isinstance(shapes, AbstractSurrogate) else shapes
    cure = "Write rb.plot.surrogate(rb.surrogate.Sigmoid())."
    if not isinstance(found, list | tuple):
        raise SurrogateError(
            f"`shapes` must be a surrogate or a list of them, got {brief(found)}. {cure}"
        )
    for shape in found:
        if not isinstance(shape, AbstractSurrogate):
            raise SurrogateError(f"`shapes` holds {brief(shape)}, which is no surrogate. {cure}")
    if not 1 <= len(found) <= len(PALETTE):
        raise SurrogateError(
            f"one picture holds 1 to {len(PALETTE)} surrogates, got {len(found)}. {cure}"
        )
    return list(found)


def _described(shape: AbstractSurrogate) -> str:
    figures = (
        f"{n} {v:.3g}" for n, v in zip(("peak", "area", "width"), _figures(shape), strict=True)
    )
    return f"{type(shape).__name__}: {', '.join(figures)}"


def _figures(shape: AbstractSurrogate) -> tuple[float, float, float]:
    return shape.peak, shape.area, shape.width


def _mark_width(
    ax: "matplotlib.axes.Axes", x: np.ndarray, slope: np.ndarray, shape: AbstractSurrogate
) -> None:
    """An arrow across g at half of its peak, where that lies inside the picture."""
    inside = x[slope >= shape.peak / 2]
    if inside.size == 0 or inside[0] == x[0] or inside[-1] == x[-1]:
        return
    ends = (inside[0], shape.peak / 2), (inside[-1], shape.peak / 2)
    arrow = {"arrowstyle": "<->", "color": INK, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", *ends, arrowprops=arrow)
