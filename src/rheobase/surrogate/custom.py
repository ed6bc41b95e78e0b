"""A surrogate made of a function, with its figures measured."""

import math
from collections.abc import Callable
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from rheobase.surrogate.base import AbstractShape, Normalise, Profile, SurrogateError

_REACH = 1e4  # margins beyond which g is not looked at
_ZOOM = 64  # points of one refinement
_FAR = 10.0 ** np.arange(13)  # where S is taken for its limits


@final
class Custom(AbstractShape):
    r"""A surrogate made of any smooth function $S$, $g(x) = S'(x)$.

    Peak, area and width are measured at construction, from g at margins between -10^4 and 10^4 and
    from S as far as 10^12, in the default floating-point type. An area that does not settle counts
    as infinite. Fires where `x >= 0`.

    **Arguments:**

    - `function`: $S(x, ...)$, elementwise, of `jax.numpy`. It is compared by identity: pass one
      function of the module with `parameters`, not a new lambda each time, and nothing recompiles.
    - `parameters`: numbers passed to `function` after x.
    - `peak`, `area`, `width`: stated in place of what was measured, before `normalise`.
    - `normalise`: `"peak"` or `"area"` rescales g so that this becomes 1.

    Errors: `SurrogateError` where `function` is not elementwise, where g is not finite, nowhere
    positive, or 0 at the threshold itself but not beside it, as `abs` and `sign` make it.

    **Example:**

        >>> import jax, jax.numpy as jnp
        >>> from rheobase.surrogate import Custom
        >>> def algebraic(x, a):
        ...     return jnp.sin(jnp.arctan(a * x)) / 2  # a x / (2 sqrt(1 + (a x)^2))
        >>> spike = Custom(algebraic, (2.0,))
        >>> float(jax.grad(spike)(0.0)), round(spike.area, 3), round(spike.width, 3)
        (1.0, 1.0, 0.766)
    """

    function: Callable[..., Array] = eqx.field(static=True)
    parameters: tuple[float, ...] = eqx.field(static=True)
    measured: Profile = eqx.field(static=True)
    normalise: Normalise = eqx.field(static=True)

    def __init__(
        self,
        function: Callable[..., Array],
        parameters: tuple[float, ...] = (),
        *,
        peak: float | None = None,
        area: float | None = None,
        width: float | None = None,
        normalise: Normalise = None,
    ):
        self.function = function
        self.parameters = tuple(float(p) for p in parameters)
        self.normalise = normalise
        found = _measure(lambda x: function(x, *self.parameters))
        self.measured = Profile(
            peak=found.peak if peak is None else float(peak),
            area=found.area if area is None else float(area),
            width=found.width if width is None else float(width),
        )

    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return self.function(x, *self.parameters)

    def profile(self) -> Profile:
        return self.measured


def _measure(primitive: Callable[[Array], Array]) -> Profile:
    """Peak, area and width of the derivative of an elementwise function."""

    def g(x: np.ndarray) -> np.ndarray:
        at = jnp.asarray(x, dtype=jnp.result_type(float))
        return np.asarray(jax.jvp(primitive, (at,), (jnp.ones_like(at),))[1], dtype=np.float64)

    with jax.ensure_compile_time_eval():
        _check_elementwise(primitive)
        half = np.logspace(-6, math.log10(_REACH), 401)
        x = np.concatenate([-half[::-1], [0.0], half])
        at = g(x)
        _check_derivative(x, at)
        nearest = np.flatnonzero(at >= at.max() * (1 - 1e-6))
        top = nearest[np.argmin(np.abs(x[nearest]))]
        around = np.linspace(x[max(top - 1, 0)], x[min(top + 1, x.size - 1)], _ZOOM)
        peak = float(max(at[top], g(around).max()))
        right = _half_width(g, x[top:], at[top:], peak)
        left = _half_width(g, x[top::-1], at[top::-1], peak)
        return Profile(peak, _area(primitive), right + left)


def _half_width(g: Callable, x: np.ndarray, at: np.ndarray, peak: float) -> float:
    """Distance from x[0] to where g first falls to half of the peak, along x."""
    below = np.flatnonzero(at <= 0.5 * peak)
    if below.size == 0:
        return math.inf
    inner, outer = x[max(below[0] - 1, 0)], x[below[0]]
    for _ in range(4):
        points = np.linspace(inner, outer, _ZOOM)
        first = max(int(np.argmax(g(points) <= 0.5 * peak)), 1)
        inner, outer = points[first - 1], points[first]
    return abs(float(outer - x[0]))


def _area(primitive: Callable[[Array], Array]) -> float:
    """S(inf) - S(-inf), infinite where it does not settle."""
    far = jnp.asarray(_FAR, dtype=jnp.result_type(float))
    span = np.asarray(primitive(far) - primitive(-far), dtype=np.float64)
    span = span[np.isfinite(span)]
    settled = span.size > 1 and abs(span[-1] - span[-2]) <= 1e-4 * abs(span[-1])
    return float(span[-1]) if settled else math.inf


def _check_elementwise(primitive: Callable[[Array], Array]) -> None:
    x = jax.ShapeDtypeStruct((2, 3), jnp.result_type(float))
    out = jax.eval_shape(primitive, x)
    if getattr(out, "shape", None) != x.shape or out.dtype != x.dtype:
        raise SurrogateError(
            f"`function` of Custom must be elementwise: for x of {x.dtype}{list(x.shape)} it gave "
            f"{out}. Write it with jax.numpy and Python numbers, for example lambda x: "
            "jnp.tanh(2.0 * x)."
        )


def _check_derivative(x: np.ndarray, at: np.ndarray) -> None:
    if not np.isfinite(at).all():
        where = x[~np.isfinite(at)]
        where = where[np.argmin(np.abs(where))]
        raise SurrogateError(
            f"the derivative of `function` of Custom is not finite at x = {where:.3g}. Write S so "
            "that it neither overflows nor divides by 0, for example with jax.nn.sigmoid instead "
            "of 1/(1 + exp(-x))."
        )
    middle = x.size // 2
    if at[middle] == 0 and min(at[middle - 1], at[middle + 1]) > 0:
        raise SurrogateError(
            "the derivative of `function` of Custom is 0 at x = 0 but not beside it, so a neuron "
            "at its threshold would have no gradient. jnp.abs and jnp.sign do that: write "
            "s = jnp.where(x < 0, -1.0, 1.0) and s * x instead."
        )
    if at.max() <= 0:
        raise SurrogateError(
            "`function` of Custom must rise: its derivative is nowhere positive. Give S itself, "
            "such as lambda x: jnp.tanh(2.0 * x), not its derivative."
        )
