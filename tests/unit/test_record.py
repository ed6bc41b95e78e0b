"""Spikes as events: what a large network leaves."""

import numpy as np
import pytest

from rheobase.record import Events, join_events


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
