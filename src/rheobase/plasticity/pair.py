"""Spike-timing-dependent plasticity of pairs of spikes."""

from typing import Literal, NamedTuple

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
from rheobase.units import Quantity, anything, dimensionless, ms, non_negative, positive, quantity


class Trace(NamedTuple):
    """One trace of the spikes of a side."""

    x: Array


class PairSTDP(AbstractTraceRule):
    r"""Pair-based STDP: pre before post strengthens a synapse, post before pre weakens it.

    dx/dt = -x/tau_plus;   dy/dt = -y/tau_minus
    on a presynaptic spike:   w ← w - A_minus W ((w - w_min)/W)^mu y,  then x ← x + 1
    on a postsynaptic spike:  w ← w + A_plus W ((w_max - w)/W)^mu (x - target),  then y ← y + 1

    with W = w_max - w_min, and w held between w_min and w_max. So a pair of spikes that are
    t = t_post - t_pre apart changes a weight by A_plus W e^(-t/tau_plus) for t >= 0 and by
    -A_minus W e^(t/tau_minus) for t < 0 (mu = 0, target = 0).

    With a target above 0 it is the rule of Diehl & Cook, often called trace STDP: synapses whose
    trace is below the target are weakened, so that inputs that stay silent when a neuron fires
    are forgotten. A_minus = 0 then learns at postsynaptic spikes alone.

    - `w_max`, `w_min` (unit of the weights, ()): strongest and weakest; `w_min` is 0 if left out.
    - `A_plus`, `A_minus` (dimensionless, ()): of a single pair, relative to W.
    - `tau_plus`, `tau_minus` (ms, ()): of the two sides of the window.
    - `pairing`: `"all"` pairs of spikes, or with the `"nearest"` one only (x ← 1, y ← 1).
    - `target` (dimensionless, ()): trace at which a postsynaptic spike changes nothing.
    - `mu`: 0 additive (weights become bimodal), 1 multiplicative (unimodal), or between.

    Errors: `UnitError`, `ParameterError` for bounds that are none; `UnknownName` for a pairing.
    Source: Song, Miller & Abbott 2000, Nat Neurosci 3:919 (defaults); mu: Gütig et al. 2003,
    J Neurosci 23:3697; pairings: Morrison, Diesmann & Gerstner 2008, Biol Cybern 98:459;
    target: Diehl & Cook 2015, Front Comput Neurosci 9:99.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> rule = rb.PairSTDP(w_max=0.5 * nA, A_plus=0.01, A_minus=0.0105, tau_minus=20 * ms)
    >>> net = rb.Network(
    ...     {"a": rb.Population(rb.LIF(), 10), "b": rb.Population(rb.LIF(), 5)},
    ...     [rb.Connection("a", "b", rb.Dense(), rb.Exponential(), weight=0.2 * nA,
    ...                    plasticity=rule)],
    ... )
    >>> run = rb.simulate(net, duration=1 * ms, dt=0.1 * ms)
    >>> run.weights("a", "b").shape
    (50,)
    """

    pairing: Literal["all", "nearest"] = eqx.field(static=True)
    mu: float = eqx.field(static=True)
    w_max: Quantity = bound("strongest weight")
    w_min: Quantity = bound("weakest weight")
    A_plus: Array = quantity(dimensionless, anything, "strengthening by a pair", default=0.005)
    A_minus: Array = quantity(dimensionless, anything, "weakening by a pair", default=0.00525)
    tau_plus: Array = quantity(ms, positive, "memory of presynaptic spikes", default=20 * ms)
    tau_minus: Array = quantity(ms, positive, "memory of postsynaptic spikes", default=20 * ms)
    target: Array = quantity(dimensionless, non_negative, "trace without a change", default=0.0)

    def __init__(
        self,
        w_max: Quantity,
        A_plus: float = 0.005,
        A_minus: float = 0.00525,
        tau_plus: Quantity = 20 * ms,
        tau_minus: Quantity = 20 * ms,
        *,
        pairing: Literal["all", "nearest"] = "all",
        mu: float = 0.0,
        w_min: Quantity | None = None,
        target: float = 0.0,
    ):
        self.w_max, self.w_min = w_max, weakest(w_min, w_max)
        self.A_plus, self.A_minus = A_plus, A_minus  # pyright: ignore[reportAttributeAccessIssue]
        self.tau_plus, self.tau_minus = tau_plus, tau_minus  # pyright: ignore
        self.pairing, self.mu, self.target = pairing, mu, target  # pyright: ignore

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
