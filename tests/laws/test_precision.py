"""A run in 32 bits is close to the run in 64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.laws.helpers import short
from tests.registry import (
    ADAPTORS,
    NEURONS,
    every_neuron,
    firing_neurons,
)


def in_both(row, wrap, current, steps, **more):
    """The variables and the spikes of a run in 32 and in 64 bits."""
    found = []
    for wide in (False, True):
        with jax.enable_x64(wide):
            run = short(wrap(row.make()), current, row.dt, steps, **more)
            assert run.traces["v"].dtype == (jnp.float64 if wide else jnp.float32)
            spikes = run.spike_times() if row.fires else None
            found.append((jax.tree.map(np.asarray, run.traces), spikes))
    return found


def bare(neuron):
    return neuron


@every_neuron
def test_traces_below_threshold_are_close(name):
    row = NEURONS[name]
    (single, _), (double, _) = in_both(row, bare, row.quiet, 400)
    for variable, trace in double.items():
        scale = np.abs(trace).max() + 1e-6
        np.testing.assert_allclose(single[variable] / scale, trace / scale, atol=2e-5)


@firing_neurons
def test_spikes_come_at_the_same_time(name):
    row = NEURONS[name]
    steps = round(260 / row.dt.value)
    (_, first), (_, second) = in_both(row, bare, 1.13 * row.drive, steps)
    assert len(second) >= 3
    np.testing.assert_allclose(first, second[: len(first)], atol=2.01 * row.dt.value)
    assert abs(len(first) - len(second)) <= 1


@pytest.mark.parametrize("adaptor", [a for a in ADAPTORS if not ADAPTORS[a].draws])
def test_adaptors_count_alike(adaptor):
    row = NEURONS["LIF"]
    (_, first), (_, second) = in_both(row, ADAPTORS[adaptor].wrap, 2 * row.drive, 500)
    assert len(second) >= 3
    np.testing.assert_allclose(first, second, atol=0.11)
