import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import CompositionError, KeyRequired
from rheobase.neurons import AbstractMembrane
from rheobase.units import ms, mV, nA

KEY = jax.random.key(3)
MANY = 20_000


@pytest.mark.parametrize("dt", [0.1, 7.0])
def test_it_is_stationary_with_its_correlation_whatever_the_step(dt):
    neuron = rb.Noise(rb.LIF(), sigma=0.3 * nA, tau=5 * ms)
    run = rb.simulate(neuron, n=MANY, duration=63 * ms, dt=dt * ms, key=KEY, record=("noise",))
    x = np.asarray(run.noise)
    lag = round(7 / dt)
    np.testing.assert_allclose(x[0].std(), 0.3 * np.sqrt(-np.expm1(-2 * dt / 5)), rtol=0.02)
    np.testing.assert_allclose(x[-1].std(), 0.3, rtol=0.02)
    np.testing.assert_allclose(np.mean(x[-1] * x[-1 - lag]) / 0.09, np.exp(-7 / 5), atol=0.02)
    np.testing.assert_allclose(x[-1].mean(), 0, atol=0.3 * 4 / np.sqrt(MANY))


def test_the_recorded_noise_is_what_acts_in_its_step(x64):
    current = 0.5
    noisy = rb.simulate(
        rb.Noise(rb.LI(), sigma=0.3 * nA, tau=5 * ms), current=current * nA, n=3,
        duration=20 * ms, dt=0.1 * ms, key=KEY, record=("v", "noise"),
    )  # fmt: skip
    again = rb.simulate(
        rb.LI(), current=rb.stimulus.FromArray((noisy.noise + current) * nA),
        duration=20 * ms, dt=0.1 * ms, record="v",
    )  # fmt: skip
    np.testing.assert_allclose(noisy.v, again.v, rtol=1e-12)


def test_nested_noises_are_independent():
    neuron = rb.Noise(rb.Noise(rb.LIF(), 0.3 * nA, 5 * ms), 0.3 * nA, 5 * ms)
    run = rb.simulate(neuron, n=MANY, duration=40 * ms, dt=1 * ms, key=KEY)
    outer, inner = run.final.neuron.noise, run.final.neuron.neuron.noise
    assert abs(np.corrcoef(outer, inner)[0, 1]) < 4 / np.sqrt(MANY)


def test_the_same_key_gives_the_same_run_and_another_another():
    neuron = rb.Noise(rb.LIF(), 1 * nA, 5 * ms)

    def run(key):
        run = rb.simulate(neuron, n=2, duration=5 * ms, dt=0.1 * ms, key=key, record="v")
        return np.asarray(run.v)

    np.testing.assert_array_equal(run(KEY), run(KEY))
    assert not np.any(run(KEY)[-1] == run(jax.random.key(4))[-1])
    assert run(KEY)[-1, 0] != run(KEY)[-1, 1]


def test_it_wants_a_key_a_current_and_a_neuron():
    neuron = rb.Noise(rb.LIF(), 1 * nA, 5 * ms)
    with pytest.raises(KeyRequired, match=r"key=jax.random.key\(0\)"):
        rb.simulate(neuron, duration=5 * ms, dt=0.1 * ms)
    with pytest.raises(KeyRequired, match="Noise draws random numbers"):
        neuron.perturb(neuron.init(), 0.0, 0.1, None)
    with pytest.raises(rb.units.UnitError, match=r"`sigma` is measured in nA, got 1 mV"):
        rb.Noise(rb.LIF(), 1 * mV, 5 * ms)
    with pytest.raises(CompositionError, match=r"rb.Noise\(rb.LIF\(\)"):
        rb.Noise(rb.LIF, 1 * nA, 5 * ms)


class Voltage(AbstractMembrane):
    """A readout that is driven by a voltage."""

    receives = mV

    def init(self):
        return rb.LI().init()

    def derivative(self, state, current):
        return state


def test_it_refuses_what_receives_no_current():
    with pytest.raises(CompositionError, match="adds a current in nA, and Voltage receives mV"):
        rb.Noise(Voltage(), 1 * nA, 5 * ms)
