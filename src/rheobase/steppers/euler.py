"""Forward Euler, the simplest explicit rule."""

from rheobase.steppers import runge_kutta
from rheobase.steppers.base import AbstractStepper

_TABLEAU = runge_kutta.Tableau(a=((),), b=(1.0,), stable=2.0)


class Euler(AbstractStepper):
    r"""Forward (explicit) Euler: x(t + dt) = x + dt f(x). First order; stable for dt |∂f/∂x| < 2.

    Source: Euler 1768. Errors: `StepperError` where dt is beyond the stable step.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.LIF(), current=2 * nA, duration=100 * ms, dt=0.1 * ms,
    ...                   stepper=rb.Euler())
    """

    def advance(self, flow, state, dt):
        return runge_kutta.advance(_TABLEAU, flow, state, dt)

    def check(self, neuron, dt):
        runge_kutta.check(_TABLEAU, "Euler", neuron, dt)
