"""Smooth and piecewise shapes."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from .base import AbstractShape, Normalise, normalisation, parameter


class Sigmoid(AbstractShape):
    k: float = parameter("steepness", default=4.0)
    normalise: Normalise = normalisation()

    def raw(self, x: Array) -> Array:
        return jax.nn.sigmoid(self.k * x)

    @property
    def raw_peak(self) -> float:
        return self.k / 4.0

    @property
    def raw_area(self) -> float:
        return 1.0

    @property
    def width(self) -> float:
        return 4.0 * math.log(1.0 + math.sqrt(2.0)) / self.k


class Atan(AbstractShape):
    a: float = parameter("steepness", default=2.0)
    normalise: Normalise = normalisation()

    def raw(self, x: Array) -> Array:
        return jnp.arctan((0.5 * math.pi * self.a) * x) / math.pi

    @property
    def raw_peak(self) -> float:
        return self.a / 2.0

    @property
    def raw_area(self) -> float:
        return 1.0

    @property
    def width(self) -> float:
        return 4.0 / (math.pi * self.a)


class FastSigmoid(AbstractShape):
    k: float = parameter("steepness", default=2.0)
    normalise: Normalise = normalisation()

    def raw(self, x: Array) -> Array:
        return odd(lambda u: (1.0 - 1.0 / (1.0 + self.k * u)) / self.k, x)

    @property
    def raw_peak(self) -> float:
        return 1.0

    @property
    def raw_area(self) -> float:
        return 2.0 / self.k

    @property
    def width(self) -> float:
        return 2.0 * (math.sqrt(2.0) - 1.0) / self.k


class Triangle(AbstractShape):
    a: float = parameter("slope", default=1.0)
    w: float = parameter("half base", default=1.0)
    normalise: Normalise = normalisation()

    def raw(self, x: Array) -> Array:
        def half(u: Array) -> Array:
            u = jnp.minimum(u, self.w)
            return self.a * u * (self.w - 0.5 * u)

        return odd(half, x)

    @property
    def raw_peak(self) -> float:
        return self.a * self.w

    @property
    def raw_area(self) -> float:
        return self.a * self.w**2

    @property
    def width(self) -> float:
        return self.w


SuperSpike = FastSigmoid


def odd(half: Callable[[Array], Array], x: Array) -> Array:
    """The odd function equal to `half` on x >= 0: a constant sign, so that g(0) = half'(0)."""
    sign = jnp.where(x < 0, -1.0, 1.0).astype(x.dtype)
    return sign * half(sign * x)
