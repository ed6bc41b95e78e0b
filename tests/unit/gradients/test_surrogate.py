"""Backpropagation through time in pieces: the same gradient, less memory."""

import equinox as eqx
import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError
from rheobase.gradients.base import prepare, taken
from rheobase.units import ms, nA
from tests.registry import slow_but

STEPS = 53


def network(hidden=12, n_in=4):
    return rb.Sequential(
        rb.Linear(n_in, hidden), rb.Recurrent(rb.LIF(), hidden), rb.Linear(hidden, 2), rb.LI()
    )


def batch(steps=STEPS, n_in=4):
    x = np.random.default_rng(0).uniform(0, 3, size=(3, steps, n_in))
    return x, np.array([0, 1, 1])


def gradient(method, model=None, **more):
    found = rb.gradients.value_and_grad(model or network(), batch(), method=method, **more)
    return jax.tree.leaves(eqx.filter(found, eqx.is_array))


@pytest.mark.parametrize("checkpoint", slow_but((5,), (True, 5, 100)))
def test_checkpoints_change_nothing(checkpoint, x64):
    noise = rb.Noise(rb.LIF(), 0.5 * nA, 5 * ms)
    noisy = rb.Sequential(rb.Linear(4, 9), noise, rb.Linear(9, 2), rb.LI())
    more = {"key": jax.random.key(3), "regulariser": rb.losses.spike_bounds(lower=2, strength=1)}
    plain, lean = (gradient(m, noisy, **more) for m in (None, rb.gradients.Surrogate(checkpoint)))
    for a, b in zip(plain, lean, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_truncation_cuts_what_came_before(x64):
    """The gradient of a loss on the last steps is that of a run that begins at the cut."""
    model = network()
    x, y = batch()
    cut = 40

    def late(output, target):
        return output[cut:].sum(axis=(0, 2))

    method = rb.gradients.Surrogate(truncate=cut)
    _, found = rb.gradients.value_and_grad(model, (x, y), loss=late, method=method)

    from rheobase.train.layers import advance, begin

    series = np.moveaxis(x, 1, 0)
    carries = advance(model, begin(model, series), series[:cut], None).carries

    def tail(model):
        return advance(model, carries, series[cut:], None).output.sum(axis=(0, 2)).mean()

    for a, b in zip(
        jax.tree.leaves(found), jax.tree.leaves(eqx.filter_grad(tail)(model)), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def memory(method, steps):
    """Megabytes that the compiled program needs beside its arguments."""
    given = prepare(network(64, 8), batch(steps, 8), None, None)
    program = taken.lower(method, network(64, 8), given, None).compile()
    return program.compiled.memory_analysis().temp_size_in_bytes / 1e6


@pytest.mark.slow
def test_checkpoints_need_a_tenth_of_the_memory():
    full, lean = (memory(rb.gradients.Surrogate(c), 5000) for c in (False, True))
    assert lean < 0.1 * full


@pytest.mark.parametrize("wrong", [{"checkpoint": 0}, {"checkpoint": 2.5}, {"truncate": True}])
def test_nonsense_is_refused(wrong):
    with pytest.raises(ArgumentError, match="whole number of steps"):
        rb.gradients.Surrogate(**wrong)


def test_a_method_is_an_object():
    with pytest.raises(ArgumentError, match=r"gradient=rb.gradients.Surrogate\(\)"):
        rb.fit(network(), batch(), batch_size=3, gradient=rb.gradients.Surrogate)


@pytest.mark.slow
def test_fit_trains_with_checkpoints():
    plain, lean = (
        rb.fit(network(), batch(), gradient=method, epochs=3, batch_size=3, progress=False)
        for method in (None, rb.gradients.Surrogate(checkpoint=True))
    )
    np.testing.assert_allclose(plain.history.train_loss, lean.history.train_loss, rtol=1e-4)
