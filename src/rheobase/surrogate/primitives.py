"""Primitives S(x) of other libraries that are not among our shapes, for `Custom`; u is |x|."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array

from rheobase.surrogate.smooth import odd


def logarithm(x: Array, height: float, k: float) -> Array:
    """Primitive of height/(1 + k u)."""
    return odd(lambda u: height / k * jnp.log1p(k * u), x)


def leaky_window(x: Array, w: float, leak: float) -> Array:
    """Primitive of 1/(2w) where u < w, else leak."""
    return odd(lambda u: jnp.where(u < w, 0.5 * u / w, 0.5 + leak * (u - w)), x)


def square_wave(x: Array, terms: float, period: float) -> Array:
    """Primitive of (4/period) sum of cos((2i - 1) 2 pi x/period), i from 1 to terms."""
    odds = [2.0 * i + 1.0 for i in range(int(terms))]
    phase = 2.0 * math.pi / period * x
    return 2.0 / math.pi * sum((jnp.sin(n * phase) / n for n in odds), jnp.zeros_like(x))


def s2nn(x: Array, alpha: float, beta: float) -> Array:
    """Primitive of alpha s (1 - s), s = sigmoid(alpha x), where x < 0, else beta/(1 + x)."""
    above = 0.5 + beta * jnp.log1p(jnp.where(x < 0, 0.0, x))
    return jnp.where(x < 0, jax.nn.sigmoid(alpha * x), above)


def power_law(x: Array, alpha: float, c: float) -> Array:
    """Primitive of (1 + u/c)^-alpha."""
    if alpha == 1.0:
        return odd(lambda u: c * jnp.log1p(u / c), x)
    return odd(lambda u: c / (1.0 - alpha) * ((1.0 + u / c) ** (1.0 - alpha) - 1.0), x)


def two_slopes(x: Array, below: float, above: float, kink: float) -> Array:
    """Primitive of below where x < kink, else above."""
    return jnp.where(x < kink, below * (x - kink), above * (x - kink))


def log_tailed(x: Array, alpha: float) -> Array:
    """Primitive of alpha where x <= 0, 1 up to x = 1, then 1/x."""
    tail = 1.0 + jnp.log(jnp.where(x > 1, x, 1.0))
    return jnp.where(x > 1, tail, jnp.where(x > 0, x, alpha * x))


def clipped_reciprocal(x: Array, alpha: float) -> Array:
    """Primitive of min(1/u, alpha)."""

    def half(u: Array) -> Array:
        u = alpha * u
        return jnp.where(u < 1, u, 1.0 + jnp.log(jnp.where(u < 1, 1.0, u)))

    return odd(half, x)


def algebraic(x: Array, a: float) -> Array:
    """Primitive of a^3/(x^2 + a^2)^(3/2): a x/sqrt(x^2 + a^2), written so as not to overflow."""
    return a * jnp.sin(jnp.arctan(x / a))
