"""Spike times as numbers with a derivative."""

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.errors import ArgumentError, brief
from rheobase.record import Recording


def spike_times(run: Recording, count: int) -> Array:
    """Times (ms) of the first `count` spikes of each neuron, of shape (count, *n); inf where fewer.

    - `run`: of `simulate(..., substep=True)` or of `Exact().run(...)`, which locate spikes inside
      their steps. Their derivative with respect to parameters, inputs and initial state is exact:
      dt/dp = -(∂m/∂p)/(dm/dt) at each crossing of the threshold (m the margin), through all resets
      before it. That of a spike that is not there is 0.

    Errors: `ArgumentError` for a run on the grid, whose spike times have no derivative.

    >>> import jax, rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> def first(amplitude):
    ...     run = rb.simulate(rb.LIF(), current=amplitude * nA, duration=30 * ms, dt=0.5 * ms,
    ...                       substep=True)
    ...     return rb.gradients.spike_times(run, 1)[0]
    >>> round(float(first(2.0)), 3), round(float(jax.grad(first)(2.0)), 2)
    (13.863, -15.0)
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ArgumentError(f"`count` is a number of spikes >= 1, got {brief(count)}. Write 1.")
    if run.fractions is None:
        raise ArgumentError(
            "this run has its spikes on the grid, where their times do not move. Write "
            "simulate(..., substep=True), or rb.gradients.Exact().run(model, x)."
        )
    fired = jax.lax.stop_gradient(run.spikes) > 0
    number = jnp.cumsum(fired, axis=0, dtype=jnp.int32)
    dtype = run.fractions.dtype
    high, low = (x.astype(dtype) for x in run.start.ahead(len(fired)))
    steps = high * 2.0**32 + low
    times = run.dt * (steps.reshape(-1, *(1,) * (fired.ndim - 1)) + run.fractions)

    def one(k: Array) -> Array:
        hit = fired & (number == k)
        return jnp.where(hit.any(axis=0), jnp.where(hit, times, 0).sum(axis=0), jnp.inf)

    return jnp.stack([one(jnp.asarray(k + 1, jnp.int32)) for k in range(count)])
