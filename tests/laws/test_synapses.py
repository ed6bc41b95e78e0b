"""Synapses: dimensions, superposition, the peak that a weight promises, any strength."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.synapses import Coupled
from rheobase.units import DimensionError, MOhm, dimensionless, ms, mV, nA, parameters, prove
from tests.registry import SYNAPSES

every_synapse = pytest.mark.parametrize("name", SYNAPSES)
every_event = pytest.mark.parametrize("name", [n for n, row in SYNAPSES.items() if row.events])


def units_of(module):
    """The units of the arrays of a module, in a tree of its structure."""
    arrays = eqx.filter(module, eqx.is_array)
    flat, structure = jax.tree_util.tree_flatten_with_path(arrays)

    def unit(path):
        owner = module
        for key in path[:-1]:
            owner = getattr(owner, key.name)
        return parameters(owner)[path[-1].name].unit.internal()

    return jax.tree.unflatten(structure, [unit(path) for path, _ in flat])


@every_synapse
def test_dimensions(name):
    synapse, unit = SYNAPSES[name].make(), SYNAPSES[name].unit
    arrays, static = eqx.partition(synapse, eqx.is_array)
    state = synapse.init()
    units = jax.tree.map(lambda _: unit, state)
    if name == "GapJunction":
        units = units._replace(drive=nA)

    def derivative(arrays, state):
        return eqx.combine(arrays, static).derivative(state)

    def current(arrays, state, v):
        return eqx.combine(arrays, static).current(state, v)

    v = jax.ShapeDtypeStruct((), jnp.result_type(float))
    rates = jax.tree.map(lambda one: one / ms, units)
    fields = units_of(synapse)
    prove(derivative, (fields, units), rates, arguments=(arrays, state))
    prove(current, (fields, units, mV), nA, arguments=(arrays, state, v))
    if jax.tree.leaves(fields):
        with pytest.raises(DimensionError):
            prove(current, (fields, units, dimensionless), ms, arguments=(arrays, state, v))


@functools.cache
def program(name, dt):
    """Output of a synapse in a membrane that stays at rest, from what arrives in each step."""
    synapse = SYNAPSES[name].make()
    system = Coupled(rb.LI(tau=1e9 * ms, R=1e-9 * MOhm, v_rest=-60 * mV), (synapse,), (None,))
    affine = synapse.reversal is None
    stepper = rb.Exact() if affine else rb.ExponentialEuler()

    def body(state, weight):
        state = system.arrive(state, (weight,))
        state = stepper.advance(rb.steppers.Flow(system, jnp.zeros_like(weight)), state, dt)
        return state, synapse.output(state.synapses[0])

    start = jax.tree.map(lambda x: jnp.asarray(x, float), system.init())
    return jax.jit(lambda arriving: jax.lax.scan(body, start, arriving)[1])


def course(name, times, weights, dt=0.05, duration=60):
    """Its output after spikes of these weights."""
    arriving = np.zeros(int(duration / dt))
    np.add.at(arriving, np.round(np.asarray(times) / dt).astype(int), weights)
    return program(name, dt)(jnp.asarray(arriving))


@every_event
def test_superposition(name, x64):
    times, scales = [1, 1.5, 1.5, 12, 30], [1.0, -2.0, 0.3, 5.0, 1e-3]
    whole = course(name, times, scales)
    parts = sum(course(name, [t], [scale]) for t, scale in zip(times, scales, strict=True))
    np.testing.assert_allclose(whole, parts, atol=1e-10)


@pytest.mark.parametrize("name", ["Exponential", "DualExponential", "Alpha", "NMDA"])
def test_the_peak_of_a_spike_is_its_weight(name, x64):
    found = course(name, [0], [3.0], dt=0.01)
    assert found.max() == pytest.approx(3.0, rel=5e-3)
    assert found[-1] < 0.1 * found.max() or name == "NMDA"


@every_synapse
@pytest.mark.parametrize("dt", [0.1, 5])
def test_any_strength_is_stable(name, dt):
    row = SYNAPSES[name]
    for weight in (0, 1e-3, 1, 1e3, 1e6):
        net = rb.Network(
            {"a": rb.Population(rb.LIF(v_rest=-45 * mV), 2)},
            [rb.Connection("a", "a", rb.Dense(), row.make(), weight=weight * row.unit)],
        )
        run = rb.simulate(net, duration=20 * dt * ms, dt=dt * ms, record={"a": ("v",)}, coarse=True)
        assert np.all(np.isfinite(run["a"].v))
