"""A fit says which layer never fires, and how to wake it."""

import warnings

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.units import ms, mV

T, N = 12, 20
SPIKES = (np.random.default_rng(0).uniform(size=(16, T, N)) < 0.05).astype(np.float32)
LABELS = np.arange(16) % 4


def made(*layers, **ask):
    return rb.Sequential(*layers, rb.Linear(16, 4), rb.LI(), key=jax.random.key(0), **ask)


def fit(model, x=SPIKES, epochs=1, **ask):
    return rb.fit(model, (x, LABELS), epochs=epochs, batch_size=8, progress=False, **ask)


def test_spikes_into_weights_that_are_drawn_for_currents():
    model = made(rb.Linear(N, 16), rb.Recurrent(rb.LIF(), 16))
    with pytest.warns(UserWarning, match=r'layer 1 \(LIF\) never fired.*inputs="spikes"') as seen:
        fit(model, epochs=2)
    assert len(seen) == 1
    assert seen[0].filename == __file__


def test_the_cure_cures():
    model = made(rb.Linear(N, 16), rb.LIF(), inputs="spikes")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model, x=np.minimum(6 * SPIKES + SPIKES[:, ::-1], 1))


def test_small_inputs_ask_for_larger_ones_and_the_second_layer_is_named():
    quiet = rb.LIF(v_th=500 * mV)
    model = made(rb.Linear(N, 16), rb.LIF(), rb.Linear(16, 16), quiet)
    x = np.full((16, T, N), 0.5, np.float32)
    with pytest.warns(UserWarning, match=r"layer [13] \(LIF\) never fired.*[Ss]cale the inputs up"):
        fit(model, x=1e-3 * x)


def test_an_encoder_and_a_model_of_another_kind():
    graph = rb.Graph(nodes={"e": rb.LIF()}, edges={("input", "e"): rb.Linear(N, 16)}, output="e")
    model = rb.Sequential(graph, rb.Linear(16, 4), rb.LI(), key=jax.random.key(0))
    x = np.full((16, N), 1e-3)
    with pytest.warns(UserWarning, match="layer 0 .node 'e' of Graph. never fired"):
        fit(model, x=x, encoder=rb.encoders.Direct(T * ms))
