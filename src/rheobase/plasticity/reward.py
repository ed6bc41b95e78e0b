"""Reward-modulated plasticity: what spikes have earned, a reward pays out."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from rheobase.errors import ArgumentError, ShapeError, brief
from rheobase.kernels.plasticity import Eligibility, mark, reap
from rheobase.plasticity.base import AbstractRule, AbstractTraceRule, Arrivals, Synapses, Traces
from rheobase.stimulus import AbstractStimulus, Grid, as_stimulus
from rheobase.time import Clock
from rheobase.units import Quantity, UnitError, ms, positive, quantity


class RewardState(NamedTuple):
    """The traces of the inner rule, and what synapses have earned."""

    traces: Traces
    eligibility: Eligibility


class RewardModulated(AbstractRule):
    r"""A rule whose changes are not made but remembered, until a reward turns them into changes.

    de/dt = -e/tau_e, and e jumps where w would under the inner rule;   dw/dt = reward(t) e

    with w held between the bounds of the inner rule. A negative reward punishes. In each step in
    which the reward is not 0, every weight changes by reward e dt, with e as it is at the end of
    the step, its spikes included; in other steps only the synapses of spikes are touched.

    - `rule`: `PairSTDP`, `TripletSTDP` or another; e is in the unit of its weights.
    - `tau_e` (ms, ()): for how long a pair of spikes is remembered.
    - `reward` (1/ms, a stimulus of one value or a constant): a success signal, the same for all
      synapses; a pulse of one step and amplitude 1/dt pays out e once. To let the reward depend on
      what the network did, simulate in parts, each continuing from the state of the one before.

    Errors: `UnitError` for a reward that is no rate, `ArgumentError` for a random one.
    Source: Izhikevich 2007, Cereb Cortex 17:2443.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> reward = rb.stimulus.Step(0.01 / ms, start=500 * ms, stop=600 * ms)
    >>> rule = rb.RewardModulated(rb.PairSTDP(w_max=0.5 * nA), tau_e=1000 * ms, reward=reward)
    """

    rule: AbstractTraceRule
    reward: AbstractStimulus
    tau_e: Array = quantity(ms, positive, "memory of what was earned", default=1000 * ms)

    def __init__(
        self,
        rule: AbstractTraceRule,
        reward: AbstractStimulus | Quantity,
        tau_e: Quantity = 1000 * ms,
    ):
        if not isinstance(rule, AbstractTraceRule):
            raise ArgumentError(
                f"`rule` is one such as rb.PairSTDP(w_max=0.5*nA), got {brief(rule)}."
            )
        self.rule = rule
        self.reward = as_stimulus(reward, ms**-1)
        self.tau_e = tau_e  # pyright: ignore[reportAttributeAccessIssue]

    def __check_init__(self):
        reward = self.reward
        if not reward.unit.same_dimension(ms**-1):
            raise UnitError(
                f"`reward` is a rate, measured in 1/ms, got one in {reward.unit}. "
                f"Write for example rb.stimulus.Step(0.01/ms, start=500*ms)."
            )
        if reward.random:
            raise ArgumentError("`reward` is a known function of time, got one that is random.")
        if reward.shape != ():
            raise ShapeError(f"`reward` is one value for all synapses, got shape {reward.shape}.")

    @property
    def bounds(self) -> tuple[Quantity, Quantity]:
        return self.rule.bounds

    def check(self, dt: float) -> None:
        self.reward.check(dt)

    def start(self, synapses: Synapses, dtype: Any) -> RewardState:
        count = synapses.to.target.shape
        eligibility = Eligibility(jnp.zeros(count, dtype), jnp.zeros(count, jnp.int32))
        return RewardState(self.rule.start(synapses, dtype), eligibility)

    def step(
        self, synapses: Synapses, state: RewardState, weight: Array, now: Arrivals, dt: float
    ) -> tuple[Array, RewardState]:
        rule, rate, word = self.rule, dt / self.tau_e, now.number.word()
        to, by_post = synapses
        earned = state.eligibility
        traces = rule.decayed(state.traces, dt)

        change, traces = rule.on_pre(traces, now.pre)
        course = rule.course(change.depresses)
        earned = mark(to, None, earned, weight, rule.ends(change), course, word, rate)
        change, traces = rule.on_post(traces, now.post)
        course = rule.course(change.depresses)
        earned = mark(to, by_post, earned, weight, rule.ends(change), course, word, rate)

        grid = Grid(Clock(*(x[None] for x in now.number)), dt, (), weight.dtype)
        values, _ = self.reward.values(grid, self.reward.start((), weight.dtype), None)
        reward = values[0].astype(weight.dtype) * dt
        last = word, rate, now.delivered
        weight, earned = reap(to, weight, earned, reward, course, *last)
        return weight, RewardState(traces, earned)
