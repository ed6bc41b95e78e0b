"""The explicit midpoint rule of second order."""

from rheobase.steppers import runge_kutta
from rheobase.steppers.base import AbstractStepper

_TABLEAU = runge_kutta.Tableau(a=((), (0.5,)), b=(0.0, 1.0), stable=2.0)


class Midpoint(AbstractStepper):
    r"""Explicit midpoint: k₁ = f(x), k₂ = f(x + dt k₁/2), x(t + dt) = x + dt k₂.

    Second order in every variable, since all of them move to the midpoint together; stable for
    dt |∂f/∂x| < 2. Source: Runge 1895. Errors: `StepperError` where dt is beyond the stable step.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.LIF(), current=2 * nA, duration=100 * ms, dt=0.1 * ms,
    ...                   stepper=rb.Midpoint())
    """

    def advance(self, flow, state, dt):
        return runge_kutta.advance(_TABLEAU, flow, state, dt)

    def check(self, neuron, dt):
        runge_kutta.check(_TABLEAU, "Midpoint", neuron, dt)
