"""Absolute refractoriness for any neuron with a reset."""

from typing import Annotated, Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.adaptors.base import AbstractStatefulAdaptor, require_first, require_neuron
from rheobase.errors import StepperError, UnknownName
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane
from rheobase.time import whole_steps
from rheobase.units import dimensionless, ms, positive, quantity

_WHOLE = 1e-5
"""Part of a period by which it may differ from whole steps: what float32 leaves of it."""


class RefractoryState(NamedTuple):
    """The neuron, and how many steps it is still held."""

    neuron: Any
    remaining: Annotated[Array, dimensionless]


class Refractory(AbstractStatefulAdaptor):
    r"""A neuron that is held for `period` after each spike and cannot fire meanwhile.

    A spike in step k holds the steps k+1 ... k+m with m = round(period/dt), counted in integers, so
    that m is the same at any simulated time and in both precisions. `hold="v"` holds the voltage
    and lets every other variable go on; `hold="all"` holds every variable of the neuron. **Input
    that reaches a held variable is lost**, currents and delta inputs alike; what reaches another
    (the synaptic current of `CubaLIF` under `hold="v"`) is kept.

    period (ms), shape (*n,). Errors: `CompositionError` for a neuron without reset, and from
    `simulate` `StepperError` where dt is longer than the period.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> neuron = rb.Refractory(rb.LIF(), 2 * ms)
    >>> run = rb.simulate(neuron, current=1e4 * nA, duration=100 * ms, dt=0.5 * ms)
    >>> run.spikes.sum().item()
    40.0
    """

    neuron: AbstractMembrane
    hold_which: Literal["v", "all"] = eqx.field(static=True)
    period: Array = quantity(ms, positive, "refractory period")

    def __init__(self, neuron: AbstractMembrane, period: Any, hold: Literal["v", "all"] = "v"):
        require_neuron("Refractory", neuron, resets=True)
        require_first(Refractory, neuron)
        if hold not in ("v", "all"):
            raise UnknownName("hold", hold, ("v", "all"))
        self.neuron = neuron
        self.period = period
        self.hold_which = hold

    def init(self) -> RefractoryState:
        return RefractoryState(self.neuron.init(), np.zeros((), np.int32))  # pyright: ignore

    def derivative(self, state: RefractoryState, current: Array) -> RefractoryState:
        inner = self.neuron.derivative(state.neuron, current)
        return RefractoryState(inner, jnp.zeros_like(state.remaining))

    def hold(self, old: RefractoryState, new: RefractoryState) -> RefractoryState:
        held = old.remaining > 0
        inner = self.neuron.hold(old.neuron, new.neuron)
        if self.hold_which == "all":
            inner = jax.tree.map(lambda o, n: jnp.where(held, o, n), old.neuron, inner)
        else:
            v = jnp.where(held, variables.get(old.neuron, "v"), variables.get(inner, "v"))
            inner = variables.replace(inner, "v", v)
        return new._replace(neuron=inner)

    def ready(self, state: RefractoryState) -> Array | bool:
        return (state.remaining == 0) & self.neuron.ready(state.neuron)

    @property
    def pause(self) -> Array | float:
        return self.period + self.neuron.pause

    def count(self, state: RefractoryState, spike: Array, dt: float) -> RefractoryState:
        remaining = jnp.maximum(state.remaining - 1, 0)
        return RefractoryState(
            self.neuron.count(state.neuron, spike, dt),
            jnp.where(spike > 0, whole_steps(self.period, dt), remaining),
        )

    def check(self, dt: float) -> None:
        self.neuron.check(dt)
        require_steps(self.period, dt, "leave Refractory out")

    def check_substep(self, dt: float) -> None:
        self.neuron.check_substep(dt)
        if isinstance(self.period, Tracer):
            return
        periods = np.ravel(np.asarray(self.period, float))
        whole = np.maximum(whole_steps(periods, dt), 1)
        off = np.abs(periods / (whole * dt) - 1)
        worst = int(np.argmax(off))
        if off[worst] > _WHOLE:
            period, steps = periods[worst], whole[worst]
            raise StepperError(
                f"the refractory period, {period:g} ms, is no whole number of steps of dt = "
                f"{dt:g} ms. It is counted in steps, so that spike times located inside a step "
                f"would be off by {abs(period - steps * dt):.2g} ms. Write dt={period / steps:.6g}"
                f"*ms, or period={steps * dt:g}*ms."
            )


def require_steps(period: Array, dt: float, instead: str) -> None:
    """Refuse a step of dt (ms) that is longer than a period (ms), unless there is none, 0."""
    if isinstance(period, Tracer):
        return
    lasting = np.asarray(period)
    shortest = float(np.min(lasting, where=lasting > 0, initial=np.inf))
    if dt > shortest * (1 + 1e-6):
        raise StepperError(
            f"dt = {dt:g} ms is longer than the refractory period, {shortest:g} ms, which "
            f"would last no step. Write dt={shortest / 10:g}*ms, or {instead}."
        )
