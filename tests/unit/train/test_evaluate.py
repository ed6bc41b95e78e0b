import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.units import Hz, ms


@pytest.mark.parametrize("batch_size", [1, 7, 32, 96, 500])
def test_samples_that_fill_the_last_batch_do_not_count(task, batch_size):
    model = rb.Sequential(rb.Linear(4, 9), rb.LIF(), rb.Linear(9, 2), rb.LI())
    encoder, loss = rb.encoders.Direct(10 * ms), rb.losses.cross_entropy()
    output = model(encoder(task[0]))
    found = rb.train.evaluate(model, task, encoder=encoder, batch_size=batch_size)
    np.testing.assert_allclose(found.loss, loss(output, task[1]).mean(), rtol=1e-5)
    np.testing.assert_allclose(found.accuracy, loss.correct(output, task[1]).mean())


def test_one_program_for_all_batches(task, compiled):
    model = rb.Sequential(rb.Linear(4, 11), rb.LI())
    rb.train.evaluate(model, task, encoder=rb.encoders.Direct(9 * ms), batch_size=25)
    compiled()
    rb.train.evaluate(model, task, encoder=rb.encoders.Direct(9 * ms), batch_size=25)
    assert compiled() == 0


def test_a_loss_without_classes_has_no_accuracy(task):
    model = rb.Sequential(rb.Linear(4, 2), rb.LIF())
    data = task[0], np.full((96, 2), 50.0)
    found = rb.train.evaluate(
        model, data, encoder=rb.encoders.Direct(9 * ms), loss=rb.losses.mean_square_rate()
    )
    assert found.accuracy is None and found.loss > 0


def test_a_plain_function_is_a_loss(task):
    model = rb.Sequential(rb.Linear(4, 2), rb.LI())
    encoder = rb.encoders.Direct(9 * ms)
    found = rb.train.evaluate(
        model, task, encoder=encoder, loss=lambda v, y: jnp.mean(v**2, axis=(0, 2))
    )
    np.testing.assert_allclose(found.loss, np.mean(model(encoder(task[0])) ** 2), rtol=1e-5)


def test_random_numbers_come_from_the_key(task):
    model = rb.Sequential(rb.Linear(4, 2), rb.LI())
    encoder = rb.encoders.Poisson(20 * ms, rate=300 * Hz)
    one, again, other = (
        rb.train.evaluate(model, task, encoder=encoder, batch_size=40, key=jax.random.key(k)).loss
        for k in (0, 0, 1)
    )
    assert one == again != other
