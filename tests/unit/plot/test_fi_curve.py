import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ShapeError
from rheobase.units import UnitError, kHz, ms, nA, pA


def test_a_neuron_is_simulated_and_follows_its_closed_form():
    neuron, currents = rb.LIF(), np.array([1.0, 1.4, 2.0, 3.0, 4.0])
    ax = rb.plot.fi_curve(neuron, currents * nA, duration=1000 * ms, dt=0.05 * ms)
    x, y = ax.lines[0].get_data()
    np.testing.assert_array_equal(x, currents)
    drive = np.asarray(neuron.R) * currents[2:]
    interval = np.asarray(neuron.tau) * np.log(drive / (drive - 15))
    np.testing.assert_array_equal(y[:2], 0)
    np.testing.assert_allclose(y[2:], 1000 / interval, rtol=0.02)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("current (nA)", "firing rate (Hz)")
    low, high = ax.get_ylim()
    assert low <= 0 and high >= y.max()


def test_a_second_curve_fits_into_the_picture():
    currents = [1.0, 2.0] * nA
    ax = rb.plot.fi_curve([5.0, 10.0], currents)
    assert ax.get_ylim()[0] <= 0
    rb.plot.fi_curve([50.0, 100.0], currents, ax=ax)
    assert ax.get_ylim()[1] >= 100


def test_recordings_and_arrays_show_their_rates():
    currents = np.array([1.0, 2.0, 4.0]) * nA
    run = rb.simulate(rb.LIF(), current=currents, duration=200 * ms, dt=0.1 * ms)
    expected = np.asarray(run.rate())
    for source in (run, expected, (expected / 1000) * kHz):
        ax = rb.plot.fi_curve(source, currents)
        np.testing.assert_allclose(ax.lines[0].get_ydata(), expected, rtol=1e-6)
    ax = rb.plot.fi_curve(run, currents.to(pA), label="LIF")
    assert ax.get_xlabel() == "current (pA)"
    assert ax.lines[0].get_xdata()[-1] == pytest.approx(4000)
    assert ax.get_legend().get_texts()[0].get_text() == "LIF"


@pytest.mark.parametrize(
    "wrong, error, text",
    [
        (lambda: rb.plot.fi_curve(rb.LIF(), [1.0, 2.0]), UnitError, r"\[1.0, 2.0\]\*nA"),
        (lambda: rb.plot.fi_curve([1.0, 2.0], [1.0, 2.0]), UnitError, r"\[1.0, 2.0\]\*nA"),
        (lambda: rb.plot.fi_curve([1.0, 2.0] * nA, [1.0, 2.0] * nA), UnitError, "Hz"),
        (lambda: rb.plot.fi_curve([5.0], [1.0, 2.0] * nA), ShapeError, "one rate for each"),
        (lambda: rb.plot.fi_curve(rb.LIF(), [[1.0, 2.0]] * nA), ShapeError, "one rate for each"),
    ],
)
def test_wrong_input_is_refused_with_the_cure_and_leaves_no_figure(wrong, error, text):
    from matplotlib import pyplot

    with pytest.raises(error, match=text):
        wrong()
    assert pyplot.get_fignums() == []
