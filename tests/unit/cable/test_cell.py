"""A cell: places, insertion, what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import ArgumentError, ParameterError, ShapeError, StepperError, UnknownName
from rheobase.units import DomainError, S, UnitError, cm, ms, mV, nA, um

DT = 0.025 * ms


def stick(**more):
    tree = rb.morphology.ball_and_stick(length=200 * um)
    return rb.Cell(tree, max_length=50 * um, **more)


def test_channels_are_inserted_by_region():
    cell = stick().insert(ch.HH(), at="soma").insert(ch.Leak(), at="dendrite")
    assert [m.nodes for m in cell.mechanisms] == [(0,), (1, 2, 3, 4)]
    assert cell["Leak"].g == ch.Leak().g
    both = stick().insert(ch.Leak(), at=["soma", cell.at("dendrite", path_distance=200 * um)])
    assert both.mechanisms[0].nodes == (0, 4)


def test_parameters_may_differ_between_compartments():
    g = np.linspace(1e-4, 4e-4, 4) * S / cm**2
    cell = stick().insert(ch.Leak(g=g), at="dendrite")
    run = rb.simulate(cell, duration=200 * ms, dt=DT, record="v")
    assert run.v.shape == (8000, 5)
    # One for all is the same as the same for each.
    same = [
        rb.simulate(stick().insert(ch.Leak(g=g)), duration=1 * ms, dt=DT, record="v").v
        for g in (2e-4 * S / cm**2, np.full(5, 2e-4) * S / cm**2)
    ]
    np.testing.assert_array_equal(*same)


def refuse(error, match, call):
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize(
    "one, two, what",
    [
        (ch.CaDynamics, ch.CaPump, "the concentration of ca inside"),
        (lambda: ch.Diffusing(ch.CaDynamics()), ch.CaShells, "the concentration of ca inside"),
        (ch.Fire, ch.AdEx, "the voltage after a spike"),
    ],
)
def test_two_channels_that_set_the_same_are_refused(one, two, what):
    """The one inserted last decided."""
    for first, second in ((one, two), (two, one)):
        cell = stick().insert(first(), at="soma")
        refuse(ParameterError, what, lambda cell=cell, second=second: cell.insert(second()))
        assert len(cell.insert(second(), at="dendrite").mechanisms) == 2
    assert len(cell.insert(ch.SpikeDetector()).mechanisms) == 2


def test_what_is_refused():
    cell = stick().insert(ch.HH(), at="soma")
    soma = cell.at("soma")
    refuse(UnknownName, "Did you mean 'soma'", lambda: cell.insert(ch.Leak(), at="some"))
    refuse(ParameterError, "HH is already in 1", lambda: cell.insert(ch.HH()))
    refuse(ArgumentError, r"insert\(HH\(\)\)", lambda: cell.insert(ch.HH))
    refuse(ParameterError, "it reaches", lambda: cell.at("dendrite", path_distance=900 * um))
    refuse(ParameterError, "off the tree", lambda: cell.node(rb.morphology.Location(7, 0.5)))
    refuse(DomainError, "non-negative", lambda: ch.HH(g_Na=-1 * S / cm**2))
    refuse(UnknownName, "Did you mean 'g_Na'", lambda: ch.HH(g_NA=1 * S / cm**2))
    refuse(
        ShapeError, r"shape \(4,\) in S/cm\*\*2",
        lambda: cell.insert(ch.Leak(g=[1, 2, 3] * S / cm**2), at="dendrite"),
    )  # fmt: skip
    refuse(ArgumentError, "read_swc", lambda: rb.Cell("cell.swc"))
    refuse(ShapeError, "`v_init`", lambda: stick(v_init=[-65, -60] * mV))
    refuse(UnknownName, "Did you mean 'HH'", lambda: cell["Hh"])

    def run(**more):
        return lambda: rb.simulate(cell, duration=1 * ms, dt=DT, **more)

    refuse(ArgumentError, r"cell\.at\('soma'\): 1\*nA", run(current=1 * nA))
    refuse(UnitError, "measured in nA", run(current={soma: 1 * mV}))
    refuse(UnknownName, "Did you mean 'HH.m'", run(record={"HH.M": soma}))
    refuse(
        ParameterError, "no HH at this place of dendrite",
        run(record={"HH.m": cell.at("dendrite", path_distance=100 * um)}),
    )  # fmt: skip
    refuse(StepperError, r"rb\.CrankNicolson\(\)", run(stepper=rb.Euler()))
    refuse(ArgumentError, "point neurons", run(delta=1 * mV))
    refuse(ParameterError, "VoltageClamp", run(record={"clamp": soma}))
    refuse(ArgumentError, "`clamp` is for cells",
           lambda: rb.simulate(rb.LIF(), duration=1 * ms, dt=DT, clamp={}))  # fmt: skip
    fire = stick().insert(ch.Fire(refractory=0.001 * ms), at="soma")
    refuse(StepperError, "would last no step", lambda: rb.simulate(fire, duration=1 * ms, dt=DT))


LONG = {
    "samples": lambda: rb.stimulus.FromArray(np.ones(100) * nA),
    "step": lambda: rb.stimulus.Step(1 * nA, stop=2.5 * ms),
    "ramp": lambda: rb.stimulus.Ramp(0 * nA, 1 * nA, start=0 * ms, stop=2.5 * ms),
    "pulses": lambda: rb.stimulus.Pulses([0, 2] * ms, 1 * nA, width=0.5 * ms),
    "sum": lambda: 1 * nA + rb.stimulus.Step(1 * nA, stop=2.5 * ms),
    "product": lambda: (
        rb.stimulus.Sine(1 * nA, frequency=1 / ms) * rb.stimulus.Step(1.0, stop=2.5 * ms)
    ),
}


@pytest.mark.parametrize("name", LONG)
def test_a_stimulus_may_last_longer_than_the_run(name):
    """It goes on in the next part of the run."""
    cell, one = stick(), LONG[name]()
    run = lambda **more: rb.simulate(  # noqa: E731
        cell, current={cell.at("soma"): one}, dt=DT, record={"v": [cell.at("soma")]}, **more
    )
    first = run(duration=1 * ms)
    rest = run(duration=2 * ms, state=first.final)
    whole = run(duration=3 * ms)
    np.testing.assert_array_equal(jnp.concatenate([first.v, rest.v]), whole.v)


def test_inserting_leaves_the_cell_as_it_was():
    cell = stick()
    cell.insert(ch.HH())
    assert cell.mechanisms == ()
    assert jnp.isclose(cell.cable.area.sum(), cell.compartments.area.sum())
