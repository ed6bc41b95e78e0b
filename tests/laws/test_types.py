"""States have strong types, full shapes and one precision, so that nothing compiles twice."""

import jax
import jax.numpy as jnp
import numpy as np

import rheobase as rb
from tests.laws.helpers import key_for, short
from tests.registry import ADAPTORS, NEURONS, N, compositions, every_neuron


def assert_strong(state, dtype, shape):
    for leaf in jax.tree.leaves(state):
        assert not leaf.weak_type and leaf.shape == shape
        assert leaf.dtype in (jnp.dtype(dtype), jnp.int32)


@every_neuron
def test_states_of_every_neuron_are_strong(name, precision):
    row = NEURONS[name]
    run = short(row.make(), row.drive, row.dt, 2, n=2)
    assert_strong(run.final.neuron, precision, (2,))
    assert all(x.dtype == jnp.uint32 and not x.weak_type for x in run.final.step)
    for trace in (*run.traces.values(), *([run.spikes] if row.fires else [])):
        assert trace.dtype == precision and not trace.weak_type


@compositions
def test_the_state_of_every_composition_keeps_its_type_in_a_step(adaptor, name):
    row = NEURONS[name]
    neuron = ADAPTORS[adaptor].wrap(row.make())
    assert not any(jax.typeof(x).weak_type for x in jax.tree.leaves(neuron.init()))

    def run():
        return rb.simulate(
            neuron, n=N, current=row.drive, duration=2 * row.dt, dt=row.dt, key=key_for(neuron)
        ).final.neuron

    final = jax.eval_shape(run)  # traced, not compiled
    assert_strong(final, np.float32, (N,))
