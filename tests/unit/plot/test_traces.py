import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError, UnknownName
from rheobase.units import UnitError, ms, mV, nA, uA


def simulated(current, **rest):
    return rb.simulate(
        rb.AdEx(), current=current, duration=40 * ms, dt=0.1 * ms, record=("v", "w"), **rest
    )


def test_a_recording_shows_the_variable_asked_for_in_its_unit():
    run = simulated(1 * nA)
    for name, axis in (("v", "v (mV)"), ("w", "w (nA)")):
        ax = rb.plot.traces(run, name)
        (line,) = ax.lines
        np.testing.assert_array_equal(line.get_xdata(), run.t)
        np.testing.assert_array_equal(line.get_ydata(), run[name])
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (ms)", axis)
        assert ax.get_legend() is None
    assert rb.plot.traces(run).get_ylabel() == "v (mV)"


def test_a_few_neurons_are_named_and_coloured_many_are_alike():
    run = simulated(np.linspace(0.5, 1, 8) * nA)
    ax = rb.plot.traces(run, "w", indices=[6, 2])
    np.testing.assert_array_equal([x.get_ydata() for x in ax.lines], run.w[:, [6, 2]].T)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["neuron 6", "neuron 2"]
    assert len({line.get_color() for line in ax.lines}) == 2
    ax = rb.plot.traces(run, "w")
    assert len(ax.lines) == 8 and ax.get_legend() is None
    assert len({line.get_color() for line in ax.lines}) == 1


def test_a_quantity_shows_in_its_own_unit():
    run = simulated(1 * nA, n=2)
    ax = rb.plot.traces((run.w * nA).to(uA), "adaptation", t=run.t)
    np.testing.assert_allclose(ax.lines[1].get_ydata(), run.w[:, 1] / 1000, rtol=1e-6)
    assert ax.get_ylabel() == "adaptation (uA)"


def test_a_variable_without_unit_has_none_on_its_axis():
    run = rb.simulate(rb.MorrisLecar(), current=0 * nA, duration=5 * ms, dt=0.1 * ms, record=("w",))
    assert rb.plot.traces(run).get_ylabel() == "w"


@pytest.mark.parametrize(
    "wrong, error, text",
    [
        (lambda run: rb.plot.traces(run, "V"), UnknownName, "Did you mean 'v'"),
        (lambda run: rb.plot.traces(run.v, "v", t=run.t), UnitError, "v \\* mV"),
        (lambda run: rb.plot.traces(run.v * mV, "v"), ShapeError, "t=run.t"),
        (lambda run: rb.plot.traces(run.v * mV, "v", t=run.t[1:]), ShapeError, "t=run.t"),
        (lambda run: rb.plot.traces(run, indices=[3]), ShapeError, "from 0 to 2"),
        (lambda run: rb.plot.traces(run.v[:, None] * mV, t=run.t), ShapeError, "one of the batch"),
    ],
)
def test_wrong_input_is_refused_with_the_cure_and_leaves_no_figure(wrong, error, text):
    from matplotlib import pyplot

    with pytest.raises(error, match=text):
        wrong(simulated(1 * nA, n=3))
    assert pyplot.get_fignums() == []


def test_a_run_without_traces_says_how_to_keep_them():
    run = rb.simulate(rb.LIF(), current=2 * nA, duration=5 * ms, dt=0.1 * ms)
    with pytest.raises(ArgumentError, match=r"record=\('v',\)"):
        rb.plot.traces(run)


def test_a_hundred_lines_are_the_most():
    run = simulated(1 * nA, n=101)
    with pytest.raises(ShapeError, match=r"indices=range\(5\)"):
        rb.plot.traces(run)
    assert len(rb.plot.traces(run, indices=range(100)).lines) == 100
