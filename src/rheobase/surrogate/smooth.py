r"""Shapes whose g is a smooth bump, or one with a cusp at the threshold.

Where a shape allows it, its defaults give peak 1 and area 1. Area 1, because the step it stands for
has area 1, so that learning rates carry over from one shape to the other. Peak 1, because the width
that follows is 0.4 to 1 of the distance from reset to threshold ($x$ from -1 to 0), over which a
neuron spends its time. Steeper defaults of other libraries (k = 25) are for comparison in `compat`.
"""

import math
from collections.abc import Callable
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from rheobase.surrogate.base import (
    FRACTION,
    AbstractShape,
    Normalise,
    Profile,
    shape_parameter,
)


def odd(half: Callable[[Array], Array], x: Array) -> Array:
    """The odd function that is `half` for x >= 0.

    The sign is a constant to differentiation, so g(0) is half'(0); with abs(x) it would be 0.
    """
    sign = jnp.where(x < 0, -1.0, 1.0).astype(x.dtype)
    return sign * half(sign * x)


@final
class Sigmoid(AbstractShape):
    r"""The logistic step, $S(x) = \sigma(k x)$, $g(x) = k \sigma(k x) (1 - \sigma(k x))$.

    Peak $k/4$, area 1, width $3.526/k$. Fires where `x >= 0`.

    **Arguments:**

    - `k`: steepness, dimensionless; 4 gives peak 1.
    - `normalise`: `"peak"` or `"area"` rescales g so that this becomes 1.

    **Source:** Zenke & Vogels 2021, Neural Computation 33:899. Also `Sigmoid` of SpikingJelly and
    braintools (4), `sigmoid` of snnTorch (25).

    **Example:**

        >>> import jax
        >>> from rheobase.surrogate import Sigmoid
        >>> float(jax.grad(Sigmoid(k=4.0))(0.0))
        1.0
    """

    k: float = shape_parameter("steepness", 4.0)
    normalise: Normalise = eqx.field(default=None, static=True, kw_only=True)

    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return jax.nn.sigmoid(self.k * x)

    def profile(self) -> Profile:
        return Profile(peak=self.k / 4.0, area=1.0, width=4.0 * math.asinh(1.0) / self.k)


@final
class Atan(AbstractShape):
    r"""The arctangent step, $S(x) = \arctan(\pi a x/2)/\pi$, $g(x) = (a/2)/(1 + (\pi a x/2)^2)$.

    Peak $a/2$, area 1, width $1.273/a$. Its tails fall as $x^{-2}$. Fires where `x >= 0`.

    **Arguments:**

    - `a`: steepness, dimensionless; 2 gives peak 1.
    - `normalise`: `"peak"` or `"area"` rescales g so that this becomes 1.

    **Source:** Fang et al. 2021, ICCV (learnable membrane time constants). Also `atan` of snnTorch,
    `ATan` of SpikingJelly and jaxpike (2), `Arctan` of braintools (1).

    **Example:**

        >>> import jax
        >>> from rheobase.surrogate import Atan
        >>> float(jax.grad(Atan(a=2.0))(0.0))
        1.0
    """

    a: float = shape_parameter("steepness", 2.0)
    normalise: Normalise = eqx.field(default=None, static=True, kw_only=True)

    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return jnp.arctan((0.5 * math.pi * self.a) * x) / math.pi

    def profile(self) -> Profile:
        return Profile(peak=self.a / 2.0, area=1.0, width=4.0 / (math.pi * self.a))


@final
class FastSigmoid(AbstractShape):
    r"""The fast sigmoid, $S(x) = x/(1 + k|x|)$, $g(x) = 1/(1 + k|x|)^2$; also named `SuperSpike`.

    Peak 1 whatever $k$, area $2/k$, width $0.828/k$. Its tails fall as $x^{-2}$. Fires where
    `x >= 0`.

    **Arguments:**

    - `k`: steepness, dimensionless; 2 gives area 1. At the 25 of other libraries the width is 3 %
      of the distance from reset to threshold, and the area 0.08.
    - `normalise`: `"peak"` or `"area"` rescales g so that this becomes 1.

    **Source:** Zenke & Ganguli 2018, Neural Computation 30:1514. Also `fast_sigmoid` of snnTorch,
    `superspike` of Spyx, `FastSigmoid` of jaxpike (25), `InvSquareGrad` of braintools (100).

    **Example:**

        >>> import jax
        >>> from rheobase.surrogate import FastSigmoid
        >>> float(jax.grad(FastSigmoid(k=2.0))(0.5))
        0.25
    """

    k: float = shape_parameter("steepness", 2.0)
    normalise: Normalise = eqx.field(default=None, static=True, kw_only=True)

    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        # x/(1 + k|x|), written so that its derivative is not a difference of nearly equal numbers
        return odd(lambda u: (1.0 - 1.0 / (1.0 + self.k * u)) / self.k, x)

    def profile(self) -> Profile:
        return Profile(peak=1.0, area=2.0 / self.k, width=2.0 * (math.sqrt(2.0) - 1.0) / self.k)


SuperSpike = FastSigmoid


@final
class SoftSign(AbstractShape):
    r"""The fast sigmoid of area 1, $S(x) = a x/(2 + 2 a|x|)$, $g(x) = (a/2)/(1 + a|x|)^2$.

    Peak $a/2$, area 1, width $0.828/a$. Its tails fall as $x^{-2}$. Fires where `x >= 0`.

    **Arguments:**

    - `a`: steepness, dimensionless; 2 gives peak 1.
    - `normalise`: `"peak"` or `"area"` rescales g so that this becomes 1.

    **Source:** `SoftSign` of SpikingJelly (2) and braintools (1); the shape of `FastSigmoid`.

    **Example:**

        >>> import jax
        >>> from rheobase.surrogate import SoftSign
        >>> float(jax.grad(SoftSign(a=2.0))(0.5))
        0.25
    """

    a: float = shape_parameter("steepness", 2.0)
    normalise: Normalise = eqx.field(default=None, static=True, kw_only=True)

    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return odd(lambda u: 0.5 - 0.5 / (1.0 + self.a * u), x)

    def profile(self) -> Profile:
        return Profile(peak=self.a / 2.0, area=1.0, width=2.0 * (math.sqrt(2.0) - 1.0) / self.a)


@final
class Exponential(AbstractShape):
    r"""The two-sided exponential, $g(x) = (a/2) e^{-a|x|}$.

    $S(x) = \mathrm{sgn}(x) (1 - e^{-a|x|})/2$. Peak $a/2$, area 1, width $1.386/a$. Fires where
    `x >= 0`.

    **Arguments:**

    - `a`: steepness, dimensionless; 2 gives peak 1.
    - `normalise`: `"peak"` or `"area"` rescales g so that this becomes 1.

    **Source:** Shrestha & Orchard 2018, NeurIPS (SLAYER). Also `PiecewiseExp` of SpikingJelly and
    braintools (1), `SingleExponential` of sinabs and the one of lava-dl, up to scale.

    **Example:**

        >>> import jax
        >>> from rheobase.surrogate import Exponential
        >>> float(jax.grad(Exponential(a=2.0))(0.0))
        1.0
    """

    a: float = shape_parameter("steepness", 2.0)
    normalise: Normalise = eqx.field(default=None, static=True, kw_only=True)

    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return odd(lambda u: 0.5 - 0.5 * jnp.exp(-self.a * u), x)

    def profile(self) -> Profile:
        return Profile(peak=self.a / 2.0, area=1.0, width=2.0 * math.log(2.0) / self.a)


@final
class Erf(AbstractShape):
    r"""The Gaussian bump, $g(x) = (a/\sqrt\pi) e^{-a^2 x^2}$; also named `Gaussian`.

    $S(x) = \mathrm{erf}(a x)/2$. Standard deviation $1/(a\sqrt 2)$, peak $a/\sqrt\pi$, area 1,
    width $1.665/a$. Fires where `x >= 0`.

    **Arguments:**

    - `a`: steepness, dimensionless; $\sqrt\pi$ gives peak 1.
    - `normalise`: `"peak"` or `"area"` rescales g so that this becomes 1.

    **Source:** Wu et al. 2018, Frontiers in Neuroscience 12:331 (STBP). Also `Erf` of SpikingJelly
    (2), `ERF` (1) and `GaussianGrad` of braintools, `Gaussian` of sinabs and sparx (sigma 0.5).

    **Example:**

        >>> import jax
        >>> from rheobase.surrogate import Erf
        >>> round(float(jax.grad(Erf())(0.0)), 6)
        1.0
    """

    a: float = shape_parameter("steepness", math.sqrt(math.pi))
    normalise: Normalise = eqx.field(default=None, static=True, kw_only=True)

    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return 0.5 * jax.scipy.special.erf(self.a * x)

    def profile(self) -> Profile:
        width = 2.0 * math.sqrt(math.log(2.0)) / self.a
        return Profile(peak=self.a / math.sqrt(math.pi), area=1.0, width=width)


Gaussian = Erf


@final
class Tanh(AbstractShape):
    r"""The hyperbolic tangent, $S(x) = \tanh(k x)/k$, $g(x) = \mathrm{sech}^2(k x)$.

    Peak 1 whatever $k$, area $2/k$, width $1.763/k$. Fires where `x >= 0`.

    **Arguments:**

    - `k`: steepness, dimensionless; 2 gives area 1.
    - `normalise`: `"peak"` or `"area"` rescales g so that this becomes 1.

    **Source:** Wozniak et al. 2020, Nature Machine Intelligence 2:325. Also `tanh` of Spyx (1) and
    of Norse (100).

    **Example:**

        >>> import jax
        >>> from rheobase.surrogate import Tanh
        >>> float(jax.grad(Tanh(k=2.0))(0.0))
        1.0
    """

    k: float = shape_parameter("steepness", 2.0)
    normalise: Normalise = eqx.field(default=None, static=True, kw_only=True)

    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return jnp.tanh(self.k * x) / self.k

    def profile(self) -> Profile:
        return Profile(peak=1.0, area=2.0 / self.k, width=2.0 * math.asinh(1.0) / self.k)


@final
class MultiGaussian(AbstractShape):
    r"""A Gaussian between two wide negative ones, negative in the tails.

    $$g(x) = (1 + h) N(x; 0, \sigma) - h N(x; \sigma, s\sigma) - h N(x; -\sigma, s\sigma)$$

    with the normal density $N(x; \mu, \sigma)$; $S$ is the same sum of its integrals. Peak
    $(1 + h - (2h/s) e^{-1/(2 s^2)})/(\sigma\sqrt{2\pi})$, area $1 - h$; the width has no closed
    form. Fires where `x >= 0`.

    **Arguments:**

    - `h`: weight of each negative Gaussian, from 0 to below 1.
    - `s`: their width, in units of `sigma`.
    - `sigma`: standard deviation of the central one, dimensionless.
    - `normalise`: `"peak"` or `"area"` rescales g so that this becomes 1.

    **Source:** Yin, Corradi & Bohte 2021, Nature Machine Intelligence 3:905, with its defaults.
    Also `MultiGaussian` of sinabs and, halved, `MultiGaussianGrad` of braintools.

    **Example:**

        >>> from rheobase.surrogate import MultiGaussian
        >>> MultiGaussian().area
        0.85
    """

    h: float = shape_parameter("weight of each negative side", 0.15, FRACTION)
    s: float = shape_parameter("width of the sides in units of sigma", 6.0)
    sigma: float = shape_parameter("standard deviation of the centre", 0.5)
    normalise: Normalise = eqx.field(default=None, static=True, kw_only=True)

    def raw(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        def step(mean: float, deviation: float) -> Array:
            return 0.5 * jax.scipy.special.erf((x - mean) / (math.sqrt(2.0) * deviation))

        wide = self.s * self.sigma
        sides = step(self.sigma, wide) + step(-self.sigma, wide)
        return (1.0 + self.h) * step(0.0, self.sigma) - self.h * sides

    def profile(self) -> Profile:
        peak, half, step = self._g(0.0), 0.0, 0.25 * self.sigma * min(self.s, 1.0)
        while self._g(half + step) > 0.5 * peak:
            half += step
        for _ in range(60):
            step *= 0.5
            half += step if self._g(half + step) > 0.5 * peak else 0.0
        return Profile(peak=peak, area=1.0 - self.h, width=2.0 * half)

    def _g(self, x: float) -> float:
        def density(mean: float, deviation: float) -> float:
            z = (x - mean) / deviation
            return math.exp(-0.5 * z * z) / (math.sqrt(2.0 * math.pi) * deviation)

        wide = self.s * self.sigma
        sides = density(self.sigma, wide) + density(-self.sigma, wide)
        return (1.0 + self.h) * density(0.0, self.sigma) - self.h * sides
