"""A step that the gates of a model cannot follow is refused, with the longest that they can."""

import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import StepperError
from rheobase.units import cm, kelvin, ms, mV, nA, nF, uF, um

SOMA = rb.morphology.soma(radius=10 * um)
CELL = rb.Cell(SOMA).insert(ch.HH())


def shortest(system, dt, **arguments):
    return rb.simulate(system, duration=dt, dt=dt, **arguments)


@pytest.mark.parametrize(
    "system",
    [
        CELL,
        rb.HodgkinHuxley(),
        rb.TraubMiles(),
        rb.HodgkinHuxley(C=[0.01, 0.02] * nF),
        rb.Network({"a": rb.Population(rb.TraubMiles(), 2)}),
        rb.Network({"a": rb.Population(CELL.insert(ch.SpikeDetector(), at="soma"), 2)}),
    ],
    ids=lambda system: type(system).__name__,
)
def test_a_step_of_many_time_constants_is_refused_at_every_door(system):
    with pytest.raises(StepperError, match=r"gate m relaxes in 0\.03.*dt=0\.2\d?\*ms.*coarse=True"):
        shortest(system, 0.5 * ms)


def driven(network, dt, **more):
    return rb.train.Driven(network, dt=dt, into="in", out="e", **more)


DOORS = {
    "a network as a model": driven,
    "one step a call": lambda network, dt, **more: rb.compiled(network, dt=dt, **more),
    "one neuron a call": lambda network, dt, **more: rb.compiled(
        network.populations["e"].neuron, dt=dt, **more
    ),
    "a stack": lambda network, dt, **more: rb.Sequential(
        rb.Linear(3, 2), network.populations["e"].neuron, dt=dt, **more
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_those_that_train_or_go_step_by_step_refuse_it_too(door):
    network = rb.Network(
        {"in": rb.SpikeSource([] * ms, [], n=3), "e": rb.Population(rb.HodgkinHuxley(), 2)},
        rb.Connection("in", "e", rb.Dense(), rb.Exponential(tau=5 * ms), weight=1 * nA),
    )
    with pytest.raises(StepperError, match=r"gate m relaxes in 0\.03.*dt=0\.23\*ms.*coarse=True"):
        DOORS[door](network, 1 * ms)
    DOORS[door](network, 1 * ms, coarse=True)
    DOORS[door](network, 0.1 * ms)


def test_the_longest_step_is_some_time_constants_of_the_fastest_gate():
    # beta_m of Hodgkin and Huxley at -100 mV, beside which alpha_m is 3e-3.
    tau = 1 / (4 * np.exp(35 / 18))
    with pytest.raises(StepperError, match="relaxes in 0.0357"):
        shortest(CELL, 6.6 * tau * ms)
    shortest(CELL, 6.4 * tau * ms)


def test_it_can_be_taken_all_the_same():
    assert shortest(CELL, 0.5 * ms, coarse=True).steps == 1


def test_temperature_and_kinetic_schemes_count():
    warm = ch.Q10(ch.HH(), q10=3.0, reference=279.45 * kelvin)
    cell = rb.Cell(SOMA, solutions=ch.Solutions(temperature=299.45 * kelvin)).insert(warm)
    with pytest.raises(StepperError, match=r"HH.*dt=0\.025\*ms"):  # nine times as fast
        shortest(cell, 0.03 * ms)
    with pytest.raises(StepperError, match="KScheme"):
        shortest(rb.Cell(SOMA).insert(ch.KScheme()), 1 * ms)


def test_a_gate_that_is_meant_to_follow_at_once_sets_no_bound():
    class AtOnce(ch.AbstractChannel):
        def gates(self, v, ions):
            return ch.states.Activation(ch.by_time_constant(1 / (1 + jnp.exp(-v / 9)), 1e-3))

        def current(self, state, v, ions):
            return 1e-6 * state.m * (v + 80)

    assert shortest(rb.Cell(SOMA).insert(AtOnce()), 0.1 * ms).steps == 1


def test_passive_cells_and_neurons_without_gates_take_any_step():
    shortest(rb.Cell(SOMA).insert(ch.Leak()), 1 * ms)
    shortest(rb.AdEx(), 1 * ms)


@pytest.mark.parametrize("stepper", [rb.Midpoint(), rb.Heun(), rb.Euler(), rb.RungeKutta4()])
def test_an_explicit_rule_is_refused_where_a_spike_would_blow_up(stepper):
    # alpha_m is 32/ms at 50 mV: stable steps end at 2/32 ms, of RungeKutta4 at 2.79/32 ms.
    with pytest.raises(StepperError, match="stable step"):
        shortest(rb.TraubMiles(), 0.1 * ms, stepper=stepper)


def test_spikes_at_the_longest_step_are_those_of_a_short_one():
    stick = rb.Cell(rb.morphology.ball_and_stick(), max_length=20 * um, capacitance=1 * uF / cm**2)
    cell = stick.insert(ch.HH(), at="soma").insert(ch.Leak(e=-70 * mV), at="dendrite")
    cell = cell.insert(ch.SpikeDetector(), at="soma")
    counts = [
        rb.simulate(cell, current={cell.at("soma"): 1 * nA}, duration=100 * ms, dt=dt * ms).counts
        for dt in (0.025, 0.2)
    ]
    assert counts[0] == counts[1] > 5
