"""Threshold and reset on a compartment."""

from typing import Annotated, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.channels.base import AbstractFiring
from rheobase.channels.ions import Ions
from rheobase.errors import StepperError
from rheobase.neurons.base import require_below
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.time import whole_steps
from rheobase.units import anything, dimensionless, ms, mV, non_negative, quantity


class FireState(NamedTuple):
    """Steps for which the compartment stays refractory."""

    remaining: Annotated[Array, dimensionless]


class Fire(AbstractFiring):
    r"""Fires where v >= v_th, then v ← v_reset, where v stays for the refractory period.

    A leak and this make a leaky integrate-and-fire neuron of one compartment, and a neuron with
    passive dendrites of any tree. v, v_th, v_reset in mV, refractory in ms, rounded to steps.

    `through_reset`: whether the gradient passes through the reset by the surrogate, or is cut
    there (the default), which keeps it finite over any number of spikes.

    Errors: `ParameterError` unless v_reset < v_th.

    >>> import rheobase as rb
    >>> from rheobase import channels as ch
    >>> from rheobase.units import ms, mV
    >>> fire = ch.Fire(v_th=-50 * mV, v_reset=-70 * mV, refractory=2 * ms)
    """

    v_th: Array = quantity(mV, anything, "threshold", default=-50 * mV)
    v_reset: Array = quantity(mV, anything, "reset voltage", default=-70 * mV)
    refractory: Array = quantity(ms, non_negative, "refractory period", default=0 * ms)
    spike: AbstractSurrogate = FastSigmoid()
    through_reset: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        require_below(self, "v_reset", "v_th")

    def init(self, v: Array, ions: Ions) -> FireState:
        return FireState(remaining=jnp.zeros(jnp.shape(v), jnp.int32))

    def current(self, state: FireState, v: Array, ions: Ions) -> Array:
        return jnp.zeros_like(v)

    def moved(self, state: FireState, v: Array, ions: Ions, dt: float) -> FireState:
        return state

    def margin(self, state: FireState, v: Array) -> Array:
        return (v - self.v_th) / (self.v_th - self.v_reset)

    def reset(self, state: FireState, v: Array) -> tuple[FireState, Array]:
        return state, jnp.broadcast_to(self.v_reset, jnp.shape(v))

    def holds(self, state: FireState) -> Array:
        return state.remaining > 0

    def counted(self, state: FireState, spike: Array, dt: float) -> FireState:
        left = jnp.maximum(state.remaining - 1, 0)
        return FireState(jnp.where(spike > 0, whole_steps(self.refractory, dt), left))

    def check(self, dt: float) -> None:
        if isinstance(self.refractory, Tracer):
            return
        shortest = float(np.min(np.asarray(self.refractory)))
        if 0 < shortest < dt * (1 - 1e-6):
            raise StepperError(
                f"dt = {dt:g} ms is longer than the refractory period, {shortest:g} ms, which "
                f"would last no step. Write dt={shortest / 10:g}*ms, or Fire() without it."
            )
