"""Integration rules, one a file; each works for every neuron."""

from rheobase.neurons.base import AbstractMembrane
from rheobase.steppers.base import AbstractStepper, Flow
from rheobase.steppers.euler import Euler
from rheobase.steppers.exact import Exact
from rheobase.steppers.exponential import ExponentialEuler
from rheobase.steppers.exponential_midpoint import ExponentialMidpoint
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
    "ExponentialMidpoint",
    "Flow",
    "Heun",
    "Midpoint",
    "RungeKutta4",
    "default_stepper",
    "stepper_of",
]


def default_stepper(neuron: AbstractMembrane | None = None) -> AbstractStepper:
    """The stepper where the user names none: the neuron's own, or the exponential midpoint rule.

    >>> import rheobase as rb
    >>> rb.steppers.default_stepper(rb.AdEx())
    ExponentialMidpoint()
    """
    return ExponentialMidpoint() if neuron is None else stepper_of(neuron, ExponentialMidpoint())


def stepper_of(neuron: AbstractMembrane, given: AbstractStepper) -> AbstractStepper:
    """The neuron's own stepper where it has one, else the one that is given.

    >>> import rheobase as rb
    >>> rb.steppers.stepper_of(rb.LIF(), rb.Exact())
    Exact()
    """
    own = neuron.own_stepper
    return given if own is None else own
