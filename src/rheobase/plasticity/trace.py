"""Spike-timing-dependent plasticity by the trace of what came before a postsynaptic spike."""

from typing import Literal

import equinox as eqx
from jax import Array

from rheobase.plasticity.base import (
    AbstractTraceRule,
    Change,
    Traces,
    bound,
    jumped,
    require_bounds,
    require_exponent,
    require_pairing,
    weakest,
)
from rheobase.plasticity.pair import Trace
from rheobase.units import Quantity, anything, dimensionless, ms, non_negative, positive, quantity


class TraceSTDP(AbstractTraceRule):
    r"""STDP in which a postsynaptic spike draws its synapses to what has just been active.

    dx/dt = -x/tau_plus;   dy/dt = -y/tau_minus
    on a presynaptic spike:   w ← w - A_minus W ((w - w_min)/W)^mu y,            then x ← x + 1
    on a postsynaptic spike:  w ← w + A_plus W ((w_max - w)/W)^mu (x - target),  then y ← y + 1

    with W = w_max - w_min, and w held between w_min and w_max. Synapses whose trace is below the
    target are weakened, so that inputs that stay silent when a neuron fires are forgotten.

    - `w_max`, `w_min` (unit of the weights, ()): strongest and weakest; `w_min` is 0 if left out.
    - `A_plus` (dimensionless, ()): of a postsynaptic spike, relative to W.
    - `target` (dimensionless, ()): trace at which a postsynaptic spike changes nothing.
    - `A_minus` (dimensionless, ()): of a presynaptic spike; 0 to learn at postsynaptic ones alone.
    - `tau_plus`, `tau_minus` (ms, ()): memory of pre- and of postsynaptic spikes.
    - `pairing`: `"all"` spikes, or the `"nearest"` only (x ← 1, y ← 1).
    - `mu`: how a change depends on the weight, as in `PairSTDP`.

    Errors: `UnitError`, `ParameterError` for bounds that are none; `UnknownName` for a pairing.
    Source: Diehl & Cook 2015, Front Comput Neurosci 9:99.

    >>> import rheobase as rb
    >>> from rheobase.units import mV
    >>> rule = rb.TraceSTDP(w_max=1 * mV, A_plus=0.01, target=0.4, mu=0.2)
    >>> rule.w_min
    0 mV
    """

    pairing: Literal["all", "nearest"] = eqx.field(static=True)
    mu: float = eqx.field(static=True)
    w_max: Quantity = bound("strongest weight")
    w_min: Quantity = bound("weakest weight")
    A_plus: Array = quantity(dimensionless, anything, "change at a post spike", default=0.01)
    target: Array = quantity(dimensionless, non_negative, "trace without a change", default=0.4)
    A_minus: Array = quantity(dimensionless, anything, "weakening at a pre spike", default=0.0)
    tau_plus: Array = quantity(ms, positive, "memory of presynaptic spikes", default=20 * ms)
    tau_minus: Array = quantity(ms, positive, "memory of postsynaptic spikes", default=20 * ms)

    def __init__(
        self,
        w_max: Quantity,
        A_plus: float = 0.01,
        target: float = 0.4,
        A_minus: float = 0.0,
        tau_plus: Quantity = 20 * ms,
        tau_minus: Quantity = 20 * ms,
        *,
        pairing: Literal["all", "nearest"] = "all",
        mu: float = 0.0,
        w_min: Quantity | None = None,
    ):
        self.w_max, self.w_min = w_max, weakest(w_min, w_max)
        self.A_plus, self.target, self.A_minus = A_plus, target, A_minus  # pyright: ignore
        self.tau_plus, self.tau_minus = tau_plus, tau_minus  # pyright: ignore
        self.pairing, self.mu = pairing, mu

    def __check_init__(self):
        require_bounds(self)
        require_exponent(self.mu)
        require_pairing(self.pairing)

    def time_constants(self) -> Traces:
        return Traces(Trace(self.tau_plus), Trace(self.tau_minus))

    def on_pre(self, traces: Traces, spikes: Array) -> tuple[Change, Traces]:
        change = Change(-self.A_minus * spikes, traces.post.x, depresses=True)
        pre = Trace(jumped(traces.pre.x, spikes, self.pairing))
        return change, traces._replace(pre=pre)

    def on_post(self, traces: Traces, spikes: Array) -> tuple[Change, Traces]:
        change = Change(self.A_plus * (traces.pre.x - self.target), spikes, depresses=False)
        post = Trace(jumped(traces.post.x, spikes, self.pairing))
        return change, traces._replace(post=post)
