"""Adaptors compose in any order that makes sense; the others are refused with an explanation."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.adaptors.base import chain
from rheobase.errors import CompositionError, UnknownName
from rheobase.neurons import Onset
from rheobase.units import ms, mV, nA
from tests.laws.helpers import assert_close, poised, short
from tests.registry import ADAPTORS, NEURONS, N, every_neuron_in_time

STACK = [name for name in ADAPTORS if name not in ("Refractory all", "Mismatch voltages")]
PAIRS = [
    pair
    for pair in itertools.combinations(STACK, 2)
    if pair != ("Noise", "WhiteNoise")  # they draw other random numbers in the other order
]
SOME_PAIRS = [
    pytest.param(pair, marks=() if k % 3 == 0 else pytest.mark.slow) for k, pair in enumerate(PAIRS)
]


def wrapped(neuron, order):
    """A neuron in adaptors, the first of them outermost."""
    for name in reversed(order):
        if name == "Mismatch":  # of the neuron alone, wherever it stands
            own = [p for p in ("tau", "C") if p in rb.units.parameters(neuron_of(neuron))]
            full = f"{type(neuron_of(neuron)).__name__}.{own[0]}"
            neuron = rb.Mismatch(neuron, 0.1, (full,), key=jax.random.key(7), n=N)
        else:
            neuron = ADAPTORS[name].wrap(neuron)
    return neuron


def neuron_of(adapted):
    return chain(adapted)[-1]


def run_of(name, order, steps=150, **more):
    row = NEURONS[name]
    neuron = wrapped(row.make(), order)
    start = poised(row.make(), -0.3)
    return short(neuron, 4 * row.drive, row.dt, steps, init=start, n=N, **more)


@every_neuron_in_time
def test_all_adaptors_at_once_stay_finite_in_both_orders(name):
    fitting = [a for a in STACK if NEURONS[name].resets or not ADAPTORS[a].needs_reset]
    for order in (fitting, fitting[::-1]):
        run = run_of(name, order)
        assert all(jnp.all(jnp.isfinite(x)) for x in run.traces.values())
        assert not NEURONS[name].fires or run.counts.max() > 0


def assert_commute(name, pair):
    one, two = run_of(name, pair), run_of(name, pair[::-1])
    assert one.counts.max() > 0
    np.testing.assert_array_equal(one.spikes, two.spikes)
    # The variance of WhiteNoise is that of the membrane which it wraps: it cannot see what an
    # adaptor around it adds to the slope, which an upstroke makes large in time.
    sees = "WhiteNoise" not in pair or NEURONS[name].make.onset is not Onset.UPSTROKE
    steps, rtol = (None, 1e-9) if sees else (15, 1e-6)
    assert_close(
        [one.traces[k][:steps] for k in one.traces],
        [two.traces[k][:steps] for k in one.traces],
        rtol,
    )


@pytest.mark.parametrize("pair", SOME_PAIRS)
def test_two_adaptors_commute(pair, x64):
    assert_commute("LIF", pair)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["AdEx", "GLIF"])
@pytest.mark.parametrize("pair", PAIRS)
def test_two_adaptors_commute_around_other_neurons(pair, name, x64):
    assert_commute(name, pair)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_any_order_of_all_commutes(seed, x64):
    """With one noise: WhiteNoise; and with hold="v", which holds no adaptor's variable."""
    fitting = [a for a in STACK if a != "Noise"]
    order = list(np.random.default_rng(seed).permutation(fitting))
    for name in ("CubaLIF", "AdEx"):
        expected, found = run_of(name, fitting), run_of(name, order)
        np.testing.assert_array_equal(expected.spikes, found.spikes)


def test_holding_all_holds_what_is_inside_only(x64):
    """The one pair that does not commute, as its documentation says."""
    inside = wrapped(rb.LIF(), ["Refractory all", "ThresholdAdaptation"])
    outside = wrapped(rb.LIF(), ["ThresholdAdaptation", "Refractory all"])
    held, free = (short(n, 3 * nA, 0.1 * ms, 200) for n in (inside, outside))
    fired = int(np.flatnonzero(np.asarray(held.spikes))[0])
    assert np.all(np.diff(held.theta[fired + 1 : fired + 20]) == 0)
    assert np.all(np.diff(free.theta[fired + 1 : fired + 20]) < 0)


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: rb.Refractory(rb.LI(), 2 * ms), "LI never fires. Leave the adaptor out"),
        (lambda: rb.SoftReset(rb.LI()), "LI never fires"),
        (lambda: rb.SurrogateReset(rb.LI()), "LI never fires"),
        (lambda: rb.Refractory(rb.Noise(rb.LI(), 1 * nA, 1 * ms), 2 * ms), "Noise never fires"),
        (lambda: rb.Refractory(rb.HodgkinHuxley(), 2 * ms), "needs a reset voltage, and Hodgkin"),
        (lambda: rb.SoftReset(rb.MorrisLecar()), "needs a reset voltage, and MorrisLecar has none"),
        (lambda: rb.SurrogateReset(rb.MorrisLecar()), "needs a reset voltage"),
        (lambda: rb.ThresholdAdaptation(rb.HodgkinHuxley(), 9 * ms, 1 * mV), "needs a reset"),
        (lambda: rb.Refractory(rb.Refractory(rb.LIF(), 1 * ms), 2 * ms), "Keep one Refractory"),
        (lambda: rb.Refractory(rb.SoftReset(rb.Refractory(rb.LIF(), 1 * ms)), 2 * ms),
         "Refractory is already there, inside SoftReset"),
        (lambda: rb.SoftReset(rb.SoftReset(rb.LIF())), "Keep one SoftReset"),
        (lambda: rb.SurrogateReset(rb.SurrogateReset(rb.LIF())), "Keep one SurrogateReset"),
        (lambda: rb.Refractory(rb.LIF, 2 * ms), r"Write rb.Refractory\(rb.LIF\(\), ...\)"),
        (lambda: rb.SoftReset(3.0), r"wraps a neuron, got 3.0. Write rb.SoftReset"),
        (lambda: rb.Noise(None, 1 * nA, 1 * ms), "wraps a neuron, got None"),
        (lambda: rb.WhiteNoise(rb.LIF, 1 * nA * ms**0.5), "got the class LIF"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_with_an_explanation(make, text):
    with pytest.raises(CompositionError, match=text):
        make()


def test_a_wrong_hold_gets_its_near_miss():
    with pytest.raises(UnknownName, match="Did you mean 'all'"):
        rb.Refractory(rb.LIF(), 2 * ms, hold="alle")


def test_what_never_fires_has_no_threshold_to_ask_for():
    noisy = rb.Noise(rb.LI(), 1 * nA, 1 * ms)
    with pytest.raises(CompositionError, match="LI has no threshold and never fires"):
        noisy.margin(noisy.init())
    with pytest.raises(CompositionError, match="LI has no threshold and never fires"):
        rb.Mismatch(rb.LI(), 0.1, key=jax.random.key(0), n=2).margin(rb.LI().init())
