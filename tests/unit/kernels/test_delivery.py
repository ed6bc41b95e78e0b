import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rheobase.errors import ShapeError
from rheobase.kernels import library
from rheobase.kernels.delivery import Targets, deliver, deliver_delayed

DEPTH, N_POST = 3, 4


@pytest.fixture(params=[True, False], ids=["native", "twin"])
def to(request):
    """Neuron 0 to 0 and 2, neuron 1 to none, neuron 2 twice to 3 and to 1."""
    if request.param and not library.available():
        pytest.skip("no compiled kernels")
    return Targets(_int([0, 2, 2, 5]), _int([0, 2, 1, 3, 3]), N_POST, 3, request.param)


def _int(values):
    return jnp.array(values, jnp.int32)


WEIGHT = jnp.array([1.0, 2.0, 3.0, 4.0, 5.0])


def test_rows_arrive_at_their_targets(to):
    assert deliver(to, jnp.array([1.0, 1.0, 0.5]), WEIGHT).tolist() == [1, 1.5, 2, 4.5]
    assert deliver(to, jnp.array([0.0, 1.0, 1.0]), jnp.array([2.0])).tolist() == [0, 2, 0, 4]


def test_delays_choose_the_row_of_the_ring(to):
    ring = jnp.zeros((DEPTH, N_POST)).at[2, 0].set(10)
    delay = _int([0, 1, 2, 1, 1])
    after = deliver_delayed(to, jnp.array([1.0, 0.0, 1.0]), WEIGHT, delay, _int(2), ring)
    assert after.tolist() == [[0, 0, 2, 9], [0, 3, 0, 0], [11, 0, 0, 0]]


def test_a_delay_of_any_size_stays_inside_the_ring(to):
    """Delays can be computed, so nothing has checked them."""
    delay = np.array([-1, 7, -(2**30), 2**30, 3])
    spikes, ring = jnp.ones(3), jnp.zeros((DEPTH, N_POST))
    inside = deliver_delayed(to, spikes, WEIGHT, _int(delay % DEPTH), _int(1), ring)
    assert (
        deliver_delayed(to, spikes, WEIGHT, _int(delay), _int(1), ring).tolist() == inside.tolist()
    )


def test_a_silent_neuron_sends_nothing_whatever_its_weights(to):
    weight, spikes = WEIGHT.at[0].set(jnp.nan), jnp.array([0.0, 0.0, 1.0])
    assert deliver(to, spikes, weight).tolist() == [0, 3, 0, 9]
    ring = jnp.zeros((DEPTH, N_POST))
    assert jnp.isfinite(deliver_delayed(to, spikes, weight, _int([0] * 5), _int(0), ring)).all()


def test_weights_of_silent_neurons_have_no_derivative(to):
    def loss(spikes, weight):
        return (deliver(to, spikes, weight) * jnp.arange(1.0, 5.0)).sum()

    worth, change = jax.grad(loss, (0, 1))(jnp.array([0.0, 1.0, 2.0]), WEIGHT)
    assert worth.tolist() == [1 * 1 + 2 * 3, 0, 3 * 2 + 9 * 4]
    assert change.tolist() == [0, 0, 4, 8, 8]


def test_weights_take_the_type_of_the_spikes(to, x64):
    half = WEIGHT.astype(jnp.float32)
    assert deliver(to, jnp.ones(3, jnp.float64), half).dtype == jnp.float64
    gradient = jax.grad(lambda w: deliver(to, jnp.ones(3, jnp.float64), w).sum())(half)
    assert gradient.dtype == jnp.float32


def test_only_one_operand_batched(to):
    """The ring is updated in place, also where it alone has no batch."""
    spikes = jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    ring, delay = jnp.ones((DEPTH, N_POST)), _int([0, 1, 2, 1, 1])

    def send(spikes):
        return deliver_delayed(to, spikes, WEIGHT, delay, _int(0), ring)

    together = jax.vmap(send)(spikes)
    assert together.tolist() == jnp.stack([send(s) for s in spikes]).tolist()


def test_gradient_through_time_keeps_no_synapses(to):
    """What the backward pass stores grows with the neurons, not with the synapses."""
    synapses, steps = 4000, 300
    many = dataclasses.replace(
        to,
        start=_int([0, synapses, synapses, synapses]),
        target=jnp.zeros(synapses, jnp.int32),
        widest=synapses,
    )

    def loss(weight, to):
        def step(v, _):
            v = 0.9 * v + deliver(to, jnp.tanh(v[:3]), weight)
            return v, None

        return jax.lax.scan(step, jnp.ones(N_POST), None, length=steps)[0].sum()

    compiled = jax.jit(jax.grad(loss)).lower(jnp.ones(synapses), many).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 20 * 4 * synapses < 4 * synapses * steps


def test_arrays_that_do_not_fit_are_refused(to):
    delay, ring = _int([0] * 5), jnp.zeros((DEPTH, N_POST))
    with pytest.raises(ShapeError, match=r"`spikes` \(4,\) .* do not fit 5 synapses of 3 neurons"):
        deliver(to, jnp.ones(4), WEIGHT)
    with pytest.raises(ShapeError, match=r"`weight` \(4,\) do not fit.*\(5,\), or \(1,\) for one"):
        deliver_delayed(to, jnp.ones(3), WEIGHT[:4], delay, _int(0), ring)
    with pytest.raises(ShapeError, match=r"`delay` \(1,\) and `ring` \(3, 4\) do not fit 5 syn"):
        deliver_delayed(to, jnp.ones(3), WEIGHT, delay[:1], _int(0), ring)
