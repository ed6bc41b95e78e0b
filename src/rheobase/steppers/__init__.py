"""Integration rules, one a file; each works for every neuron."""

from rheobase.steppers.base import AbstractStepper, Flow
from rheobase.steppers.euler import Euler
from rheobase.steppers.exact import Exact
from rheobase.steppers.exponential import ExponentialEuler
from rheobase.steppers.heun import Heun
from rheobase.steppers.implicit import AbstractImplicit, BackwardEuler, CrankNicolson
from rheobase.steppers.midpoint import Midpoint
from rheobase.steppers.runge_kutta4 import RungeKutta4

__all__ = [
    "AbstractImplicit",
    "AbstractStepper",
    "BackwardEuler",
    "CrankNicolson",
    "Euler",
    "Exact",
    "ExponentialEuler",
    "Flow",
    "Heun",
    "Midpoint",
    "RungeKutta4",
]
