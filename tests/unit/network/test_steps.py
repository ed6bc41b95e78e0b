"""Populations that make steps of several lengths in one network."""

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import ArgumentError, StepperError, UnknownName
from rheobase.units import Hz, ms, mV, nA, um, uS

FINE, COARSE = 0.025, 0.1


def network():
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.HH()).insert(ch.SpikeDetector())
    ampa = rb.Conductance(rb.Exponential(tau=2 * ms), 0 * mV)
    return rb.Network(
        {"points": rb.Population(rb.AdEx(), 6), "cells": rb.Population(cell, 3)},
        [
            rb.Connection("points", "cells", rb.Dense(), ampa, weight=5e-3 * uS, delay=0.5 * ms),
            rb.Connection("cells", "points", rb.Dense(), rb.Exponential(tau=5 * ms),
                          weight=0.2 * nA, delay=rb.Uniform(0.5 * ms, 1.5 * ms)),
            rb.Connection("points", "points", rb.FixedInDegree(2), rb.Exponential(tau=5 * ms),
                          weight=0.2 * nA),
        ],
        [rb.Drive("points", np.linspace(1, 2, 6) * nA),
         rb.Drive("cells", rb.stimulus.Step(0.05 * nA, start=20 * ms))],
        key=jax.random.key(0),
    )  # fmt: skip


RECORD = {"points": rb.Record(("v",), spikes="raster"), "cells": rb.Record(spikes="raster")}
DT = {"points": COARSE * ms, "cells": FINE * ms}


def test_a_spike_acts_in_the_first_step_of_its_receiver_that_begins_after_it():
    """Chains of neurons that pass a spike on at once, into longer steps and into shorter ones."""
    kick = rb.Delta()
    neuron = rb.LIF()
    net = rb.Network(
        {"in": rb.SpikeSource([3.0] * ms, 0, n=1), **{n: rb.Population(neuron, 1) for n in "abcd"}},
        [
            rb.Connection("in", "a", rb.Dense(), kick, weight=100 * mV, delay=0.1 * ms),
            rb.Connection("a", "b", rb.Dense(), kick, weight=100 * mV),
            rb.Connection("b", "c", rb.Dense(), kick, weight=100 * mV),
            rb.Connection("c", "d", rb.Dense(), kick, weight=100 * mV, delay=1 * ms),
        ],
    )
    dt = {"in": 1.0, "a": 0.1, "b": 0.1, "c": 1.0, "d": 0.1}
    run = rb.simulate(net, duration=12 * ms, dt={name: one * ms for name, one in dt.items()})
    ends = {name: run[name].events[0].tolist() for name in dt}
    # The source ends its step at 3.0. A delay comes on top of the step in which a spike acts at the
    # earliest: a fires in the second short step, b in the next; c in the long step that begins at
    # 4.0; d eleven short steps after its end.
    assert ends == {"in": [3.0], "a": [pytest.approx(3.2)], "b": [pytest.approx(3.3)],
                    "c": [5.0], "d": [pytest.approx(6.1)]}  # fmt: skip


def test_it_tends_to_the_run_of_short_steps():
    fine = rb.simulate(network(), duration=60 * ms, dt=FINE * ms, record=RECORD)
    both = rb.simulate(network(), duration=60 * ms, dt=DT, record=RECORD)
    assert both["points"].v.shape == (600, 6) and both["cells"].spikes.shape == (2400, 3)
    assert both["cells"].dt == pytest.approx(FINE) and both["points"].dt == COARSE
    for name in RECORD:
        one, other = (np.asarray(run[name].counts) for run in (fine, both))
        assert one.sum() > 5
        np.testing.assert_allclose(one, other, atol=1)
        first, second = (min(np.min(t) for t in run[name].spike_times() if len(t))
                         for run in (fine, both))  # fmt: skip
        assert abs(first - second) < 0.3


def test_equal_steps_are_the_run_without_them():
    same = rb.simulate(
        network(), duration=20 * ms, dt={"points": FINE * ms, "cells": FINE * ms}, record=RECORD
    )
    one = rb.simulate(network(), duration=20 * ms, dt=FINE * ms, record=RECORD)
    np.testing.assert_array_equal(same["points"].v, one["points"].v)


def test_two_parts_are_one_run():
    net = network()
    net = net.with_drive(rb.Drive("points", rb.stimulus.Poisson(200 * Hz, 2 * mV)))
    net = net.with_drive(
        rb.Drive("cells", rb.stimulus.OrnsteinUhlenbeck(0.02 * nA, 0.02 * nA, 5 * ms))
    )
    given = {"dt": DT, "record": RECORD}
    key = jax.random.key(3)
    whole = rb.simulate(net, duration=40 * ms, key=key, **given)
    half = rb.simulate(net, duration=15 * ms, key=key, **given)
    rest = rb.simulate(net, duration=25 * ms, state=half.final, **given)
    np.testing.assert_array_equal(
        np.concatenate([half["points"].v, rest["points"].v]), whole["points"].v
    )
    np.testing.assert_array_equal(
        np.concatenate([half["cells"].spikes, rest["cells"].spikes]), whole["cells"].spikes
    )
    np.testing.assert_allclose(rest["cells"].t[:2], [15.025, 15.05])
    with pytest.raises(ArgumentError, match="the step of population 'cells'"):
        rb.simulate(net, duration=5 * ms, dt=COARSE * ms, state=half.final, coarse=True)


def test_three_lengths_in_a_chain():
    """A spike acts in the first step of its receiver that begins when the spike is over."""
    kick = rb.Delta()
    names = {"in": rb.SpikeSource([3.0] * ms, 0, n=1)}
    names |= {name: rb.Population(rb.LIF(), 1) for name in "abcd"}
    pairs = zip(("in", *"abc"), "abcd", strict=True)
    net = rb.Network(
        names, [rb.Connection(a, b, rb.Dense(), kick, weight=100 * mV) for a, b in pairs]
    )
    dt = {"in": 1.0, "a": 0.5, "b": 0.1, "c": 0.5, "d": 1.0}
    given = {"dt": {name: one * ms for name, one in dt.items()}}
    run = rb.simulate(net, duration=8 * ms, **given)
    ends = {name: run[name].events[0].tolist() for name in dt}
    # a: the first half millisecond after 3.0; b: the first tenth after 3.5; c: in the half
    # millisecond that begins at 4.0; d: in the millisecond that begins at 5.0.
    assert ends == {"in": [3.0], "a": [3.5], "b": [pytest.approx(3.6)], "c": [4.5], "d": [6.0]}
    half = rb.simulate(net, duration=4 * ms, **given)
    rest = rb.simulate(net, duration=4 * ms, state=half.final, **given)
    assert rest["d"].events[0].tolist() == [6.0] and half["b"].steps == 40
    assert str(run).startswith("NetworkRecording: 8 ms in steps of 0.1, 0.5, 1 ms")


def test_steps_that_do_not_fit_are_refused():
    net = network()
    with pytest.raises(StepperError, match="no whole multiple of that of 'cells'"):
        rb.simulate(net, duration=10 * ms, dt={"points": 0.1 * ms, "cells": 0.03 * ms})
    with pytest.raises(UnknownName, match="population"):
        rb.simulate(net, duration=10 * ms, dt={**DT, "cell": 0.1 * ms})
    with pytest.raises(ArgumentError, match="says nothing of 'cells'"):
        rb.simulate(net, duration=10 * ms, dt={"points": 0.1 * ms})
    with pytest.raises(ArgumentError, match="for a network only"):
        rb.simulate(rb.LIF(), duration=10 * ms, dt=DT)
    three = rb.Network({n: rb.Population(rb.LIF(), 1) for n in "abc"})
    with pytest.raises(StepperError, match="0.5 ms make no whole number of the steps of 0.2 ms"):
        rb.simulate(three, duration=4 * ms, dt={"a": 1 * ms, "b": 0.5 * ms, "c": 0.2 * ms})
    with pytest.raises(StepperError, match="dt = 1 ms is too long for HH"):
        rb.simulate(net, duration=10 * ms, dt={"points": 2 * ms, "cells": 1 * ms})
