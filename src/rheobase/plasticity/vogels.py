"""Plasticity of inhibitory synapses that holds the postsynaptic rate."""

import equinox as eqx
from jax import Array

from rheobase.plasticity.base import (
    AbstractTraceRule,
    Change,
    Traces,
    bound,
    require_bounds,
    weakest,
)
from rheobase.plasticity.pair import Trace
from rheobase.units import Hz, Quantity, dimensionless, ms, non_negative, positive, quantity


class VogelsSTDP(AbstractTraceRule):
    r"""Symmetric inhibitory STDP, by which neurons approach a target rate.

    dx/dt = -x/tau;  dy/dt = -y/tau
    on a presynaptic spike:   w ← w + eta W (y - 2 rate tau),  then x ← x + 1
    on a postsynaptic spike:  w ← w + eta W x,                 then y ← y + 1

    with W = w_max - w_min, and w held between w_min and w_max. For uncorrelated spikes the mean
    change is eta W 2 tau r_pre (r_post - rate): inhibition grows while the postsynaptic neuron
    fires faster than `rate`. For a weight that is negative itself, in mV or nA, so is `w_max`.

    - `w_max`, `w_min` (unit of the weights, ()): strongest and weakest; `w_min` is 0 if left out.
    - `eta` (dimensionless, ()): of a near-coincident pair, relative to W.
    - `rate` (Hz, ()): of the postsynaptic neurons, where weights come to rest.
    - `tau` (ms, ()): of the window.

    Errors: `UnitError`, `ParameterError` for bounds that are none.
    Source: Vogels, Sprekeler, Zenke, Clopath & Gerstner 2011, Science 334:1569.

    >>> import rheobase as rb
    >>> from rheobase.units import Hz, mV
    >>> rule = rb.VogelsSTDP(w_max=-10 * mV, eta=0.001, rate=5 * Hz)
    """

    mu: float = eqx.field(static=True)
    w_max: Quantity = bound("strongest weight")
    w_min: Quantity = bound("weakest weight")
    eta: Array = quantity(dimensionless, non_negative, "learning rate", default=0.001)
    rate: Array = quantity(Hz, non_negative, "target rate", default=5 * Hz)
    tau: Array = quantity(ms, positive, "time constant of the window", default=20 * ms)

    def __init__(
        self,
        w_max: Quantity,
        eta: float = 0.001,
        rate: Quantity = 5 * Hz,
        tau: Quantity = 20 * ms,
        *,
        w_min: Quantity | None = None,
    ):
        self.w_max, self.w_min = w_max, weakest(w_min, w_max)
        self.eta, self.rate, self.tau = eta, rate, tau  # pyright: ignore
        self.mu = 0.0  # what a spike does is the same at every weight

    def __check_init__(self):
        require_bounds(self)

    def time_constants(self) -> Traces:
        return Traces(Trace(self.tau), Trace(self.tau))

    def on_pre(self, traces: Traces, spikes: Array) -> tuple[Change, Traces]:
        excess = traces.post.x - 2 * self.rate * self.tau
        change = Change(self.eta * spikes, excess, depresses=False)
        return change, traces._replace(pre=Trace(traces.pre.x + spikes))

    def on_post(self, traces: Traces, spikes: Array) -> tuple[Change, Traces]:
        change = Change(self.eta * traces.pre.x, spikes, depresses=False)
        return change, traces._replace(post=Trace(traces.post.x + spikes))
