import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ShapeError
from rheobase.units import UnitError, ms, mV, nA, s


def ticks(ax):
    """The spikes that a raster shows, as {neuron: times}."""
    x, y = ax.lines[0].get_data()
    rows = np.round((y[0::3] + y[1::3]) / 2).astype(int)
    assert np.isnan(y[2::3]).all()
    np.testing.assert_allclose(y[1::3] - y[0::3], 0.8)
    np.testing.assert_array_equal(x[0::3], x[1::3])
    return {row: x[0::3][rows == row].tolist() for row in sorted(set(rows))}


@pytest.fixture
def run():
    return rb.simulate(rb.LIF(), current=[1.0, 2.0, 3.0] * nA, duration=60 * ms, dt=0.1 * ms)


def test_a_recording_shows_every_spike_of_every_neuron(run):
    ax = rb.plot.raster(run)
    times = run.spike_times()
    assert len(times[0]) == 0 and len(times[1]) > 2
    assert ticks(ax) == {1: times[1].tolist(), 2: times[2].tolist()}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (ms)", "neuron")
    assert ax.get_xlim() == (0.0, pytest.approx(60.0))
    assert ax.get_ylim() == (-0.7, pytest.approx(2.7))  # the silent neuron has its row


def test_a_continued_run_begins_where_it_began(run):
    more = rb.simulate(
        rb.LIF(), current=[1.0, 2.0, 3.0] * nA, duration=20 * ms, dt=0.1 * ms, state=run.final
    )
    assert rb.plot.raster(more).get_xlim() == (pytest.approx(60.0), pytest.approx(80.0))


def test_arrays_lists_and_quantities_show_the_same(run):
    expected = ticks(rb.plot.raster(run))
    assert ticks(rb.plot.raster(run.spikes, t=run.t)) == expected
    assert ticks(rb.plot.raster(run.spike_times())) == expected
    assert ticks(rb.plot.raster(run.events)) == expected
    in_seconds = [(np.asarray(times) / 1000) * s for times in run.spike_times()]
    shown = ticks(rb.plot.raster(in_seconds))
    assert shown.keys() == expected.keys()
    for row in shown:
        np.testing.assert_allclose(shown[row], expected[row])


def test_a_tuple_of_the_times_of_two_neurons_are_no_events():
    two = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert ticks(rb.plot.raster(two)) == {0: [1.0, 2.0], 1: [3.0, 4.0]}


def test_one_neuron_is_one_row():
    run = rb.simulate(rb.LIF(), current=2 * nA, duration=60 * ms, dt=0.1 * ms)
    expected = {0: run.spike_times().tolist()}
    assert ticks(rb.plot.raster(run)) == expected
    assert ticks(rb.plot.raster(run.spike_times())) == expected
    assert ticks(rb.plot.raster(run.spikes, t=run.t)) == expected


def test_few_spikes_of_a_large_population_stay_visible():
    trains = [np.array([float(i)]) for i in range(1000)]
    ax = rb.plot.raster(trains)
    (low, high, _), *_ = ax.lines[0].get_ydata().reshape(-1, 3)
    bottom, top = ax.get_ylim()
    assert (low + high) / 2 == 0
    assert (high - low) / (top - bottom) > 0.01


def test_silence_is_an_empty_picture():
    run = rb.simulate(rb.LIF(), n=4, current=0 * nA, duration=5 * ms, dt=0.1 * ms)
    ax = rb.plot.raster(run)
    assert ticks(ax) == {}
    assert ax.get_ylim()[1] == pytest.approx(3.7)


def test_it_draws_on_the_axes_that_it_is_given_and_leaves_pyplot_alone(run):
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    given = Figure().subplots()
    assert rb.plot.raster(run, ax=given) is given
    assert len(given.lines) == 1
    assert pyplot.get_fignums() == []


def test_no_setting_of_matplotlib_is_changed(run):
    import matplotlib

    before = dict(matplotlib.rcParams)
    rb.plot.raster(run)
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    "wrong, error, text",
    [
        (lambda run: rb.plot.raster(run.spikes), ShapeError, "t=run.t"),
        (lambda run: rb.plot.raster(np.array([0, 1, 0, 1.0])), ShapeError, "t=run.t"),
        (lambda run: rb.plot.raster(run.spikes, t=run.t[:-1]), ShapeError, "t=run.t"),
        (lambda run: rb.plot.raster(run.spikes, t=run.t * mV), UnitError, "ms"),
        (lambda run: rb.plot.raster([1.0, 2.0] * mV), UnitError, "ms"),
        (
            lambda run: rb.plot.raster(run.spikes[:, None], t=run.t),
            ShapeError,
            r"run\.spikes\[:, 0\]",
        ),
    ],
)
def test_wrong_input_is_refused_with_the_cure_and_leaves_no_figure(run, wrong, error, text):
    from matplotlib import pyplot

    with pytest.raises(error, match=text):
        wrong(run)
    assert pyplot.get_fignums() == []


def test_a_batch_is_refused():
    run = rb.simulate(rb.LIF(), n=(2, 3), current=2 * nA, duration=5 * ms, dt=0.1 * ms)
    with pytest.raises(ShapeError, match=r"\(50, 2, 3\).*run\.spikes\[:, 0\]"):
        rb.plot.raster(run)
