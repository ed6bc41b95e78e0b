"""Exact gradients are finite differences of spike times."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError
from rheobase.gradients.base import prepare, taken
from rheobase.neurons import Onset
from rheobase.units import ms, mV, nA
from tests.laws.helpers import direction, dot, moved
from tests.registry import NEURONS

SLOW = {"TraubMiles": 1500, "HodgkinHuxley": 1500}
"""Steps to the first spikes of those that take small ones."""
LINEAR = ("IF", "LIF", "CubaLIF", "ALIF", "GLIF")


def simulated(name):
    """A neuron, the current and the step at which its upstroke is followed."""
    row = NEURONS[name]
    neuron, dt = row.make(), row.dt
    if name == "AdEx":
        dt = 0.02 * ms
        neuron = rb.AdEx(v_th=neuron.v_T * mV + 10 * mV)
    stepper = rb.RungeKutta4() if neuron.onset is not Onset.LEVEL else None
    return neuron, 1.93 * row.drive.value, dt, stepper


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("LIF", "CubaLIF") else pytest.param(name, marks=pytest.mark.slow)
        for name, row in NEURONS.items()
        if row.fires
    ],
)
def test_spike_times_of_every_neuron(name, x64):
    """With respect to all parameters and the current at once, through several resets."""
    neuron, amplitude, dt, stepper = simulated(name)
    arrays, static = eqx.partition(neuron, eqx.is_inexact_array)
    at = arrays, jnp.asarray(amplitude)
    along = direction(at, seed=2)

    @jax.jit
    def times(by):
        arrays, amplitude = moved(at, along, by)
        neuron, duration = eqx.combine(arrays, static), SLOW.get(name, 400) * dt
        run = rb.simulate(
            neuron, current=amplitude * nA, duration=duration, dt=dt, stepper=stepper, substep=True
        )
        return rb.gradients.spike_times(run, 4)

    step = 1e-7
    _, exact = jax.jit(lambda: jax.jvp(times, (0.0,), (1.0,)))()
    above, below = (times(by) for by in (step, -step))
    fired = np.isfinite(above)
    assert fired.any() and np.array_equal(fired, np.isfinite(below))
    assert np.isfinite(exact).all()
    difference = ((above - below) / (2 * step))[fired]
    # What is left in the linear ones is the rounding of a time over 2e-7.
    np.testing.assert_allclose(exact[fired], difference, rtol=1e-6 if name in LINEAR else 1e-4)


def networks():
    def cuba():
        return rb.CubaLIF(v_rest=0 * mV, v_reset=0 * mV, v_th=1 * mV, R=1 * rb.units.MOhm)

    yield "LIF", rb.Sequential(rb.Linear(3, 8), rb.LIF(), rb.Linear(8, 2), rb.LI())
    yield (
        "recurrent LIF",
        rb.Sequential(rb.Linear(3, 8), rb.Recurrent(rb.LIF(), 8), rb.Linear(8, 2), rb.LI()),
    )
    yield (
        "CubaLIF, two layers",
        rb.Sequential(
            rb.Linear(3, 8), rb.Recurrent(cuba(), 8), rb.Linear(8, 6), cuba(), rb.Linear(6, 2),
            rb.LI(), inputs="spikes",
        ),
    )  # fmt: skip
    yield "spikes out", rb.Sequential(rb.Linear(3, 8), rb.Recurrent(cuba(), 8), inputs="spikes")


@pytest.mark.parametrize(
    "which", [pytest.param(i, marks=pytest.mark.slow) if i else i for i in range(4)]
)
def test_networks(which, x64):
    """The gradient of a loss with respect to every array of a model."""
    name, model = list(networks())[which]
    x = np.random.default_rng(which).uniform(0.5, 2.5, size=(2, 40, 3))
    if model.layers[1:] and "Cuba" in name or name == "spikes out":
        x = 2 * (x < 0.8)
    wave = np.sin(np.arange(40) / 7)[:, None, None]
    given = prepare(model, (x, np.zeros(2, int)), lambda o, y: (o * wave).sum(axis=(0, 2)), None)
    method = rb.gradients.Exact()
    arrays, static = eqx.partition(model, eqx.is_inexact_array)
    _, gradient = taken(method, model, given, None)
    along = direction(arrays, seed=1)

    @jax.jit
    def value(by):
        output, runs = method.run(eqx.combine(moved(arrays, along, by), static), given.x)
        return given.objective(output).value, [run.spikes for run in runs if run.raster is not None]

    step = 1e-6
    (above, spikes), (below, others) = value(step), value(-step)
    jax.tree.map(np.testing.assert_array_equal, spikes, others)
    assert sum(s.sum() for s in spikes) > 10
    np.testing.assert_allclose(dot(gradient, along), (above - below) / (2 * step), rtol=1e-6)


@pytest.mark.slow
def test_the_first_spike_counts_to_its_fraction(x64):
    model = rb.Sequential(rb.Linear(3, 4), rb.LIF())
    model = eqx.tree_at(lambda m: m.layers[0].weight, model, jnp.abs(model.layers[0].weight))
    x, y = np.full((2, 60, 3), 1.7), np.array([0, 3])
    loss = rb.losses.cross_entropy("first_spike", temperature=3.0)
    method = rb.gradients.Exact()

    def by_hand(model):
        _, (run,) = method.run(model, jnp.asarray(np.moveaxis(x, 1, 0)))
        score = -jnp.minimum(rb.gradients.spike_times(run, 1)[0], 61.0) / 3
        chosen = jnp.take_along_axis(jax.nn.log_softmax(score), jnp.asarray(y)[:, None], axis=1)
        return -chosen.mean()

    value, found = rb.gradients.value_and_grad(model, (x, y), loss=loss, method=method)
    np.testing.assert_allclose(value, by_hand(model), rtol=1e-12)
    expected = eqx.filter_grad(by_hand)(model)
    np.testing.assert_allclose(
        found.layers[0].weight, expected.layers[0].weight, rtol=1e-9, atol=1e-15
    )


@pytest.mark.slow
def test_a_silent_neuron_learns_by_a_mix():
    model = rb.Sequential(rb.Linear(3, 4), rb.LIF(), rb.Linear(4, 2), rb.LI())
    batch = np.full((2, 20, 3), 1e-3), np.zeros(2, int)
    for part, learns in ((0.0, False), (0.1, True)):
        method = rb.gradients.Exact(surrogate=part)
        _, found = rb.gradients.value_and_grad(model, batch, method=method)
        assert bool((found.layers[0].weight != 0).any()) is learns
    regulariser = rb.losses.spike_bounds(lower=1.0)
    _, found = rb.gradients.value_and_grad(
        model, batch, method=rb.gradients.Exact(), regulariser=regulariser
    )
    assert bool((found.layers[0].weight < 0).any())


def test_spikes_on_the_grid_have_no_times_to_move():
    run = rb.simulate(rb.LIF(), current=2 * nA, duration=20 * ms, dt=1 * ms)
    with pytest.raises(ArgumentError, match="substep=True"):
        rb.gradients.spike_times(run, 1)


def test_what_arrives_in_the_step_of_a_spike_is_not_lost(x64):
    neuron = rb.CubaLIF()
    kick = rb.stimulus.Pulses([1.0, 12.0] * ms, 2 * nA)
    run = rb.simulate(neuron, delta=kick, duration=13 * ms, dt=1 * ms, substep=True, record="i_syn")
    expected = 2 * np.exp(-np.arange(12) / 5)
    np.testing.assert_allclose(run.i_syn[1:12], expected[:11], rtol=1e-9)
    assert run.spikes[1:12].sum() > 0 and run.i_syn[12] > 2
