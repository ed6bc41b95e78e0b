import jax
import jax.numpy as jnp
import numpy as np

import rheobase as rb


def course():
    return jnp.asarray(np.random.default_rng(0).normal(size=(9, 3, 4)))


def test_they_are_what_their_names_say():
    v = course()
    np.testing.assert_array_equal(rb.readouts.last(v), v[-1])
    np.testing.assert_allclose(rb.readouts.mean(v), np.mean(v, 0), rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(rb.readouts.maximum(v), np.max(v, 0))
    spikes = (v > 0.5).astype(float)
    np.testing.assert_array_equal(rb.readouts.spike_count(spikes), np.sum(spikes, 0))


def test_first_spike_counts_the_steps_before_it():
    spikes = np.zeros((6, 1, 3))
    spikes[2, 0, 0] = spikes[4, 0, 0] = spikes[0, 0, 1] = 1
    assert rb.readouts.first_spike(jnp.asarray(spikes)).tolist() == [[2, 0, 6]]


def test_the_derivative_of_the_first_spike_is_the_time_by_which_it_would_move():
    spikes = jnp.zeros((6, 1, 1)).at[4].set(1)
    slope = jax.grad(lambda s: rb.readouts.first_spike(s).sum())(spikes)
    # a spike in step 1 would come 3 steps earlier; without the one in step 4 there is none
    np.testing.assert_array_equal(slope[:, 0, 0], [-4, -3, -2, -1, -2, 0])


def test_the_derivative_of_the_maximum_goes_to_its_step():
    v = course()
    slope = jax.grad(lambda v: rb.readouts.maximum(v).sum())(v)
    np.testing.assert_array_equal(slope, v == v.max(0, keepdims=True))
