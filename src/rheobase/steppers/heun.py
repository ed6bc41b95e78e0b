"""Heun, the explicit trapezoidal rule of second order."""

from rheobase.steppers import runge_kutta
from rheobase.steppers.base import AbstractStepper

_TABLEAU = runge_kutta.Tableau(a=((), (1.0,)), b=(0.5, 0.5), stable=2.0)


class Heun(AbstractStepper):
    r"""Heun's rule, the explicit trapezoid.

    k₁ = f(x), k₂ = f(x + dt k₁), x(t + dt) = x + dt (k₁ + k₂)/2.

    Second order in every variable; stable for dt |∂f/∂x| < 2. Source: Heun 1900.
    Errors: `StepperError` where dt is beyond the stable step.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.LIF(), current=2 * nA, duration=100 * ms, dt=0.1 * ms,
    ...                   stepper=rb.Heun())
    """

    def advance(self, flow, state, dt):
        return runge_kutta.advance(_TABLEAU, flow, state, dt)

    def check(self, neuron, dt):
        runge_kutta.check(_TABLEAU, "Heun", neuron, dt)
