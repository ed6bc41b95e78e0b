"""Spikes of a compartment: threshold and reset, or the crossing of a voltage alone."""

from typing import Annotated, Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from rheobase.adaptors import Refractory
from rheobase.adaptors.refractory import RefractoryState, require_steps
from rheobase.channels.base import AbstractFiring
from rheobase.channels.ions import Ions
from rheobase.channels.point_neuron import AbstractPointNeuron
from rheobase.neurons import IF, Onset
from rheobase.neurons.base import softened, unseen
from rheobase.neurons.leaky import VoltageState
from rheobase.surrogate import AbstractSurrogate, FastSigmoid
from rheobase.units import Role, anything, dimensionless, ms, mV, non_negative, positive, quantity


class FireState(NamedTuple):
    """Steps for which the compartment stays refractory."""

    remaining: Annotated[Array, dimensionless]


class Fire(AbstractPointNeuron):
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
    def neuron(self) -> Refractory:  # pyright: ignore[reportIncompatibleVariableOverride]
        make: Any = IF
        fire = make(v_th=self.v_th * mV, v_reset=self.v_reset * mV, spike=self.spike)
        # No period, 0, would be refused by `Refractory`.
        return eqx.tree_at(lambda n: n.period, Refractory(fire, 1 * ms), self.refractory)

    @property
    def c_m(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        return 0.0

    @property
    def conducts(self) -> bool:
        return False

    def whole(self, state: FireState, v: Array) -> RefractoryState:
        return RefractoryState(VoltageState(v), state.remaining)

    def parted(self, state: RefractoryState) -> FireState:
        return FireState(state.remaining)

    def check(self, dt: float) -> None:
        require_steps(self.refractory, dt, "Fire() without it")


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

    @property
    def onset(self) -> Onset:
        return Onset.EDGE

    @property
    def conducts(self) -> bool:
        return False

    def current(self, state: DetectorState, v: Array, ions: Ions) -> Array:
        return jnp.zeros_like(v)

    def moved(self, state: DetectorState, v: Array, ions: Ions, dt: float) -> DetectorState:
        return state

    def margin(self, state: DetectorState, v: Array) -> Array:
        return (v - self.v_th) / self.span

    def reset(self, state: DetectorState, v: Array) -> tuple[DetectorState, Array]:
        return state, v

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
