"""Spike functions: an exact step forwards, a declared pseudo-derivative backwards."""

from rheobase.surrogate.base import AbstractShape, AbstractSurrogate, Profile, SurrogateError
from rheobase.surrogate.compat import compat
from rheobase.surrogate.custom import Custom
from rheobase.surrogate.peers import PEERS, Peer, PeerFunction
from rheobase.surrogate.piecewise import PiecewiseQuadratic, Rectangle, StraightThrough, Triangle
from rheobase.surrogate.scaled import Scaled
from rheobase.surrogate.smooth import (
    Atan,
    Erf,
    Exponential,
    FastSigmoid,
    Gaussian,
    MultiGaussian,
    Sigmoid,
    SoftSign,
    SuperSpike,
    Tanh,
)

SHAPES = (
    Sigmoid,
    Atan,
    FastSigmoid,
    SoftSign,
    Triangle,
    PiecewiseQuadratic,
    Exponential,
    Erf,
    Rectangle,
    MultiGaussian,
    Tanh,
    StraightThrough,
)
"""Every shape that has defaults, for tables and tests."""

__all__ = [
    "PEERS",
    "SHAPES",
    "AbstractShape",
    "AbstractSurrogate",
    "Atan",
    "Custom",
    "Erf",
    "Exponential",
    "FastSigmoid",
    "Gaussian",
    "MultiGaussian",
    "Peer",
    "PeerFunction",
    "PiecewiseQuadratic",
    "Profile",
    "Rectangle",
    "Scaled",
    "Sigmoid",
    "SoftSign",
    "StraightThrough",
    "SuperSpike",
    "SurrogateError",
    "Tanh",
    "Triangle",
    "compat",
]
