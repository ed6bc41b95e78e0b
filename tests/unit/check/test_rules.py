"""Learning rules of one's own: what is right passes, and each kind of mistake is found."""

from typing import NamedTuple

import jax.numpy as jnp
import pytest
from jax import Array

import rheobase as rb
from rheobase.check import check_rule
from rheobase.errors import ArgumentError
from rheobase.plasticity import AbstractTraceRule, Change, Traces
from rheobase.plasticity.base import bound
from rheobase.units import Hz, Quantity, dimensionless, ms, mV, nA, non_negative, positive, quantity
from tests.unit.check.test_parts import changed, failed

OURS = {
    "pair": lambda: rb.PairSTDP(w_max=1 * nA, mu=0.5, target=0.1),
    "nearest": lambda: rb.PairSTDP(w_max=-1 * mV, pairing="nearest"),
    "triplet": lambda: rb.TripletSTDP(w_max=2 * nA, w_min=1 * nA),
    "inhibitory": lambda: rb.VogelsSTDP(w_max=-10 * mV),
    "rewarded": lambda: rb.RewardModulated(rb.PairSTDP(w_max=1 * nA), reward=0.1 / ms),
}


@pytest.mark.parametrize("name", OURS)
def test_ours_pass(name):
    assert not failed(check_rule(OURS[name]()))


class Trace(NamedTuple):
    x: Array


class Homeostatic(AbstractTraceRule):
    """Weakens by presynaptic spikes, strengthens by postsynaptic ones below a rate."""

    w_max: Quantity = bound("strongest weight", default=1 * nA)
    w_min: Quantity = bound("weakest weight", default=0 * nA)
    mu: float = 0.0
    eta: Array = quantity(dimensionless, non_negative, "learning rate", default=0.1)
    tau: Array = quantity(ms, positive, "memory of spikes", default=20 * ms)
    rate: Array = quantity(Hz, non_negative, "target rate", default=5 * Hz)

    def time_constants(self):
        return Traces(Trace(self.tau), Trace(self.tau))

    def on_pre(self, traces, spikes):
        excess = self.rate * self.tau - traces.post.x
        return Change(self.eta * spikes, excess, False), self.seen("pre", traces, spikes)

    def on_post(self, traces, spikes):
        return Change(traces.pre.x, self.eta * spikes, False), self.seen("post", traces, spikes)

    def seen(self, side, traces, spikes):
        return traces._replace(**{side: Trace(getattr(traces, side).x + spikes)})


def test_a_right_rule_passes():
    assert {outcome.verdict for outcome in check_rule(Homeostatic())} == {"passed"}


def no_time(self, traces, spikes):
    excess = self.rate - traces.post.x
    return Change(self.eta * spikes, excess, False), self.seen("pre", traces, spikes)


def all_the_time(self, traces, spikes):
    change = Change(self.eta + 0 * spikes, traces.post.x, False)
    return change, self.seen("pre", traces, spikes)


def mean_field(self, traces, spikes):
    change = Change(traces.pre.x, self.eta * spikes * jnp.sum(spikes), False)
    return change, self.seen("post", traces, spikes)


def other_side(self, traces, spikes):
    return Change(traces.post.x, self.eta * spikes, False), self.seen("post", traces, spikes)


def alone(self, traces, spikes):
    return Change(traces.pre.x, self.eta * spikes, False)


WRONG = {
    "a rate without a time": ({"on_pre": no_time}, "dimensions", "1/ms"),
    "a time constant that is a rate": (
        {"time_constants": lambda self: Traces(Trace(self.rate), Trace(self.tau))},
        "dimensions", "ms",
    ),
    "it changes without spikes": ({"on_pre": all_the_time}, "silent", "that is silent"),
    "a sum over neurons": ({"on_post": mean_field}, "local", "synapse 0 -> "),
    "the sides exchanged": ({"on_post": other_side}, "state", "`pre` of the change of `on_post`"),
    "no traces": ({"on_post": alone}, "state", "must return (Change(pre, post"),
    "it grows beyond all bounds": (
        {"step": lambda self, synapses, state, weight, now, dt: (weight + 0.1, state)},
        "bounds", "outside of the bounds",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_found(what):
    functions, law, text = WRONG[what]
    assert text in failed(check_rule(changed(Homeostatic, **functions)()))[law]


def test_what_is_no_rule_is_refused():
    with pytest.raises(ArgumentError, match="got a LIF neuron.*check_rule"):
        check_rule(rb.LIF())
