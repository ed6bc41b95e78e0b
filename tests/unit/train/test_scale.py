import numpy as np
import pytest

import rheobase as rb
from rheobase.train import input_scale, rheobase_current
from rheobase.units import MOhm, ms, mV, nA, nF


@pytest.mark.parametrize(
    ("neuron", "expected"),
    [
        (rb.LIF, 15 / 10),
        (lambda: rb.LIF(tau=200 * ms), 15 / 10),
        (lambda: rb.LIF(R=[1, 10] * MOhm), [15, 1.5]),
        (lambda: rb.Refractory(rb.LIF(), 2 * ms), 1.5),
        (rb.CubaLIF, 10 / 100),
        (lambda: rb.IF(C=2 * nF), 2 * 15 / 20),
        (lambda: rb.LI(R=4 * MOhm), 1 / 4),
        (rb.ExpIF, (5.1 - 3.48) / 50),
    ],
)
def test_closed_forms(neuron, expected):
    np.testing.assert_allclose(rheobase_current(neuron()), expected, rtol=1e-3)


def test_the_parabola_of_a_quadratic_neuron():
    neuron = rb.QIF()
    expected = neuron.c * (neuron.v_c - neuron.v_rest) ** 2 / (4 * neuron.R)
    np.testing.assert_allclose(rheobase_current(neuron), expected, rtol=1e-3)


@pytest.mark.parametrize("make", [rb.LIF, rb.ExpIF, rb.QIF, rb.CubaLIF])
def test_a_neuron_fires_above_and_not_below(make):
    threshold = rheobase_current(make()).item()
    fires = [
        rb.simulate(make(), current=f * threshold * nA, duration=500 * ms, dt=0.1 * ms).counts > 0
        for f in (0.98, 1.02)
    ]
    assert fires == [False, True]


@pytest.mark.parametrize("make", [rb.LIF, rb.IF, lambda: rb.CubaLIF(tau_syn=3 * ms)])
def test_one_pulse_of_the_scale_of_spikes_makes_it_fire(make):
    neuron = make()
    pulse = input_scale(neuron, 0.1, spikes=True)

    def spikes(size):
        if neuron.target == "v":
            given = {"current": rb.stimulus.Step(size * nA, stop=0.1 * ms)}
        else:
            given = {"delta": rb.stimulus.Pulses([1 * ms], size * nA)}
        return rb.simulate(neuron, duration=60 * ms, dt=0.1 * ms, **given).counts.item()

    assert [spikes(0.9 * pulse), spikes(1.1 * pulse)] == [0, 1]


def test_a_steady_stream_onto_a_synapse():
    neuron = rb.CubaLIF()
    each = input_scale(neuron, 0.1, spikes=False)

    def spikes(size):
        stream = rb.stimulus.Constant(size / 0.1 * nA / ms)  # each step adds `size`
        return rb.simulate(neuron, delta=stream, duration=300 * ms, dt=0.1 * ms).counts.item()

    assert spikes(0.95 * each) == 0 < spikes(1.05 * each)


def test_one_that_fires_by_itself_has_the_scale_of_its_span():
    neuron = rb.LIF(v_rest=-40 * mV)
    np.testing.assert_allclose(input_scale(neuron, 1.0, spikes=False), 1.5, rtol=1e-6)
