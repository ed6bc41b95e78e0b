import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError
from rheobase.units import ms, nA


@pytest.fixture
def run():
    return rb.simulate(rb.LIF(), current=[1.0, 2.0, 3.0] * nA, duration=60 * ms, dt=0.1 * ms)


@pytest.fixture(scope="module")
def network():
    classic = rb.classics.cuba(jax.random.key(0), n=200)
    return classic.run(jax.random.key(1), duration=40 * ms)


def dots(line):
    return sorted(zip(*(x.tolist() for x in line.get_data()), strict=True))


def test_spikes_above_and_their_rate_below(run):
    above, below = rb.plot.population(run, 5 * ms, title="three")
    assert dots(above.lines[0]) == sorted(zip(*(x.tolist() for x in run.events), strict=True))
    t, rate = rb.analysis.population_rate(run, 5 * ms)
    np.testing.assert_allclose(below.lines[0].get_data(), (t, rate))
    assert above.get_xlim() == below.get_xlim() == (0, pytest.approx(60))
    assert (above.get_ylabel(), below.get_ylabel()) == ("neuron", "rate (Hz)")
    assert below.get_xlabel() == "time (ms)" and above.get_title("left") == "three"
    assert below.get_ylim()[0] == 0


def test_a_recording_draws_itself(run):
    above, below = run.plot()
    assert dots(above.lines[0]) == dots(rb.plot.population(run)[0].lines[0])
    assert len(below.lines) == 1


def test_events_show_the_same(run):
    above, _ = rb.plot.population(run.events, n=3, duration=60 * ms)
    assert dots(above.lines[0]) == dots(rb.plot.population(run)[0].lines[0])


def test_a_large_population_is_shown_by_a_sample(network):
    above, below = rb.plot.population(network["e"], most=20)
    rows = set(above.lines[0].get_ydata())
    assert 0 < len(rows) <= 20
    assert above.get_ylabel() == "neurons (20 of 160)"
    _, rate = rb.analysis.population_rate(network["e"], 2 * ms)
    np.testing.assert_allclose(below.lines[0].get_ydata(), rate)  # of all


def test_populations_of_a_network_are_upon_each_other(network):
    above, below = rb.plot.population(network)
    first, second = above.lines
    e, i = network["e"], network["i"]
    assert min(first.get_ydata()) >= 40 > max(second.get_ydata())
    assert len(first.get_ydata()) == e.counts.sum() and len(second.get_ydata()) == i.counts.sum()
    assert [label.get_text() for label in above.get_yticklabels()] == ["e", "i"]
    assert len(below.lines) == 2
    assert [line.get_color() for line in below.lines] == [first.get_color(), second.get_color()]


def test_of_many_populations_there_is_one_rate():
    net = rb.Network(
        {name: rb.Population(rb.LIF(), n) for name, n in zip("abcd", (1, 2, 3, 4), strict=True)},
        drives=[rb.Drive("b", rb.stimulus.Constant(3 * nA))],
    )
    run = rb.simulate(net, duration=60 * ms, dt=0.1 * ms)
    above, below = rb.plot.population(run, 60 * ms)
    assert len(above.lines) == 4 and len(below.lines) == 1
    expected = float(run["b"].counts.sum()) / 10 / 0.06
    assert expected > 0
    np.testing.assert_allclose(below.lines[0].get_ydata(), [expected], rtol=1e-5)


def test_it_draws_on_the_axes_that_it_is_given(run):
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    axes = Figure().subplots(2, 1)
    assert rb.plot.population(run, ax=axes) == tuple(axes)
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda run: rb.plot.population(run, most=0), ArgumentError, "at least 1"),
        (lambda run: rb.plot.population(run, 1000 * ms), ShapeError, "longer than the 60 ms"),
        (lambda run: rb.plot.population(run, ax=[None]), ShapeError, "2 panels"),
        (lambda run: rb.plot.population(run.events), ArgumentError, "how many neurons"),
    ],
)
def test_refused_with_the_cure_and_no_figure_left(run, call, error, text):
    from matplotlib import pyplot

    with pytest.raises(error, match=text):
        call(run)
    assert pyplot.get_fignums() == []
