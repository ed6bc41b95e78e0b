"""Spikes of a compartment: threshold and reset, or the crossing of a voltage alone."""

from typing import Annotated, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.channels.base import AbstractFiring
from rheobase.channels.ions import Ions
from rheobase.errors import StepperError
from rheobase.neurons.base import softened, unseen
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.time import whole_steps
from rheobase.units import Role, anything, dimensionless, ms, mV, non_negative, positive, quantity


class FireState(NamedTuple):
    """Steps for which the compartment stays refractory."""

    remaining: Annotated[Array, dimensionless]


class Fire(AbstractFiring):
    r"""Fires where v >= v_th, then v ← v_reset, where v stays for the refractory period.

    A leak and this make a leaky integrate-and-fire neuron of one compartment, and a neuron with
    passive dendrites of any tree. v, v_th, v_reset in mV, refractory in ms, rounded to steps.

    `through_reset`: whether a gradient counts every input once (the default), as in
    `SurrogateReset`, or is cut at the reset. Cut, each step near the threshold counts anew: in a
    recurrent network that multiplies without bound.

    Errors: `ParameterError` unless v_reset < v_th.

    >>> import rheobase as rb
    >>> from rheobase import channels as ch
    >>> from rheobase.units import ms, mV
    >>> fire = ch.Fire(v_th=-50 * mV, v_reset=-70 * mV, refractory=2 * ms)
    """

    v_th: Array = quantity(mV, anything, "threshold", default=-50 * mV, role=Role.THRESHOLD)
    v_reset: Array = quantity(
        mV, anything, "reset voltage", default=-70 * mV, below="v_th", role=Role.RESET
    )
    refractory: Array = quantity(ms, non_negative, "refractory period", default=0 * ms)
    spike: AbstractSurrogate = FastSigmoid()
    through_reset: bool = eqx.field(static=True, default=True)

    @property
    def pause(self) -> Array | float:
        return self.refractory

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

    def ready(self, state: FireState) -> Array:
        return state.remaining == 0

    def counted(
        self, state: FireState, before: Array, v: Array, spike: Array, dt: float
    ) -> FireState:
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


class DetectorState(NamedTuple):
    """Whether the voltage is above the threshold, 0 or 1, and what keeps the time of a spike."""

    above: Annotated[Array, dimensionless]
    early: Annotated[Array, dimensionless]
    """Always 0; its derivative is by how many steps the spike of the last step came earlier."""


class SpikeDetector(AbstractFiring):
    r"""Fires in the step in which v rises through v_th; nothing is reset.

    What makes spikes of the action potentials of other channels, to be counted or sent through
    synapses. Its derivative has two parts. A spike that comes earlier by a part of a step is that
    much more of a spike in its step and less in the next: exact for what synapses make of it. And
    the surrogate creates and removes spikes: voltages near the threshold for `window` (ms) count as
    one; `span` is the voltage (mV) over which it is spread, as from reset to threshold of `Fire`.
    A crossing slower than span/window is taken for one as fast as that, so that both are bounded.

    >>> import rheobase as rb
    >>> from rheobase import channels as ch
    >>> from rheobase.units import ms, mV, nA, um
    >>> cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.HH())
    >>> cell = cell.insert(ch.SpikeDetector(v_th=-20 * mV), at="soma")
    >>> rb.simulate(cell, current={cell.at("soma"): 0.5 * nA}, duration=10 * ms,
    ...             dt=0.025 * ms).counts.item()
    1.0
    """

    v_th: Array = quantity(mV, anything, "threshold", default=-20 * mV)
    span: Array = quantity(mV, positive, "width of the surrogate", default=20 * mV)
    window: Array = quantity(ms, positive, "time of one spike to the surrogate", default=2 * ms)
    spike: AbstractSurrogate = FastSigmoid()
    through_reset: bool = eqx.field(static=True, default=True)

    def init(self, v: Array, ions: Ions) -> DetectorState:
        return DetectorState((v >= self.v_th).astype(jnp.int32), jnp.zeros_like(v))

    def current(self, state: DetectorState, v: Array, ions: Ions) -> Array:
        return jnp.zeros_like(v)

    def moved(self, state: DetectorState, v: Array, ions: Ions, dt: float) -> DetectorState:
        return state

    def margin(self, state: DetectorState, v: Array) -> Array:
        return (v - self.v_th) / self.span

    def reset(self, state: DetectorState, v: Array) -> tuple[DetectorState, Array]:
        return state, v

    def holds(self, state: DetectorState) -> None:
        return None

    def ready(self, state: DetectorState) -> Array:
        return state.above == 0

    def emitted(
        self, old: DetectorState, state: DetectorState, before: Array, v: Array, dt: float
    ) -> Array:
        spike = softened(self.spike(self.margin(state, v)), dt / self.window)
        return jnp.where(self.ready(old), spike, 0) + self._early(old, before, v, dt) - old.early

    def _early(self, old: DetectorState, before: Array, v: Array, dt: float) -> Array:
        """0, and the derivative of how much before the end of the step it crossed, in steps."""
        crossed = self.ready(old) & (v >= self.v_th)
        rise = jnp.maximum(v - before, self.span * (dt / self.window))
        return jnp.where(crossed, unseen((v - self.v_th) / rise), 0)

    def counted(
        self, state: DetectorState, before: Array, v: Array, spike: Array, dt: float
    ) -> DetectorState:
        early = self._early(state, before, v, dt)
        return DetectorState((v >= self.v_th).astype(jnp.int32), early)

    def check(self, dt: float) -> None:
        pass
