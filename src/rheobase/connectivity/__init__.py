"""Rules of connectivity, and how connections are stored."""

from rheobase.connectivity.base import AbstractConnectivity, Sides
from rheobase.connectivity.degree import FixedInDegree, FixedOutDegree
from rheobase.connectivity.distance import ExponentialProbability, GaussianProbability
from rheobase.connectivity.distributions import (
    AbstractDistribution,
    LogNormal,
    Normal,
    Uniform,
)
from rheobase.connectivity.explicit import Dense, Matrix, OneToOne, Pairs
from rheobase.connectivity.probability import FixedProbability
from rheobase.connectivity.storage import Rows
from rheobase.connectivity.total import FixedTotal

__all__ = [
    "AbstractConnectivity",
    "AbstractDistribution",
    "Dense",
    "ExponentialProbability",
    "FixedInDegree",
    "FixedOutDegree",
    "FixedProbability",
    "FixedTotal",
    "GaussianProbability",
    "LogNormal",
    "Matrix",
    "Normal",
    "OneToOne",
    "Pairs",
    "Rows",
    "Sides",
    "Uniform",
]
