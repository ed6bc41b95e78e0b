"""Networks of every kind of neuron learn with the defaults of the library."""

import numpy as np
import pytest

import rheobase as rb
from rheobase.units import ms
from tests.registry import NEURONS

# The others are membranes of one compartment with gates, which dt = 1 ms cannot follow.
SLOW = ("Izhikevich", "AdEx")
"""They learn the same, in more epochs: the adaptation of the one outlasts the 30 ms of a sample,
and the upstroke of the other, far below its peak, is over within a step, so that a surrogate sees
little of it (`rb.SurrogateReset(rb.AdEx())` learns in as many epochs as the others)."""
FAMILY = [n for n, row in NEURONS.items() if row.resets]


@pytest.mark.slow
@pytest.mark.parametrize("recurrent", [False, True], ids=["feed-forward", "recurrent"])
@pytest.mark.parametrize("name", FAMILY)
def test_two_hidden_layers_learn(name, recurrent):
    x = np.random.default_rng(0).uniform(size=(256, 6))
    labels = (x[:, 0] > x[:, 1]).astype(int) + 2 * (x[:, 2] > x[:, 3])
    make = NEURONS[name].make
    second = rb.Recurrent(make(), 40) if recurrent else make()
    model = rb.Sequential(
        rb.Linear(6, 40), make(), rb.Linear(40, 40), second, rb.Linear(40, 4), rb.LI()
    )
    epochs, enough = (120, 0.6) if name in SLOW else (60, 0.85)
    result = rb.fit(
        model, (x, labels), epochs=epochs, batch_size=32, progress=False,
        encoder=rb.encoders.Direct(30 * ms), loss=rb.losses.cross_entropy("membrane"),
    )  # fmt: skip
    assert np.mean(result.history.train_accuracy[-5:]) > enough
