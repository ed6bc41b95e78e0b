"""A population is its neurons one by one: by broadcasting, by vmap and by a loop."""

import equinox as eqx
import jax
import jax.numpy as jnp

import rheobase as rb
from rheobase.units import nA
from tests.laws.helpers import assert_close, names, poised
from tests.registry import ADAPTORS, NEURONS, every_neuron_in_time

COUNT = 3
DETERMINISTIC = [name for name in ADAPTORS if "Noise" not in name and "Mismatch" not in name]


def wide(neuron):
    """COUNT neurons that differ in every parameter."""
    factors = jnp.linspace(1, 1.02, COUNT)
    return jax.tree.map(lambda x: x * factors if eqx.is_inexact_array(x) else x, neuron)


def three_ways(neuron, row):
    population = wide(neuron)
    amplitudes = row.drive.value * jnp.array([0.5, 1.0, 3.0])
    starts = jax.tree.map(lambda v: v.value, poised(population, -0.05), is_leaf=_is_quantity)

    def run(neuron, amplitude, start):
        init = {name: v * rb.units.mV for name, v in start.items()}
        done = rb.simulate(
            neuron, current=amplitude * nA, duration=25 * row.dt, dt=row.dt, init=init,
            record=names(neuron),
        )  # fmt: skip
        return done.traces, done.counts if row.fires else None

    arguments = (population, amplitudes, starts)
    one_by_one = [
        eqx.filter_jit(run)(*jax.tree.map(lambda x, k=k: x[k], arguments)) for k in range(COUNT)
    ]
    loop = jax.tree.map(lambda *x: jnp.stack(x, axis=-1), *one_by_one)
    mapped = eqx.filter_jit(eqx.filter_vmap(run, out_axes=-1))(*arguments)
    return eqx.filter_jit(run)(*arguments), mapped, loop


def _is_quantity(x):
    return isinstance(x, rb.units.Quantity)


def assert_one_result(results, fires):
    batched, mapped, loop = results
    for other in (mapped, loop):
        assert_close(batched[0], other[0], rtol=1e-11)
        assert_close(batched[1], other[1], rtol=0)
    assert not fires or jnp.max(batched[1]) > 0


@every_neuron_in_time
def test_batched_is_vmap_is_loop(name, x64):
    row = NEURONS[name]
    assert_one_result(three_ways(row.make(), row), row.fires)


def test_batched_is_vmap_is_loop_with_adaptors(x64):
    neuron = rb.CubaLIF()
    for name in DETERMINISTIC:
        if name != "Refractory":
            neuron = ADAPTORS[name].wrap(neuron)
    assert_one_result(three_ways(neuron, NEURONS["CubaLIF"]), True)
