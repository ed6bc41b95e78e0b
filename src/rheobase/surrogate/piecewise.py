"""Shapes whose g is made of straight lines; defaults as in `smooth`."""

import math
from typing import final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from rheobase.surrogate.base import (
    AbstractShape,
    Normalise,
    Profile,
    shape_parameter,
)
from rheobase.surrogate.smooth import odd


@final
class Triangle(AbstractShape):
    r"""The triangle, $g(x) = a \max(0, w - |x|)$.

    $S(x) = \mathrm{sgn}(x)\, a u (w - u/2)$ with $u = \min(|x|, w)$. Peak $a w$, area $a w^2$,
    width $w$; no gradient where $|x| \ge w$. Fires where `x >= 0`.

    **Arguments:**

    - `a`: slope of the sides, dimensionless.
    - `w`: where g ends, dimensionless. 1 reaches from the threshold to the reset, and with `a` = 1
      peak and area are 1.
    - `normalise`: `"peak"` or `"area"` rescales g so that this becomes 1.

    **Source:** Esser et al. 2016, PNAS 113:11441; Bellec et al. 2018, NeurIPS (LSNN), with a = 0.3.
    Also `ReluGrad` of braintools (0.3, 1), `triangle` of Norse (100, 1), `triangular` of Spyx
    (2, 0.5). What snnTorch calls triangular is none.

    **Example:**

        >>> import jax
        >>> from rheobase.surrogate import Triangle
        >>> float(jax.grad(Triangle(a=1.0, w=1.0))(-0.25))
        0.75
    """

    a: float = shape_parameter("slope of the sides", 1.0)
    w: float = shape_parameter("distance from the threshold at which g ends", 1.0)
    normalise: Normalise = eqx.field(default=None, static=True, kw_only=True)

    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return _triangle(self.a, self.w, x)

    def profile(self) -> Profile:
        return Profile(peak=self.a * self.w, area=self.a * self.w**2, width=self.w)


@final
class PiecewiseQuadratic(AbstractShape):
    r"""The triangle of area 1, $g(x) = \max(0, a - a^2 |x|)$.

    $S(x) = \mathrm{sgn}(x)\, a u (1 - a u/2)$ with $u = \min(|x|, 1/a)$. Peak $a$, area 1, width
    $1/a$; no gradient where $|x| \ge 1/a$. Fires where `x >= 0`.

    **Arguments:**

    - `a`: steepness, dimensionless; 1 gives peak 1.
    - `normalise`: `"peak"` or `"area"` rescales g so that this becomes 1.

    **Source:** Esser et al. 2016, PNAS 113:11441. Also `PiecewiseQuadratic` of SpikingJelly and
    braintools (1), `Triangular` of jaxpike.

    **Example:**

        >>> import jax
        >>> from rheobase.surrogate import PiecewiseQuadratic
        >>> float(jax.grad(PiecewiseQuadratic(a=2.0))(0.25))
        1.0
    """

    a: float = shape_parameter("steepness", 1.0)
    normalise: Normalise = eqx.field(default=None, static=True, kw_only=True)

    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return _triangle(self.a**2, 1.0 / self.a, x)

    def profile(self) -> Profile:
        return Profile(peak=self.a, area=1.0, width=1.0 / self.a)


@final
class Rectangle(AbstractShape):
    r"""The window, $g(x) = 1/w$ where $|x| < w/2$, else 0; $S$ is $x/w$ held at $\pm 1/2$ outside.

    Peak $1/w$, area 1, width $w$. Fires where `x >= 0`.

    **Arguments:**

    - `w`: full width, dimensionless; 1 gives peak 1.
    - `normalise`: `"peak"` or `"area"` rescales g so that this becomes 1.

    **Source:** Wu et al. 2018, Frontiers in Neuroscience 12:331 (STBP). Also `Rect` of SpikingJelly
    (1), `boxcar` of Spyx (2), `Boxcar` of jaxpike (1).

    **Example:**

        >>> import jax
        >>> from rheobase.surrogate import Rectangle
        >>> float(jax.grad(Rectangle(w=0.5))(0.2)), float(jax.grad(Rectangle(w=0.5))(0.3))
        (2.0, 0.0)
    """

    w: float = shape_parameter("full width", 1.0)
    normalise: Normalise = eqx.field(default=None, static=True, kw_only=True)

    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        inside = jnp.abs(x) < 0.5 * self.w
        return jnp.where(inside, x, 0.5 * self.w * jnp.sign(x)) / self.w

    def profile(self) -> Profile:
        return Profile(peak=1.0 / self.w, area=1.0, width=self.w)


@final
class StraightThrough(AbstractShape):
    r"""The identity, $S(x) = x$, $g(x) = 1$ however far from the threshold.

    Peak 1, area and width infinite, so `normalise="area"` is refused. Fires where `x >= 0`.

    **Arguments:**

    - `normalise`: `"peak"`, which changes nothing.

    **Source:** Bengio, Leonard & Courville 2013, arXiv:1308.3432. Also
    `straight_through_estimator` of snnTorch, `DeterministicPass` of SpikingJelly.

    **Example:**

        >>> import jax
        >>> from rheobase.surrogate import StraightThrough
        >>> float(jax.grad(StraightThrough())(-7.0))
        1.0
    """

    normalise: Normalise = eqx.field(default=None, static=True, kw_only=True)

    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return x

    def profile(self) -> Profile:
        return Profile(peak=1.0, area=math.inf, width=math.inf)


def _triangle(a: float, w: float, x: Array) -> Array:
    def half(u: Array) -> Array:
        u = jnp.minimum(u, w)
        return a * u * (w - 0.5 * u)

    return odd(half, x)
