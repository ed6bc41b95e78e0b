"""A refractory period is a whole number of steps, at any time and whatever arrives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import rheobase as rb
from rheobase.units import ms, mV, nA
from tests.registry import ADAPTORS, NEURONS

STRONG = 1e7 * nA
RESETTING = [name for name, row in NEURONS.items() if row.resets]


def intervals(run):
    fired = np.flatnonzero(np.asarray(run.spikes))
    return np.diff(fired)


@pytest.mark.parametrize("late", [0, 10**6 + 1, 2**24 + 3, 2**30])
@pytest.mark.parametrize("period, steps", [(2.0, 20), (1.7, 17), (0.1, 1), (0.3, 3), (5.0, 50)])
def test_the_count_is_exact_at_any_time(period, steps, late, precision):
    neuron = rb.Refractory(rb.LIF(), period * ms)

    def run(duration, **more):
        return rb.simulate(neuron, current=STRONG, duration=duration, dt=0.1 * ms, **more)

    start = run(0.1 * ms).final
    later = start._replace(step=jnp.asarray(late, jnp.int32))
    found = intervals(run(30 * ms, state=later))
    np.testing.assert_array_equal(found, steps + 1)


@pytest.mark.parametrize("name", RESETTING)
def test_every_neuron_is_held_for_the_whole_period(name):
    neuron = rb.Refractory(NEURONS[name].make(), 2 * ms)
    found = intervals(rb.simulate(neuron, current=STRONG, duration=30 * ms, dt=0.1 * ms))
    assert len(found) > 3 and found.min() >= 21
    held = rb.Refractory(NEURONS[name].make(), 2 * ms, hold="all")
    run = rb.simulate(held, current=STRONG, duration=30 * ms, dt=0.1 * ms)
    assert intervals(run).min() >= 21


def test_the_voltage_rests_at_reset_and_input_is_lost():
    neuron = rb.Refractory(rb.LIF(), 2 * ms)
    kicks = rb.stimulus.Pulses([3.05, 4.0] * ms, 5 * mV)
    first = rb.stimulus.Pulses([2 * ms], 20 * mV)
    run = rb.simulate(neuron, delta=first + kicks, duration=8 * ms, dt=0.1 * ms, record="v")
    fired = int(np.flatnonzero(np.asarray(run.spikes))[0])
    np.testing.assert_array_equal(run.v[fired + 1 : fired + 21], -65)


def test_a_synapse_goes_on_under_hold_v_and_stops_under_hold_all():
    def trace(hold):
        neuron = rb.Refractory(rb.CubaLIF(), 2 * ms, hold=hold)
        run = rb.simulate(
            neuron, delta=rb.stimulus.Pulses([1 * ms], 5 * nA), duration=6 * ms, dt=0.1 * ms,
            record="i_syn",
        )  # fmt: skip
        fired = int(np.flatnonzero(np.asarray(run.spikes))[0])
        return np.asarray(run.i_syn[fired : fired + 20])

    assert np.all(np.diff(trace("v")) < 0)
    assert np.all(np.diff(trace("all")) == 0)


STEPS, WIDE, HELD = 60, 4, 7
AROUND = ["SoftReset", "ThresholdAdaptation", "Noise"]


@functools.cache
def compiled(adaptor, substep, x64):
    """One program for all the inputs that hypothesis thinks of."""
    neuron = rb.Refractory(rb.LIF(), HELD * 0.1 * ms)
    neuron = neuron if adaptor is None else ADAPTORS[adaptor].wrap(neuron)

    @jax.jit
    def run(current, delta):
        return rb.simulate(
            neuron,
            current=rb.stimulus.FromArray(current * nA),
            delta=rb.stimulus.FromArray(delta * mV),
            duration=STEPS * 0.1 * ms,
            dt=0.1 * ms,
            substep=substep,
            key=jax.random.key(0),
        ).spikes

    return run


@pytest.mark.parametrize("substep", [False, True], ids=["grid", "substep"])
@pytest.mark.parametrize("adaptor", [None, *AROUND])
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0, 9), sign=st.sampled_from([-1, 1]))
@example(seed=0, size=9.0, sign=1)
def test_nothing_makes_a_refractory_neuron_fire(adaptor, substep, seed, size, sign):
    draws = np.random.default_rng(seed)
    current, delta = sign * draws.normal(size=(2, STEPS, WIDE)) * 10**size
    spikes = np.asarray(compiled(adaptor, substep, jax.config.jax_enable_x64)(current, delta))
    assert spikes.max() <= 1
    for k in range(WIDE):
        assert np.all(np.diff(np.flatnonzero(spikes[:, k])) > HELD)
