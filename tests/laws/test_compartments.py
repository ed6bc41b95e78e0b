"""A neuron on a compartment is the neuron: its equations stand once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.neurons import variables
from rheobase.units import ms, mV, nA, um
from tests.registry import ADAPTORS, NEURONS, slow_but

FIRING = [name for name, row in NEURONS.items() if row.fires]
WORN = [name for name, row in ADAPTORS.items() if not row.draws and name != "Mismatch"]
SPECIFIC = 1e-5
"""nF/um**2, the 1 uF/cm**2 of a membrane."""


def compartment(neuron):
    """A soma of the capacitance of the neuron, at its resting voltage."""
    state = neuron.init()

    def rise(current):
        return variables.get(neuron.derivative(state, current), "v")

    capacity = 1 / float(jax.grad(rise)(jnp.asarray(0.0)))
    radius = np.sqrt(capacity / SPECIFIC / (4 * np.pi))
    rest = float(variables.get(state, "v"))
    cell = rb.Cell(rb.morphology.soma(radius=radius * um), v_init=rest * mV)
    return cell.insert(ch.PointNeuron(neuron))


def spikes(neuron, current, dt):
    """Times (ms) of both."""
    cell = compartment(neuron)
    given = {"duration": 60 * ms, "dt": dt * ms}
    there = rb.simulate(cell, current={cell.at("soma"): current}, **given)
    return rb.simulate(neuron, current=current, **given).spike_times(), there.spike_times()


@pytest.mark.parametrize("name", slow_but(("LIF", "AdEx"), FIRING))
def test_a_compartment_fires_as_the_neuron(name, x64):
    row = NEURONS[name]
    neuron, current = row.make(), 2 * row.drive
    late = []
    for dt in (0.05, 0.0125):
        alone, there = spikes(neuron, current, dt)
        assert alone.size and abs(alone.size - there.size) <= (dt == 0.05)
        both = min(alone.size, there.size)
        late.append(np.abs(alone[:both] - there[:both]).max())
    assert late[0] < 0.02 * 60 and late[1] <= max(late[0] / 2, 0.0125 * 1.01)


@pytest.mark.parametrize("name", slow_but(("Refractory all",), WORN))
def test_with_its_adaptors(name, x64):
    alone, there = spikes(ADAPTORS[name].wrap(rb.LIF()), 3 * nA, 0.025)
    assert alone.size > 5
    np.testing.assert_allclose(alone, there, atol=0.026)


@pytest.mark.parametrize("name", FIRING)
def test_it_begins_as_the_neuron_rests(name, x64):
    neuron = NEURONS[name].make()
    rest = neuron.init()
    v = jnp.full(2, variables.get(rest, "v"))
    begun = ch.PointNeuron(neuron).init(v, ch.Solutions().ions())
    wanted = variables.replace(rest, "v", None)
    for x, y in zip(jax.tree.leaves(begun), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(x, np.broadcast_to(y, 2), rtol=1e-5, atol=1e-9)
