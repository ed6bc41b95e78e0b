import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, UnknownName
from rheobase.units import ms, nA

ALL = [(cls, name) for cls in (rb.AdEx, rb.GLIF, rb.Izhikevich) for name in cls.patterns()]


@pytest.mark.parametrize(("cls", "name"), ALL)
def test_says_everything_that_simulate_needs(cls, name):
    experiment = rb.patterns.protocol(cls, name)
    assert type(experiment.neuron) is cls
    assert experiment.current.unit.same_dimension(nA)
    assert experiment.duration > 40 * experiment.dt
    assert set(experiment.init) <= set(experiment.neuron.init()._fields)
    assert experiment.signature
    assert "20" in experiment.source


def test_run_is_simulate(x64):
    experiment = rb.patterns.protocol(rb.Izhikevich, "mixed mode")
    run = experiment.run(record=("v", "u"))
    same = rb.simulate(
        rb.Izhikevich.pattern("mixed mode"),
        current=rb.stimulus.Step(10 * nA, start=16 * ms),
        duration=160 * ms,
        dt=0.25 * ms,
        init=experiment.init,
        stepper=rb.Euler(),
        record=("v", "u"),
    )
    np.testing.assert_array_equal(run.v, same.v)
    np.testing.assert_array_equal(run.u, same.u)


def test_unknown_names_are_refused():
    with pytest.raises(UnknownName, match="Did you mean 'regular bursting'"):
        rb.patterns.protocol(rb.AdEx, "regular burst")
    with pytest.raises(ArgumentError, match=r"rb\.AdEx, rb\.GLIF, rb\.Izhikevich.*got the class"):
        rb.patterns.protocol(rb.LIF, "tonic spiking")
    with pytest.raises(ArgumentError, match=r"Write rb\.patterns\.protocol\(rb\.AdEx, "):
        rb.patterns.protocol(rb.AdEx(), "tonic spiking")
