"""Derivatives are those of finite differences, of the declared primitive, and of one another."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.neurons import Onset, variables
from rheobase.step import step
from rheobase.units import Quantity, nA
from tests.laws.helpers import direction, dot, moved, poised, short
from tests.registry import (
    ADAPTORS,
    FEW_ADAPTORS,
    NEURONS,
    STEPPERS,
    SURROGATES,
    every_adaptor_in_time,
    every_neuron_in_time,
    every_stepper,
    firing_neurons,
    firing_neurons_in_time,
    slow_but,
)

STEP = 1e-5
PAIR = np.array([1.0, -1.0])


def displaced(neuron):
    """Initial values off rest, so that every parameter of the dynamics matters."""
    state, units = neuron.init(), variables.units(neuron.init())
    return {
        name: Quantity(variables.get(state, name) + 0.05, unit.internal())
        for name, unit in units.items()
        if name not in ("v", "noise", "remaining")  # a counter has no derivative
    }


def derivatives(neuron, row, amplitude, init, steps, spikes=False, **more):
    """Along one direction of all parameters and the current: differences, forwards, backwards."""
    arrays, static = eqx.partition(neuron, eqx.is_inexact_array)

    def objective(arguments):
        arrays, amplitude = arguments
        neuron = eqx.combine(arrays, static)
        run = short(neuron, amplitude * nA, row.dt, steps, init=init, **more)
        scales = {name: 10 if name.startswith("v") else 1 for name in run.traces}
        total = sum(jnp.mean(jnp.sin(x / scales[name])) for name, x in run.traces.items())
        return total + jnp.mean(run.spikes) if spikes else total

    at = arrays, jnp.asarray(float(amplitude))
    along = direction(at, seed=1)
    if isinstance(neuron, rb.Mismatch):  # gradients do not see the spread
        still = jax.tree.map(jnp.zeros_like, along[0].spread)
        along = eqx.tree_at(lambda a: a[0].spread, along, still)

    @jax.jit
    def both_modes(at, along):
        _, forwards = jax.jvp(objective, (at,), (along,))
        return forwards, jax.grad(objective)(at)

    @jax.jit
    def difference(at, along):
        above, below = jax.vmap(lambda by: objective(moved(at, along, by)))(STEP * PAIR)
        return (above - below) / (2 * STEP)

    forwards, gradient = both_modes(at, along)
    assert forwards != 0
    np.testing.assert_allclose(forwards, dot(gradient, along), rtol=1e-8)
    if not spikes:
        np.testing.assert_allclose(forwards, difference(at, along), rtol=1e-6)


@every_neuron_in_time
def test_below_threshold_they_are_finite_differences(name, x64):
    row, neuron = NEURONS[name], NEURONS[name].make()
    derivatives(neuron, row, row.quiet.value, displaced(neuron), 40)


@every_stepper
def test_through_every_stepper_they_are_finite_differences(stepper, x64):
    row, neuron = NEURONS["CubaLIF"], rb.CubaLIF()
    rule = STEPPERS[stepper].make()
    derivatives(neuron, row, row.quiet.value, displaced(neuron), 40, stepper=rule)


@pytest.mark.parametrize(
    "adaptor", slow_but(FEW_ADAPTORS, [a for a in ADAPTORS if a != "SurrogateReset"])
)
def test_through_every_adaptor_they_are_finite_differences(adaptor, x64):
    row, neuron = NEURONS["LIF"], ADAPTORS[adaptor].wrap(rb.LIF())
    derivatives(neuron, row, row.quiet.value, displaced(neuron), 40)


@firing_neurons_in_time
def test_through_spikes_forwards_is_backwards(name, x64):
    row, neuron = NEURONS[name], NEURONS[name].make()
    derivatives(neuron, row, 4 * row.drive.value, poised(neuron, -0.1), 40, spikes=True)


@every_adaptor_in_time
def test_through_the_spikes_of_every_adaptor_forwards_is_backwards(adaptor, x64):
    row, neuron = NEURONS["LIF"], ADAPTORS[adaptor].wrap(rb.LIF())
    derivatives(neuron, row, 4 * row.drive.value, poised(rb.LIF(), -0.1), 40, spikes=True)


def one_step(neuron, amplitude, v, dt):
    state = variables.replace(neuron.init(), "v", v)
    return step(neuron, rb.ExponentialEuler(), state, amplitude, None, dt, None, False)


def assert_declared(neuron, amplitude, v, dt, fires):
    """The derivative of a spike with respect to the current is that of the primitive."""

    def primitive(amplitude):
        return neuron.spike.primitive(neuron.margin(one_step(neuron, amplitude, v, dt).reached))

    @jax.jit
    def both(amplitude):
        got = jax.value_and_grad(lambda i: one_step(neuron, i, v, dt).spike)(amplitude)
        return got, (primitive(amplitude + STEP) - primitive(amplitude - STEP)) / (2 * STEP)

    (spike, slope), difference = both(amplitude)
    assert bool(spike) == fires and slope > 0
    np.testing.assert_allclose(slope, difference, rtol=1e-6)


@firing_neurons
def test_a_spike_has_the_derivative_of_its_primitive(name, x64):
    row, neuron = NEURONS[name], NEURONS[name].make()
    dt = row.dt.value
    v = poised(neuron, -0.05)["v"].value
    assert_declared(neuron, 0.0, poised(neuron, -0.7)["v"].value, dt, False)
    if neuron.onset is Onset.LEVEL:
        assert_declared(neuron, 100 * row.drive.value, v, dt, True)


@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("amplitude", [-1.0, 37.0], ids=["silent", "fires"])
def test_every_surrogate_gives_its_derivative_to_the_spike(surrogate, amplitude, x64):
    neuron = rb.LIF(spike=SURROGATES[surrogate]())
    v = poised(neuron, -0.13)["v"].value
    assert_declared(neuron, amplitude, v, 0.1, amplitude > 0)
