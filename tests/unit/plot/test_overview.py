import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError, UnknownName
from rheobase.units import UnitError, ms, mV, nA


def run_of(neuron, current, record=("v",), **rest):
    return rb.simulate(
        neuron, current=current, duration=100 * ms, dt=0.1 * ms, record=record, **rest
    )


def marks(ax):
    return ax.lines[-1].get_xdata()[0::3].tolist()


def test_panels_from_top_to_bottom():
    neuron, pulse = rb.AdEx(), rb.stimulus.Step(1 * nA, start=20 * ms, stop=80 * ms)
    run = run_of(neuron, pulse, ("v", "w"))
    axes = rb.plot.overview(run, pulse, neuron=neuron, title="tonic")
    assert [ax.get_ylabel() for ax in axes] == ["v (mV)", "w (nA)", "I (nA)"]
    assert [ax.get_xlabel() for ax in axes] == ["", "", "time (ms)"]
    assert all(ax.get_xlim() == (0, pytest.approx(100)) for ax in axes)
    assert axes[0].get_title("left") == "tonic"
    voltage, threshold, _ = axes[0].lines
    np.testing.assert_array_equal(voltage.get_ydata(), run.v)
    np.testing.assert_allclose(threshold.get_ydata(), neuron.v_th, rtol=1e-5)
    np.testing.assert_array_equal(axes[1].lines[0].get_ydata(), run.w)
    assert marks(axes[0]) == run.spike_times().tolist() and len(run.spike_times()) > 2
    # The marks are above everything else.
    assert np.nanmin(axes[0].lines[-1].get_ydata()) > max(run.v.max(), neuron.v_th)
    shown = axes[2].patches[-1].get_data()
    expected = np.where((shown.edges[:-1] >= 20 - 1e-6) & (shown.edges[1:] <= 80 + 1e-6), 1, 0)
    np.testing.assert_array_equal(shown.values, expected)
    # The stimulus is narrow.
    heights = [ax.get_position().height for ax in axes]
    assert heights[2] < heights[0] / 3


def test_without_stimulus_neuron_and_spikes_there_is_the_voltage():
    run = run_of(rb.LI(), 1 * nA)
    (ax,) = rb.plot.overview(run)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), run.v)
    assert len(marks(ax)) == 0


def test_one_neuron_of_a_population_with_thresholds_of_their_own():
    neuron = rb.LIF(v_th=[-55, -50, -45] * mV)
    currents = [1.5, 2.5, 4.0] * nA
    run = run_of(neuron, currents)
    voltage, drive = rb.plot.overview(run, currents * np.ones((1000, 1)), neuron=neuron, index=2)
    np.testing.assert_array_equal(voltage.lines[0].get_ydata(), run.v[:, 2])
    np.testing.assert_allclose(voltage.lines[1].get_ydata(), -45, rtol=1e-6)
    assert marks(voltage) == run.spike_times()[2].tolist()
    np.testing.assert_array_equal(drive.patches[-1].get_data().values, 4)


def test_a_moving_threshold_follows_the_variable_that_moves_it():
    neuron = rb.ALIF()
    run = run_of(neuron, 3 * nA, ("v", "a"))
    level = rb.plot.overview(run, neuron=neuron)[0].lines[1].get_ydata()
    np.testing.assert_allclose(level, neuron.v_th + neuron.beta * np.asarray(run.a), rtol=1e-5)
    assert np.ptp(level) > 1
    with pytest.raises(ArgumentError, match=r"record=\('v', 'a'\)"):
        rb.plot.overview(run_of(neuron, 3 * nA), neuron=neuron)


def test_a_random_stimulus_is_shown_as_it_was():
    # A perfect integrator tells what went in.
    neuron = rb.IF(v_th=1e6 * mV)
    noise = rb.stimulus.OrnsteinUhlenbeck(mean=0 * nA, sigma=1 * nA, tau=5 * ms)
    run = run_of(neuron, noise, key=jax.random.key(3))
    shown = rb.plot.overview(run, noise)[1].patches[-1].get_data().values
    went_in = np.diff(np.asarray(run.v), prepend=np.asarray(neuron.v_reset)) / 0.1
    np.testing.assert_allclose(shown, went_in, atol=2e-3)
    more = rb.simulate(
        neuron, current=noise, duration=5 * ms, dt=0.1 * ms, state=run.final, record="v"
    )
    with pytest.raises(ArgumentError, match="earlier run"):
        rb.plot.overview(more, noise)


def test_it_draws_on_given_axes():
    from matplotlib.figure import Figure

    given = Figure().subplots(2)
    axes = rb.plot.overview(run_of(rb.LIF(), 2 * nA), 2 * nA, ax=given)
    assert axes == tuple(given)
    np.testing.assert_array_equal(axes[1].patches[-1].get_data().values, 2)
    with pytest.raises(ShapeError, match="2 panels, got 1"):
        rb.plot.overview(run_of(rb.LIF(), 2 * nA), 2 * nA, ax=given[:1])


@pytest.mark.parametrize(
    "wrong, error, text",
    [
        (lambda run: rb.plot.overview(run, index=3), ShapeError, "from 0 to 1"),
        (lambda run: rb.plot.overview(run, 2.0), ArgumentError, r"2\*nA"),
        (lambda run: rb.plot.overview(run, np.ones(7) * nA), ShapeError, "1000 steps"),
        (lambda run: rb.plot.overview(run, threshold=3 * nA), UnitError, "mV"),
        (lambda run: rb.plot.overview(run, neuron=rb.LI()), ArgumentError, "threshold"),
    ],
)
def test_wrong_input_is_refused_with_the_cure_and_leaves_no_figure(wrong, error, text):
    from matplotlib import pyplot

    with pytest.raises(error, match=text):
        wrong(run_of(rb.LIF(), 2 * nA, n=2))
    assert pyplot.get_fignums() == []


def test_what_was_not_kept_is_said():
    with pytest.raises(ArgumentError, match=r"record=\('v',\)"):
        rb.plot.overview(run_of(rb.LIF(), 2 * nA, ()))
    with pytest.raises(UnknownName, match="'v'"):
        rb.plot.overview(run_of(rb.AdEx(), 1 * nA, ("w",)))
    some = run_of(rb.LIF(), 2 * nA, rb.Record(("v",), indices=(1,)), n=3)
    with pytest.raises(ShapeError, match="which belong together"):
        rb.plot.overview(some)
