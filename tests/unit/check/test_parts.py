"""Channels and synapses of one's own: what is right passes, and each kind of mistake is found."""

from typing import Annotated, NamedTuple

import jax.numpy as jnp
import pytest
from jax import Array

import rheobase as rb
from rheobase import channels as ch
from rheobase.check import check_channel, check_synapse
from rheobase.errors import ArgumentError
from rheobase.units import S, anything, cm, dimensionless, ms, mV, non_negative, positive, quantity
from tests.registry import CHANNELS, SYNAPSES


class KState(NamedTuple):
    n: Annotated[Array, dimensionless]


class K(ch.AbstractChannel):
    g: Array = quantity(S / cm**2, non_negative, "conductance", default=0.036 * S / cm**2)
    e: Array = quantity(mV, anything, "reversal potential", default=-77 * mV)

    def gates(self, v, ions):
        alpha = 0.1 * ch.exp_linear((v + 55) / 10)
        return KState(n=ch.by_rates(alpha, 0.125 * ch.exponential(-(v + 65) / 80)))

    def current(self, state, v, ions):
        return self.g * state.n**4 * (v - self.e)


def changed(base, **functions):
    """A class like another one with other functions."""
    return type(base.__name__, (base,), functions)


def failed(outcomes):
    return {o.law: o.message for o in outcomes if o.verdict == "failed"}


def test_a_right_channel_passes():
    assert {outcome.verdict for outcome in check_channel(K())} == {"passed"}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANNELS)
def test_ours_pass(name):
    assert not failed(check_channel(CHANNELS[name]()))


def hole(self, v, ions):
    alpha = 0.01 * (v + 55) / (1 - jnp.exp(-(v + 55) / 10))
    return KState(n=ch.by_rates(alpha, 0.125 * jnp.exp(-(v + 65) / 80)))


def negative(self, v, ions):
    return KState(n=ch.by_rates(0 * v, -0.125 * ch.exponential(-(v + 65) / 80)))


def bare(self, v, ions):
    return ch.by_rates(0.1 + 0 * v, 0.125 + 0 * v)


WRONG = {
    "no driving force": (
        {"current": lambda self, state, v, ions: self.g * state.n**4},
        "dimensions", "must be nA/um",
    ),
    "a voltage too many": (
        {"current": lambda self, state, v, ions: self.g * state.n**4 * (v - self.e) ** 2},
        "dimensions", "must be nA/um",
    ),
    "a hole at -55 mV": ({"gates": hole}, "finite", "`n` is nan at -55 mV"),
    "a negative rate": ({"gates": negative}, "rates", "`n` is negative"),
    "a bare gate": ({"gates": bare}, "state", "got a bare Gate"),
    "a sum over compartments": (
        {"current": lambda self, state, v, ions: self.g * state.n**4 * (v - self.e) * jnp.size(v)},
        "elementwise", "differ from a loop",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_in_a_channel_is_found(what):
    functions, law, text = WRONG[what]
    found = failed(check_channel(changed(K, **functions)()))
    assert text in found[law]


def test_a_bare_gate_is_refused_where_a_cell_begins():
    cell = rb.Cell(rb.morphology.soma(radius=10 * rb.units.um))
    with pytest.raises(ArgumentError, match=r"`gates` of K .*bare Gate.*return KState\(n="):
        rb.simulate(cell.insert(changed(K, gates=bare)()), duration=1 * ms, dt=0.025 * ms)


class Own(rb.synapses.AbstractSynapse):
    tau: Array = quantity(ms, positive, "decay", default=5 * ms)

    def init(self):
        return rb.Exponential().init()

    def arrive(self, state, weight):
        return state._replace(g=state.g + weight)

    def derivative(self, state):
        return state._replace(g=-state.g / self.tau)

    def output(self, state):
        return state.g


def test_a_right_synapse_passes():
    assert {outcome.verdict for outcome in check_synapse(Own())} == {"passed"}


@pytest.mark.parametrize("name", [n for n, row in SYNAPSES.items() if row.events])
def test_our_synapses_pass(name):
    assert not failed(check_synapse(SYNAPSES[name].make()))


WRONG_SYNAPSES = {
    "no time constant": (
        {"derivative": lambda self, state: state._replace(g=-state.g)}, "dimensions", "nA/ms"
    ),
    "it grows": (
        {"derivative": lambda self, state: state._replace(g=state.g / self.tau)},
        "silent", "never",
    ),
    "it saturates": (
        {"arrive": lambda self, state, w: state._replace(g=jnp.tanh(state.g + w))},
        "linear", "twice",
    ),
    "another state": ({"derivative": lambda self, state: state.g}, "state", "`derivative` ret"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG_SYNAPSES)
def test_a_mistake_in_a_synapse_is_found(what):
    functions, law, text = WRONG_SYNAPSES[what]
    found = failed(check_synapse(changed(Own, **functions)()))
    assert text in found[law]


def test_what_is_neither_is_refused():
    with pytest.raises(ArgumentError, match="got a LIF neuron.*check_channel"):
        check_channel(rb.LIF())
    with pytest.raises(ArgumentError, match="got a LIF neuron.*check_synapse"):
        check_synapse(rb.LIF())
