"""A run that goes on from the end of another is one run, to the bit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.units import mV, nA, us
from tests.laws.helpers import assert_same_bits, names
from tests.registry import (
    ADAPTORS,
    NEURONS,
    STEPPERS,
    STIMULI,
    every_adaptor_in_time,
    every_neuron,
    every_stepper,
    every_stimulus,
    slow_but,
)

HALF = 60


def once_and_twice(neuron, dt, record=None, **inputs):
    """One run of 2 HALF steps, and the same in two parts."""
    record = rb.Record(names(neuron)) if record is None else record
    inputs = {"key": jax.random.key(5), "n": 3, **inputs}

    def run(steps, **more):
        return rb.simulate(neuron, duration=steps * dt, dt=dt, record=record, **inputs, **more)

    whole = run(2 * HALF)
    first = run(HALF)
    inputs.pop("key")
    return whole, first, run(HALF, state=first.final)


def assert_one_run(whole, first, second):
    assert_same_bits(whole.final, second.final)
    for name in whole.traces:
        joined = np.concatenate([first.traces[name], second.traces[name]])
        np.testing.assert_array_equal(whole.traces[name], joined)
    if whole.raster is not None:
        np.testing.assert_array_equal(whole.spikes, np.concatenate([first.spikes, second.spikes]))
    if whole.fractions is not None:
        joined = np.concatenate([first.fractions, second.fractions])
        np.testing.assert_array_equal(whole.fractions, joined)
    np.testing.assert_array_equal(whole.t, np.concatenate([first.t, second.t]))


def strong(row):
    return 6 * row.drive.value * jnp.array([0.2, 1.0, 2.0]) * nA


@every_neuron
def test_every_neuron_goes_on(name):
    row = NEURONS[name]
    assert_one_run(*once_and_twice(row.make(), 5 * row.dt, current=strong(row)))


@every_adaptor_in_time
def test_every_adaptor_goes_on(adaptor):
    row = NEURONS["LIF"]
    neuron = ADAPTORS[adaptor].wrap(row.make())
    runs = once_and_twice(neuron, 2 * row.dt, current=strong(row))
    assert_one_run(*runs)
    assert runs[1].counts.max() > 0 and runs[2].counts.max() > 0


@every_stimulus
def test_every_stimulus_goes_on(stimulus):
    assert_one_run(*once_and_twice(rb.LIF(), 100 * us, current=STIMULI[stimulus]()))


def test_two_stimuli_at_once_go_on():
    kicks = STIMULI["Poisson"]() * (1 * mV / nA)
    noise = STIMULI["OrnsteinUhlenbeck"]()
    assert_one_run(*once_and_twice(rb.LIF(), 100 * us, current=noise, delta=kicks))


@every_stepper
def test_every_stepper_goes_on(stepper):
    row = NEURONS["CubaLIF"]
    rule = STEPPERS[stepper].make()
    assert_one_run(*once_and_twice(row.make(), row.dt, current=strong(row), stepper=rule))


@pytest.mark.parametrize("name", slow_but(("LIF",), ("LIF", "AdEx", "MorrisLecar")))
def test_substep_goes_on(name):
    row = NEURONS[name]
    neuron = rb.Refractory(row.make(), 20 * row.dt) if row.resets else row.make()
    runs = once_and_twice(neuron, 2 * row.dt, current=strong(row), substep=True)
    assert_one_run(*runs)


@pytest.mark.parametrize("every", [4, pytest.param(7, marks=pytest.mark.slow)])
def test_sparse_records_go_on(every):
    neuron = rb.Noise(rb.AdEx(), 1 * nA, 5 * rb.units.ms)
    record = rb.Record(("w", "noise"), indices=(2, 0), every=every)
    whole, first, second = once_and_twice(neuron, 100 * us, record, current=1 * nA)
    assert_same_bits(whole.final, second.final)
    np.testing.assert_array_equal(whole.spikes, np.concatenate([first.spikes, second.spikes]))
    if HALF % every == 0:
        assert_one_run(whole, first, second)
    else:  # each part counts its own k steps
        np.testing.assert_array_equal(whole.w[: HALF // every], first.w)


@pytest.mark.parametrize("spikes", ["count", None])
def test_records_without_a_raster_go_on(spikes):
    record = rb.Record("v", spikes=spikes)
    row = NEURONS["LIF"]
    whole, first, second = once_and_twice(rb.LIF(), 2 * row.dt, record, current=strong(row))
    assert_one_run(whole, first, second)
    if spikes == "count":
        np.testing.assert_array_equal(whole.counts, first.counts + second.counts)


def test_chunks_with_a_progress_bar_are_one_run():
    neuron = rb.Noise(rb.LIF(), 1 * nA, 5 * rb.units.ms)
    runs = [
        rb.simulate(
            neuron, current=2 * nA, duration=12 * rb.units.ms, dt=100 * us, key=jax.random.key(1),
            record="v", progress=progress,
        )
        for progress in (False, True)
    ]  # fmt: skip
    np.testing.assert_array_equal(runs[0].v, runs[1].v)
    np.testing.assert_array_equal(runs[0].spikes, runs[1].spikes)
    assert_same_bits(runs[0].final, runs[1].final)
