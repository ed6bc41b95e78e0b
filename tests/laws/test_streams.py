"""What a neuron draws depends on its population, its number and the step, not on its neighbours.

So a population can be cut into parts that draw the same.
"""

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.units import Hz, ms, mV, nA

KEY = jax.random.key(1)
FEW, MANY = 5, 8
NEURONS = {
    "Noise": lambda: rb.Noise(rb.LIF(), 1 * nA, 5 * ms),
    "WhiteNoise": lambda: rb.WhiteNoise(rb.LIF(), 1 * nA * ms**0.5),
}
STIMULI = {
    "OrnsteinUhlenbeck": lambda: rb.stimulus.OrnsteinUhlenbeck(
        mean=1 * nA, sigma=1 * nA, tau=5 * ms
    ),
    "Poisson": lambda: rb.stimulus.Poisson(rate=500 * Hz, amplitude=1 * nA),
}


def assert_the_first_draw_the_same(run):
    few, many = run(FEW), run(MANY)
    assert len(np.unique(many[-1])) == MANY
    np.testing.assert_array_equal(few, many[:, :FEW])


def voltages(neuron, n, current):
    return rb.simulate(
        neuron, n=n, current=current, duration=20 * ms, dt=0.1 * ms, record="v", key=KEY
    ).v


@pytest.mark.parametrize("kind", NEURONS)
def test_neurons(kind):
    assert_the_first_draw_the_same(lambda n: voltages(NEURONS[kind](), n, 1 * nA))


@pytest.mark.parametrize("kind", STIMULI)
def test_stimuli(kind):
    assert_the_first_draw_the_same(lambda n: voltages(rb.LIF(), n, STIMULI[kind]()))


@pytest.mark.parametrize("neuron", [rb.LIF, NEURONS["Noise"]], ids=["compiled loop", "general"])
def test_drives_of_a_network(neuron):
    def run(n):
        drive = rb.Drive("e", rb.stimulus.Poisson(rate=500 * Hz, amplitude=1 * mV))
        net = rb.Network({"e": rb.Population(neuron(), n)}, [], [drive])
        kept = rb.simulate(net, duration=20 * ms, dt=0.1 * ms, record={"e": "v"}, key=KEY)
        return kept["e"].v

    assert_the_first_draw_the_same(run)
