"""What a network is given: widths, units, indices and values are checked before native code."""

import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import ArgumentError, ParameterError, ShapeError
from rheobase.network import fused
from rheobase.units import Hz, UnitError, ms, mV, nA, nS, um, uS

CELL = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.Leak())


def network(stimulus=None, synapse=None, neuron=None, n=3):
    population = rb.Population(rb.LIF() if neuron is None else neuron, n)
    drives = [] if stimulus is None else [rb.Drive("a", stimulus, synapse)]
    return rb.Network({"a": population}, drives=drives)


def run(net, **more):
    given = {"duration": 2 * ms, "dt": 0.1 * ms, "key": jax.random.key(0), **more}
    return rb.simulate(net, **given)["a"]


def refused(error, text, make):
    return pytest.param(error, text, make, id=text[:40])


WIDTHS = {
    "too narrow": rb.stimulus.Constant([1, 2] * nA),
    "too wide": rb.stimulus.Constant([1, 2, 3, 4] * nA),
    "two-dimensional": rb.stimulus.Constant(np.ones((2, 3)) * nA),
    "series": rb.stimulus.FromArray(np.ones((100, 2)) * nA),
    "random": rb.stimulus.Poisson([10, 20] * Hz, 1 * mV),
    "in a sum": rb.stimulus.Constant(1 * nA) + rb.stimulus.Step([1, 2] * nA),
}


@pytest.mark.parametrize("neuron", [rb.LIF(), CELL], ids=["LIF", "cell"])
@pytest.mark.parametrize("case", WIDTHS)
def test_a_drive_of_another_width_is_refused(case, neuron):
    with pytest.raises(ShapeError, match=r"drive of 'a' has shape .* size of population 'a', 3"):
        network(WIDTHS[case], neuron=neuron)


def test_a_drive_that_was_put_there_later_is_refused_too():
    net = network(rb.stimulus.Constant(1 * nA))
    wide = eqx.tree_at(lambda n: n.drives[0].stimulus.amplitude.value, net, jnp.ones(2))
    with pytest.raises(ShapeError, match="size of population 'a', 3"):
        run(wide)


def test_what_fits_gives_each_neuron_its_own():
    each = np.asarray([0.0, 1.0, 2.0])
    together = run(network(each * nA), record={"a": ("v",)}).v[-1]
    alone = [run(network(x * nA, n=1), record={"a": ("v",)}).v[-1, 0] for x in each]
    np.testing.assert_array_equal(together, alone)
    one = run(network([1.0] * nA), record={"a": ("v",)}).v[-1]
    np.testing.assert_array_equal(one, np.full(3, together[1]))


CHANGED = {
    "weight": lambda net: net.projections[0].weight,
    "delay": lambda net: net.projections[0].delay,
    "tau": lambda net: net.systems["a"].neuron.tau,
}


@pytest.mark.parametrize("name", CHANGED)
@pytest.mark.parametrize("shape", [(5,), (3, 3)])
def test_arrays_that_were_put_there_later_have_the_size_of_what_they_serve(name, shape):
    connection = rb.Connection(
        "a", "a", rb.Dense(), rb.Exponential(), weight=np.ones(9) * nA, delay=np.ones(9) * ms
    )
    net = rb.Network({"a": rb.Population(rb.LIF(), 3)}, connection)
    moved = eqx.tree_at(CHANGED[name], net, jnp.ones(shape))
    with pytest.raises(ShapeError, match=f"`{name}` .*has shape"):
        run(moved)


UNITS = [5 * ms, 1 * uS, 1 * Hz, 1.0, 1 * um]


@pytest.mark.parametrize("value", UNITS, ids=str)
def test_a_drive_in_a_unit_that_a_neuron_does_not_receive_is_refused(value):
    with pytest.raises(UnitError, match="measured in nA, or a delta input to 'v', measured in mV"):
        network(rb.stimulus.Constant(value))


@pytest.mark.parametrize("value", [*UNITS, 1 * mV], ids=str)
def test_cells_receive_currents_alone(value):
    with pytest.raises(UnitError, match="a cell receives a current, measured in nA"):
        network(rb.stimulus.Constant(value), neuron=CELL)


def test_delta_inputs_are_in_the_unit_of_the_variable_that_they_add_to():
    """CubaLIF takes them to its synaptic current (nA), as `simulate(delta=)` does."""
    pulse = rb.stimulus.Pulses([1] * ms, 0.1 * nA)
    got = run(network(pulse, rb.Delta(), rb.CubaLIF()), record={"a": ("i_syn", "v")})
    alone = rb.simulate(
        rb.CubaLIF(), n=3, delta=pulse, duration=2 * ms, dt=0.1 * ms, record=("i_syn", "v")
    )
    np.testing.assert_allclose(got.i_syn, alone.i_syn, rtol=1e-6)
    np.testing.assert_allclose(got.v, alone.v, rtol=1e-6)
    assert np.ptp(got.i_syn) > 0.09
    as_current = run(network(pulse, None, rb.CubaLIF()), record={"a": ("i_syn",)})
    assert not np.any(as_current.i_syn)
    for synapse in (None, rb.Delta()):
        with pytest.raises(UnitError, match="'i_syn', measured in nA"):
            network(rb.stimulus.Pulses([1] * ms, 0.1 * mV), synapse, rb.CubaLIF())
    train = rb.stimulus.Poisson(1000 * Hz, 0.1 * nA)
    drawn = network(train, rb.Delta(), rb.CubaLIF())
    assert np.ptp(run(drawn, record={"a": ("i_syn",)}).i_syn) > 0.09


def test_delta_synapses_onto_a_synaptic_current():
    def net(weight):
        populations = {"s": rb.Population(rb.LIF(), 1), "a": rb.Population(rb.CubaLIF(), 1)}
        connection = rb.Connection("s", "a", rb.Dense(), rb.Delta(), weight=weight)
        kick = rb.Drive("s", rb.stimulus.Pulses([1] * ms, 50 * mV))
        return rb.Network(populations, [connection], [kick])

    got = run(net(0.1 * nA), record={"a": ("i_syn",)})
    assert got.i_syn.max() == pytest.approx(0.1)
    with pytest.raises(UnitError, match="a delta synapse adds to 'i_syn', measured in nA"):
        net(1 * mV)


def test_samples_that_do_not_fit_the_step_are_refused_as_for_neurons():
    samples = rb.stimulus.FromArray(np.ones(8) * nA, dt=0.25 * ms)
    with pytest.raises(ShapeError, match="no whole number of steps of dt = 0.1 ms"):
        run(network(samples))


@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize("index", [3, 7, -4])
def test_recorded_neurons_exist(index, general, monkeypatch):
    if general:
        monkeypatch.setattr(fused, "takes", lambda *_: False)
    with pytest.raises(ShapeError, match=f"neuron {index}, but population 'a' has 3"):
        run(network(), record={"a": rb.Record(("v",), indices=(0, index))})


@pytest.mark.parametrize("indices", [(1.5,), np.array([True, False, True]), "ab"], ids=str)
def test_indices_are_whole_numbers(indices):
    with pytest.raises(ArgumentError, match="numbers of neurons"):
        rb.Record(("v",), indices=indices)


INITIAL = [
    refused(ShapeError, "has shape (2,)", np.zeros(2) * mV),
    refused(ShapeError, "has shape (4,)", np.zeros(4) * mV),
    refused(ShapeError, "has shape (2, 3)", np.zeros((2, 3)) * mV),
    refused(ParameterError, "must be finite, got nan", float("nan") * mV),
    refused(ParameterError, "got inf at index 2", [-60, -60, float("inf")] * mV),
    refused(UnitError, "measured in mV, got 1 nA", 1 * nA),
]


@pytest.mark.parametrize("system", ["neuron", "network", "cells"])
@pytest.mark.parametrize(("error", "text", "value"), INITIAL)
def test_initial_values_are_checked(error, text, value, system):
    with pytest.raises(error, match=re.escape(text)):
        if system == "neuron":
            rb.simulate(rb.LIF(), n=3, init={"v": value}, duration=1 * ms, dt=0.1 * ms)
        else:
            net = network(neuron=None if system == "network" else CELL)
            run(net, init={"a": {"v": value}})


def test_a_conductance_does_not_begin_below_zero():
    neuron = rb.SpikeRateAdaptation(rb.LIF(), 50 * ms, 1 * nS, -85 * mV)
    for call in (
        lambda: rb.simulate(neuron, init={"g": -1 * nS}, duration=1 * ms, dt=0.1 * ms),
        lambda: run(network(neuron=neuron), init={"a": {"g": -1 * nS}}),
    ):
        with pytest.raises(ParameterError, match="`g` is a conductance and must not be negative"):
            call()


@pytest.mark.parametrize("init", [-70 * mV, {"a": -70 * mV}], ids=str)
def test_initial_values_go_by_population_and_variable(init):
    with pytest.raises(ArgumentError, match="`init`.*goes by population and variable"):
        run(network(), init=init)


PARAMETERS = [
    refused(ShapeError, "`tau` of LIF has shape (4,)", lambda: {"neuron": rb.LIF([9.0] * 4 * ms)}),
    refused(
        ShapeError,
        "`tau` of LIF has shape (2, 3)",
        lambda: {"neuron": rb.LIF(np.ones((2, 3)) * ms)},
    ),
    refused(
        ShapeError,
        "`neuron.tau` of Refractory has shape (2,)",
        lambda: {"neuron": rb.Refractory(rb.LIF([9, 9] * ms), 2 * ms)},
    ),
    refused(
        ShapeError,
        "`tau` of Exponential has shape (2,)",
        lambda: {
            "stimulus": rb.stimulus.Poisson(9 * Hz, 1 * nA),
            "synapse": rb.Exponential([1, 2] * ms),
        },
    ),
]


@pytest.mark.parametrize(("error", "text", "arguments"), PARAMETERS)
def test_parameters_fit_the_population(error, text, arguments):
    with pytest.raises(error, match=re.escape(text)):
        network(**arguments())


@pytest.mark.parametrize(
    "changes",
    [
        {"synapse": rb.Exponential([1, 2] * ms)},
        {"plasticity": rb.TsodyksMarkram(tau_rec=[1, 2] * ms)},
        {"plasticity": rb.PairSTDP(w_max=1 * nA, A_plus=np.array([0.1, 0.2]))},
    ],
    ids=["synapse", "release", "rule"],
)
def test_parameters_of_synapses_fit_a_population(changes):
    given = {"synapse": rb.Exponential(), **changes}
    connection = rb.Connection("a", "a", rb.Dense(), weight=0.1 * nA, **given)
    with pytest.raises(ShapeError, match=r"has shape \(2,\).*population 'a', 3"):
        rb.Network({"a": rb.Population(rb.LIF(), 3)}, [connection])


@pytest.mark.parametrize("n", [2.5, "3", True, None, 0, -1])
def test_sizes_are_whole_numbers(n):
    with pytest.raises((ArgumentError, ShapeError), match=r"`n` .*rb.Population\(neuron, 100\)"):
        rb.Population(rb.LIF(), n)


def test_sizes_are_known_before_the_program():
    for n in (np.int64(3), np.array(3)):
        assert rb.Population(rb.LIF(), n) == rb.Population(rb.LIF(), 3)
    with pytest.raises(ArgumentError, match="known outside jit, grad and vmap"):
        jax.jit(lambda n: rb.Population(rb.LIF(), n).n)(3)


def test_a_drive_is_a_stimulus():
    for value in (1.0, "x"):
        with pytest.raises(ArgumentError, match=r"Write rb.Drive\('a', 1\*nA\)"):
            rb.Drive("a", value)
    with pytest.raises(ArgumentError, match="`synapse` is one such as"):
        rb.Drive("a", 1 * nA, rb.LIF())


@pytest.mark.parametrize("positions", [[0, 10, 20], [[0], [10]]], ids=str)
def test_positions_fit_the_population(positions):
    with pytest.raises(ShapeError, match=r"3 neurons need \(3, dimensions\)"):
        rb.Population(rb.LIF(), 3, positions=positions * um)
    with pytest.raises(ShapeError, match="of neuron 1 is"):
        rb.Population(rb.LIF(), 2, positions=[[0], [float("nan")]] * um)


def test_a_place_on_a_point_neuron_is_refused():
    with pytest.raises(ArgumentError, match="`at` is a place on a cell"):
        rb.Network({"a": rb.Population(rb.LIF(), 2)}, drives=rb.Drive("a", 1 * nA, at=3))
