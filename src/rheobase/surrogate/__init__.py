"""Surrogate spike functions: an exact step forwards, a declared pseudo-derivative backwards."""

from .base import AbstractSurrogate, SurrogateError
from .shapes import Atan, FastSigmoid, Sigmoid, SuperSpike, Triangle

SHAPES = (Sigmoid, Atan, FastSigmoid, Triangle)

__all__ = [
    "SHAPES",
    "AbstractSurrogate",
    "Atan",
    "FastSigmoid",
    "Sigmoid",
    "SuperSpike",
    "SurrogateError",
    "Triangle",
]
