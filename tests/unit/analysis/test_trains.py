import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.analysis.trains import trains_of
from rheobase.errors import ArgumentError, ShapeError
from rheobase.units import DomainError, UnitError, ms, mV, nA, s

EVENTS = np.array([1.0, 2.0, 3.0]), np.array([0, 1, 0])


@pytest.fixture
def run():
    return rb.simulate(rb.LIF(), current=[1.0, 2.0, 3.0] * nA, duration=60 * ms, dt=0.1 * ms)


def test_recordings_of_every_kind_say_the_same(run):
    expected = [train.tolist() for train in run.spike_times()]
    trains = trains_of(run)
    assert (trains.n, trains.begin, trains.end) == (3, 0, pytest.approx(60))
    assert [train.tolist() for train in trains.each()] == expected
    net = rb.Network(
        {"a": rb.Population(rb.LIF(), 3)}, drives=[rb.Drive("a", constant([1.0, 2.0, 3.0] * nA))]
    )
    events = rb.simulate(net, duration=60 * ms, dt=0.1 * ms)["a"]
    assert [train.tolist() for train in trains_of(events).each()] == expected
    one = rb.simulate(rb.LIF(), current=2 * nA, duration=60 * ms, dt=0.1 * ms)
    assert [train.tolist() for train in trains_of(one).each()] == expected[1:2]


def constant(value):
    return rb.stimulus.Constant(value)


def test_a_continued_run_begins_where_it_began(run):
    more = rb.simulate(
        rb.LIF(), n=3, current=3 * nA, duration=20 * ms, dt=0.1 * ms, state=run.final
    )
    trains = trains_of(more)
    assert (trains.begin, trains.end) == (pytest.approx(60), pytest.approx(80))
    t, rate = rb.analysis.population_rate(more, 10 * ms)
    np.testing.assert_allclose(t, [65, 75])
    assert rate.sum() > 0


def test_a_spike_belongs_to_the_bin_in_which_its_step_ends(run):
    """On the grid of the run, in bins of one step, the rate is the raster."""
    t, rate = rb.analysis.population_rate(run, 0.1 * ms)
    np.testing.assert_allclose(rate * 0.1e-3 * 3, run.spikes.sum(axis=1), atol=1e-9)
    np.testing.assert_allclose(t, run.t - 0.05, rtol=1e-5)


def test_times_may_have_a_unit():
    trains = trains_of((EVENTS[0] / 1000 * s, EVENTS[1]), 2, 10 * ms)
    np.testing.assert_allclose(trains.times, EVENTS[0])


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda run: rb.analysis.rates(run, n=3), ArgumentError, "leave them out"),
        (lambda run: rb.analysis.rates(EVENTS, n=2), ArgumentError, "duration=1"),
        (lambda run: rb.analysis.rates(run.spikes), ArgumentError, r"rb\.analysis\.rates\(run\)"),
        (lambda run: rb.analysis.rates(EVENTS, n=1, duration=1 * s), ShapeError, "from 0 to 0"),
        (lambda run: rb.analysis.rates((EVENTS[0], [0]), n=1, duration=1 * s), ShapeError, "(3,)"),
        (lambda run: rb.analysis.rates(EVENTS, n=2, duration=1 * mV), UnitError, "ms"),
        (lambda run: rb.analysis.fano(run, 0 * ms), DomainError, "positive time"),
        (lambda run: rb.analysis.fano(run, 1 * s), ShapeError, "longer than the 60 ms"),
        (lambda run: rb.analysis.power_spectrum(run, 5 * ms), ShapeError, "segments"),
        (lambda run: rb.analysis.power_spectrum(run, segments=0), ArgumentError, ">= 1"),
    ],
)
def test_refused_with_the_cure(run, call, error, text):
    with pytest.raises(error, match=text):
        call(run)


def test_a_batch_is_refused():
    run = rb.simulate(rb.LIF(), n=(2, 3), current=2 * nA, duration=5 * ms, dt=0.1 * ms)
    with pytest.raises(ShapeError, match=r"\(2, 3\)"):
        rb.analysis.rates(run)


def test_a_network_is_analysed_by_population():
    classic = rb.classics.cuba(jax.random.key(0), n=200)
    run = classic.run(jax.random.key(1), duration=20 * ms)
    np.testing.assert_allclose(rb.analysis.rates(run["e"]), run["e"].rate(), rtol=1e-5)
