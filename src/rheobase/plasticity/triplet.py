"""Spike-timing-dependent plasticity of triplets of spikes."""

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
from rheobase.units import Quantity, anything, dimensionless, ms, positive, quantity


class FastAndSlow(NamedTuple):
    """Two traces of the spikes of a side."""

    fast: Array
    slow: Array


class TripletSTDP(AbstractTraceRule):
    r"""Triplet STDP: pairs as in `PairSTDP`, made stronger by earlier spikes of the same side.

    dr1/dt = -r1/tau_plus;   dr2/dt = -r2/tau_x
    do1/dt = -o1/tau_minus;  do2/dt = -o2/tau_y
    on a presynaptic spike:   w ← w - W f_-(w) o1 (A2_minus + A3_minus r2),  then r1, r2 ← + 1
    on a postsynaptic spike:  w ← w + W f_+(w) r1 (A2_plus + A3_plus o2),    then o1, o2 ← + 1

    with W = w_max - w_min, f_-(w) = ((w - w_min)/W)^mu, f_+(w) = ((w_max - w)/W)^mu, and w held
    between w_min and w_max. Potentiation grows with the rate of the postsynaptic neuron, as found
    in visual cortex, where pairs alone fail.

    - `w_max`, `w_min` (unit of the weights, ()): strongest and weakest; `w_min` is 0 if left out.
    - `A2_plus`, `A2_minus`, `A3_plus`, `A3_minus` (dimensionless, ()): of pairs and of triplets.
    - `tau_plus`, `tau_minus`, `tau_x`, `tau_y` (ms, ()): decay of r1, o1, r2, o2.
    - `pairing`: of `"all"` spikes, or of the `"nearest"` ones only (traces ← 1).
    - `mu`: 0 additive, 1 multiplicative.

    Errors: `UnitError`, `ParameterError` for bounds that are none; `UnknownName` for a pairing.
    Source: Pfister & Gerstner 2006, J Neurosci 26:9673; the defaults are their minimal model of
    visual cortex, all spikes paired.

    >>> import rheobase as rb
    >>> from rheobase.units import nA
    >>> rule = rb.TripletSTDP(w_max=0.5 * nA)
    >>> rule.w_max
    0.5 nA
    """

    pairing: Literal["all", "nearest"] = eqx.field(static=True)
    mu: float = eqx.field(static=True)
    w_max: Quantity = bound("strongest weight")
    w_min: Quantity = bound("weakest weight")
    A2_plus: Array = quantity(dimensionless, anything, "strengthening by a pair", default=0.0)
    A2_minus: Array = quantity(dimensionless, anything, "weakening by a pair", default=0.0071)
    A3_plus: Array = quantity(dimensionless, anything, "strengthening by a triplet", default=0.0065)
    A3_minus: Array = quantity(dimensionless, anything, "weakening by a triplet", default=0.0)
    tau_plus: Array = quantity(ms, positive, "fast memory of presynaptic spikes", default=16.8 * ms)
    tau_minus: Array = quantity(
        ms, positive, "fast memory of postsynaptic spikes", default=33.7 * ms
    )
    tau_x: Array = quantity(ms, positive, "slow memory of presynaptic spikes", default=101 * ms)
    tau_y: Array = quantity(ms, positive, "slow memory of postsynaptic spikes", default=114 * ms)

    def __init__(
        self,
        w_max: Quantity,
        A2_plus: float = 0.0,
        A2_minus: float = 0.0071,
        A3_plus: float = 0.0065,
        A3_minus: float = 0.0,
        *,
        tau_plus: Quantity = 16.8 * ms,
        tau_minus: Quantity = 33.7 * ms,
        tau_x: Quantity = 101 * ms,
        tau_y: Quantity = 114 * ms,
        pairing: Literal["all", "nearest"] = "all",
        mu: float = 0.0,
        w_min: Quantity | None = None,
    ):
        self.w_max, self.w_min = w_max, weakest(w_min, w_max)
        self.A2_plus, self.A2_minus = A2_plus, A2_minus  # pyright: ignore
        self.A3_plus, self.A3_minus = A3_plus, A3_minus  # pyright: ignore
        self.tau_plus, self.tau_minus = tau_plus, tau_minus  # pyright: ignore
        self.tau_x, self.tau_y = tau_x, tau_y  # pyright: ignore
        self.pairing, self.mu = pairing, mu

    def __check_init__(self):
        require_bounds(self)
        require_exponent(self.mu)
        require_pairing(self.pairing)

    def time_constants(self) -> Traces:
        return Traces(
            FastAndSlow(self.tau_plus, self.tau_x), FastAndSlow(self.tau_minus, self.tau_y)
        )

    def on_pre(self, traces: Traces, spikes: Array) -> tuple[Change, Traces]:
        r, o = traces
        amplitude = self.A2_minus + self.A3_minus * r.slow
        change = Change(-amplitude * spikes, o.fast, depresses=True)
        return change, Traces(self._jumped(r, spikes), o)

    def on_post(self, traces: Traces, spikes: Array) -> tuple[Change, Traces]:
        r, o = traces
        amplitude = self.A2_plus + self.A3_plus * o.slow
        change = Change(r.fast, amplitude * spikes, depresses=False)
        return change, Traces(r, self._jumped(o, spikes))

    def _jumped(self, traces: FastAndSlow, spikes: Array) -> FastAndSlow:
        return FastAndSlow(*(jumped(x, spikes, self.pairing) for x in traces))
