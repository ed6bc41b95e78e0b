"""Spikes as events: what a large network leaves."""

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError
from rheobase.record import Events, join_events
from rheobase.units import ms, nA


@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (7, 3), (13, 800), (300, 401)])
@pytest.mark.parametrize("density", [0, 0.01, 0.5, 1])
@pytest.mark.parametrize("dtype", [bool, np.float32])
def test_events_are_the_raster(shape, density, dtype):
    raster = (np.random.default_rng(0).random(shape) < density).astype(dtype)
    events = Events.of(raster)
    step, neuron = np.nonzero(raster)
    np.testing.assert_array_equal(events.step, step)
    np.testing.assert_array_equal(events.neuron, neuron)
    np.testing.assert_array_equal(events.raster, raster)
    np.testing.assert_array_equal(events.counts, raster.sum(0))


def test_joined_events_are_those_of_the_whole():
    raster = np.random.default_rng(1).random((60, 9)) < 0.2
    joined = join_events([Events.of(part) for part in np.split(raster, [10, 11, 40])])
    np.testing.assert_array_equal(joined.raster, raster)


@pytest.mark.parametrize("what", ["events", "spike_times()"])
def test_what_is_as_long_as_there_are_spikes_is_refused_inside_jit(what):
    def inside(current):
        run = rb.simulate(rb.LIF(), current=current * nA, duration=2 * ms, dt=0.1 * ms)
        return run.events if what == "events" else run.spike_times()

    with pytest.raises(ArgumentError, match="run.counts"):
        jax.jit(inside)(2.0)


def test_a_neuron_keeps_events_too():
    ask = {"current": 3 * nA, "duration": 20 * ms, "dt": 0.1 * ms}
    events = rb.simulate(rb.LIF(), record=rb.Record((), spikes="events"), **ask).events
    for one, other in zip(events, rb.simulate(rb.LIF(), **ask).events, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(events[0]) > 1


@pytest.mark.parametrize("neuron", [rb.LIF(), rb.LI()])
@pytest.mark.parametrize("what", ["spikes", "counts"])
def test_spikes_that_were_not_kept_are_refused_in_their_own_words(neuron, what):
    run = rb.simulate(neuron, duration=2 * ms, dt=0.1 * ms, record=rb.Record(("v",), spikes=None))
    with pytest.raises(AttributeError, match=r"kept no raster.*spikes='raster'"):
        getattr(run, what)
    assert not hasattr(run, "w")
