"""The classical Runge-Kutta rule of fourth order."""

from rheobase.steppers import runge_kutta
from rheobase.steppers.base import AbstractStepper

_TABLEAU = runge_kutta.Tableau(
    a=((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)),
    b=(1 / 6, 1 / 3, 1 / 3, 1 / 6),
    stable=2.785,
)


class RungeKutta4(AbstractStepper):
    r"""Classical Runge-Kutta: four stages, fourth order; stable for dt |∂f/∂x| < 2.785.

    The order holds between spikes; a spike on the grid is first order in time, see `substep` of
    `simulate`. Source: Kutta 1901. Errors: `StepperError` where dt is beyond the stable step.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.LIF(), current=2 * nA, duration=100 * ms, dt=0.1 * ms,
    ...                   stepper=rb.RungeKutta4())
    """

    def advance(self, flow, state, dt):
        return runge_kutta.advance(_TABLEAU, flow, state, dt)

    def check(self, neuron, dt):
        runge_kutta.check(_TABLEAU, "RungeKutta4", neuron, dt)
