import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ParameterError
from rheobase.units import ms, mV, nA, pA, uS
from tests.unit.neurons.by_hand import euler

RHEOBASE = 0.05 * 20**2 / (4 * 500 / 7)


@pytest.mark.parametrize("factor", [1.05, 2, 10])
def test_interval_of_qif(x64, factor):
    current = factor * RHEOBASE
    q = np.sqrt(0.05 * 500 / 7 * (current - RHEOBASE))
    high, low = (0.05 * (v + 50) / q for v in (35, -50))
    expected = 50 / 7 * (np.arctan(high) - np.arctan(low)) / q
    run = rb.simulate(
        rb.QIF(),
        current=current * nA,
        duration=500 * ms,
        dt=0.02 * ms,
        stepper=rb.RungeKutta4(),
        substep=True,
    )
    np.testing.assert_allclose(np.diff(run.spike_times()), expected, rtol=1e-4)


def test_rheobase_of_qif(x64):
    currents = np.array([0.999, 1.01]) * RHEOBASE
    run = rb.simulate(rb.QIF(), current=currents * nA, duration=1000 * ms, dt=0.1 * ms)
    assert run.counts[0] == 0
    assert run.counts[1] > 0


def test_qif_rests_and_returns_below_the_voltage_of_no_return(x64):
    given = dict(n=2, duration=200 * ms, dt=0.1 * ms, record="v")
    run = rb.simulate(rb.QIF(), init={"v": [-40.1, -39.9] * mV}, **given)
    assert run.counts.tolist() == [0, 1]
    assert run.v[-1, 0] == pytest.approx(-60, abs=1e-6)


def test_rheobase_of_adqif_for_a_slow_current(x64):
    rheobase = (1 - 0.002 * 500 / 7) ** 2 / (4 * 0.05 * 500 / 7)
    low, high = 0.98 * rheobase, 1.03 * rheobase
    ramp = rb.stimulus.Ramp(low * nA, high * nA, start=0 * ms, stop=20000 * ms)
    run = rb.simulate(rb.AdQIF(), current=ramp, duration=20000 * ms, dt=0.2 * ms)
    first = low + (high - low) * run.spike_times()[0] / 20000
    assert rheobase < first < 1.01 * rheobase


def test_adqif_is_the_regular_spiking_neuron_of_its_source(x64):
    """The equations in the letters of the source: pF, nS/mV, pA, by Euler in numpy."""
    run = rb.simulate(
        rb.AdQIF(),
        current=100 * pA,
        duration=1000 * ms,
        dt=0.1 * ms,
        stepper=rb.Euler(),
        record=("v", "w"),
    )
    rows, spikes = euler(
        start=(-60, 0),
        flow=lambda v, u, i: (
            (0.7 * (v + 60) * (v + 40) - u + i) / 100,
            0.03 * (-2 * (v + 60) - u),
        ),
        fires=lambda v, u: v >= 35,
        reset=lambda v, u: (-50, u + 100),
        current=100.0,
        dt=0.1,
        steps=10000,
        ceiling=35,
    )
    assert np.flatnonzero(run.spikes).tolist() == spikes
    assert len(spikes) > 5
    np.testing.assert_allclose(run.v, rows[:, 0], rtol=1e-6)
    np.testing.assert_allclose(run.w, rows[:, 1] / 1000, rtol=1e-6, atol=1e-9)


def test_without_adaptation_adqif_is_qif(x64):
    given = dict(current=0.2 * nA, duration=200 * ms, dt=0.05 * ms, record="v")
    plain = rb.simulate(rb.QIF(), **given)
    still = rb.simulate(rb.AdQIF(a=0 * uS, b=0 * nA), **given)
    assert plain.spikes.sum() > 3
    np.testing.assert_allclose(plain.v, still.v, rtol=1e-9)


@pytest.mark.parametrize("cls", [rb.QIF, rb.AdQIF])
def test_bad_parameters(cls):
    with pytest.raises(ParameterError, match="`v_c` must lie below `v_th`"):
        cls(v_c=40 * mV)
    with pytest.raises(ParameterError, match="`v_reset` must lie below `v_th`"):
        cls(v_reset=35 * mV)
