import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import population
from rheobase.neurons.base import Onset
from rheobase.population import Setting
from rheobase.steppers import ExponentialEuler
from rheobase.systems.feedback import Dense
from rheobase.units import ms, nA
from tests.registry import NEURONS


def inputs(row, neuron, shape=(40, 2, 3)):
    """A noisy current (or a series of additions to `target`) that makes most neurons fire."""
    noise = np.random.default_rng(0).uniform(0, 3, shape)
    size = 1.0 if neuron.target == "v" else float(row.dt.value_in(ms)) / 5
    return np.asarray(noise * float(row.drive.value) * size, np.float32)


@pytest.mark.parametrize("name", NEURONS)
def test_it_does_what_simulate_does(name):
    row = NEURONS[name]
    neuron = row.make()
    x = inputs(row, neuron)
    stepper = rb.steppers.default_stepper(neuron)
    dt = float(row.dt.value_in(ms))
    course = population.run(neuron, jnp.asarray(x), Setting(stepper, dt, record=("v",)))
    unit = row.drive.unit if neuron.target == "v" else nA
    stimulus = rb.stimulus.FromArray(x * unit)
    given = {"current": stimulus} if neuron.target == "v" else {"delta": stimulus}
    run = rb.simulate(neuron, duration=len(x) * row.dt, dt=row.dt, record=("v",), **given)
    np.testing.assert_allclose(course.traces["v"], run.v, rtol=1e-5, atol=1e-4)
    if course.spikes is None:
        assert neuron.onset is Onset.NEVER
    else:
        np.testing.assert_array_equal(course.spikes, run.spikes)


def test_spikes_reach_the_population_one_step_later():
    neuron, random = rb.LIF(), np.random.default_rng(1)
    x = np.asarray(random.uniform(0, 20, (60, 2, 5)), np.float32)
    weight = np.asarray(random.normal(0, 20, (5, 5)), np.float32)
    course = population.run(
        neuron, jnp.asarray(x), Setting(ExponentialEuler(), 1.0), Dense(jnp.asarray(weight))
    )
    decay = np.exp(-1 / 10)
    v, spikes, expected = np.full((2, 5), -65.0), np.zeros((2, 5)), []
    for now in x:
        current = now + spikes @ weight
        v = decay * v + (1 - decay) * (-65 + 10 * current)
        spikes = (v >= -50).astype(float)
        v = np.where(spikes > 0, -65, v)
        expected.append(spikes)
    assert 0 < np.mean(expected) < 1
    np.testing.assert_array_equal(course.spikes, expected)


def test_every_step_draws_noise_of_its_own():
    neuron = rb.WhiteNoise(rb.LI(), 1 * nA * ms**0.5)
    still = jnp.zeros((50, 1, 4))

    def course(key):
        setting = Setting(ExponentialEuler(), 1.0, key, ("v",))
        return population.run(neuron, still, setting).traces["v"]

    v = course(jax.random.key(0))
    assert len(np.unique(np.diff(v, axis=0))) == 49 * 4
    np.testing.assert_array_equal(v, course(jax.random.key(0)))
    assert not np.any(v[0] == course(jax.random.key(1))[0])


def test_the_backward_pass_keeps_the_state_of_each_step_and_nothing_else():
    x = jnp.ones((30, 4, 7))

    def total(x):
        return population.run(rb.LIF(), x, Setting(ExponentialEuler(), 1.0)).spikes.sum()

    program = jax.make_jaxpr(jax.grad(total))(x)
    forward = next(eqn for eqn in program.eqns if eqn.primitive.name == "scan")
    stacked = [v.aval for v in forward.outvars if v.aval.shape == x.shape]
    assert len(stacked) == 2  # the spikes, and the voltage before each step
