"""The exact propagator of affine dynamics."""

import jax.numpy as jnp

from rheobase.errors import StepperError
from rheobase.steppers.base import AbstractStepper, variables_only
from rheobase.steppers.propagator import applied, averages, moves, rates_of
from rheobase.steppers.structure import partials, structure_of


class Exact(AbstractStepper):
    r"""Matrix exponential of affine dynamics: exact for any dt while the input is constant.

    For dx/dt = A x + b(I):  x(t + dt) = x + dt φ(A dt) (A x + b),  φ(Z) = Z⁻¹(e^Z - 1),

    with A by one jvp a variable and φ by scaling and squaring, computed once, outside the time
    loop. Source: Rotter & Diesmann 1999, Biol Cybern 81:381.

    Errors: `StepperError` for a neuron whose derivative is not affine in its state.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.CubaLIF(), current=2 * nA, duration=100 * ms, dt=1 * ms,
    ...                   stepper=rb.Exact())
    """

    def advance(self, flow, state, dt):
        leaves, rate, whole = variables_only(flow, state)
        slopes = dict(enumerate(rate(leaves)))
        matrix = rates_of(flow.neuron, tuple(range(len(leaves))))
        z = {k: dt * x for k, x in matrix.items()}
        own = jnp.ndim(dt) > 0
        change = moves(z, slopes) if own else applied(averages(z).move, slopes)
        return whole([x + dt * change[i] for i, x in enumerate(leaves)])

    def check(self, neuron, dt):
        if not structure_of(neuron).affine:
            raise StepperError(
                f"Exact() integrates affine dynamics only, and the derivative of "
                f"{type(neuron).__name__} is not affine in its state. "
                f"Write stepper=rb.ExponentialMidpoint() or stepper=rb.RungeKutta4()."
            )


def jacobian(rate, leaves):
    """d(rate_i)/d(leaf_j), shape (..., variable, variable); element-wise, by one jvp a column."""
    rows = partials(rate, leaves)
    flat = jnp.stack(jnp.broadcast_arrays(*[x for row in rows for x in row]), axis=-1)
    return flat.reshape(*flat.shape[:-1], len(rows), len(leaves))
