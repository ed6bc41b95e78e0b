import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import CompositionError
from rheobase.units import DomainError, ms, nA

TAU, PART = 50.0, 0.2


def test_the_troughs_rise_as_the_closed_form_says(x64):
    neuron = rb.ResetAdaptation(rb.LIF(), tau=TAU * ms, increment=PART)
    run = rb.simulate(neuron, current=2 * nA, duration=200 * ms, dt=0.1 * ms, record=("v", "rho"))
    spikes = np.flatnonzero(np.asarray(run.spikes))
    assert len(spikes) > 15
    rho, last = 0.0, spikes[0]
    for k in spikes[:-1]:
        # A trace holds what was reached in a step, before the reset.
        rho *= np.exp(-(k - last) * 0.1 / TAU)
        np.testing.assert_allclose(run.rho[k], rho, rtol=1e-9)
        after = 20 - (20 - 15 * rho) * np.exp(-0.1 / 10)
        np.testing.assert_allclose(run.v[k + 1] + 65, after, rtol=1e-9)
        rho, last = rho + PART * (1 - rho), k
    assert np.all(np.diff(spikes, 2) <= 1) and np.diff(spikes)[-1] < 0.8 * np.diff(spikes)[0]


def test_a_trough_is_never_above_the_threshold(x64):
    neuron = rb.ResetAdaptation(rb.AdEx(), tau=1e5 * ms, increment=0.9)
    state = neuron.init()
    for _ in range(5):
        state = neuron.reset(state)
    assert jnp.all(state.neuron.v < rb.AdEx().v_th) and state.rho < 1


def test_what_it_cannot_wrap():
    with pytest.raises(CompositionError, match="never fires"):
        rb.ResetAdaptation(rb.LI(), tau=1 * ms, increment=0.1)
    with pytest.raises(CompositionError, match="needs a reset"):
        rb.ResetAdaptation(rb.HodgkinHuxley(), tau=1 * ms, increment=0.1)
    with pytest.raises(CompositionError, match=r"Write rb.ResetAdaptation\(rb.LIF\(\)"):
        rb.ResetAdaptation(rb.LIF, tau=1 * ms, increment=0.1)
    with pytest.raises(DomainError, match="increment"):
        rb.ResetAdaptation(rb.LIF(), tau=1 * ms, increment=1.5)
