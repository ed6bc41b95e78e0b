"""What of synapses and connections can be recorded, against closed forms and the run itself."""

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import ArgumentError, ParameterError, UnknownName
from rheobase.units import ms, mV, nA, nS, pA, um, uS

TIMES = dict(duration=30 * ms, dt=0.1 * ms)


def network(stdp=True):
    """Five neurons that fire onto four through two conductances, and are fed back a current."""
    neuron = rb.Refractory(rb.LIF(), 2 * ms)
    fast = rb.Conductance(rb.Exponential(5 * ms), 0 * mV)
    slow = rb.Conductance(rb.DualExponential(), -80 * mV)
    rule = rb.PairSTDP(w_max=100 * nS) if stdp else ()
    return rb.Network(
        {"a": rb.Population(neuron, 5), "b": rb.Population(neuron, 4)},
        [
            rb.Connection("a", "b", rb.Dense(), fast, weight=60 * nS, plasticity=rule),
            rb.Connection("a", "b", rb.Dense(), slow, weight=1 * nS),
            rb.Connection("b", "a", rb.Dense(), rb.Exponential(3 * ms), weight=0.1 * nA,
                          plasticity=rb.TsodyksMarkram()),
        ],
        [rb.Drive("a", rb.stimulus.Constant(2.5 * nA))],
    )  # fmt: skip


def test_conductances_and_currents_of_synapses_are_recorded():
    names = ("v", "Conductance.g", "Conductance.i", "Conductance2.g", "Conductance2.i")
    some = rb.Record(("Exponential.i", "Exponential.g"), every=3, indices=(0, 2))
    run = rb.simulate(network(), record={"b": names, "a": some}, **TIMES)
    b, a = run["b"], run["a"]
    assert tuple(b.traces) == names and tuple(a.traces) == some.variables
    assert b.units["Conductance.g"] == uS and b.units["Conductance.i"] == nA
    assert float(b["Conductance.g"].max()) > 5e-3
    np.testing.assert_allclose(b["Conductance.i"], -b["Conductance.g"] * b.v, rtol=1e-5)
    np.testing.assert_allclose(b["Conductance2.i"], b["Conductance2.g"] * (-80 - b.v), rtol=1e-5)
    assert a["Exponential.i"].shape == (100, 2)
    np.testing.assert_array_equal(a["Exponential.i"], a["Exponential.g"])


def test_the_compiled_loop_and_the_general_one_record_the_same():
    # A counter is shown by the general loop alone.
    names = ("v", "Conductance.g")
    compiled = rb.simulate(network(), record={"b": names}, **TIMES)["b"]
    general = rb.simulate(network(), record={"b": (*names, "remaining")}, **TIMES)["b"]
    for name in names:
        np.testing.assert_allclose(compiled[name], general[name], rtol=1e-4, atol=1e-4)


def test_a_refractory_counter_is_recorded():
    neuron = rb.Refractory(rb.LIF(), 2 * ms)
    run = rb.simulate(neuron, current=3 * nA, record=("remaining",), **TIMES)
    (spike, *_) = np.flatnonzero(run.spikes)
    np.testing.assert_array_equal(run.remaining[spike + 1 : spike + 23], [*range(20, 0, -1), 0, 0])


def test_the_time_of_the_last_spike_follows_from_the_spikes():
    drive = [0, 2.5, 3] * nA
    run = rb.simulate(rb.LIF(), current=drive, record=rb.Record(("v",), every=4), **TIMES)
    last = run.last_spike()
    assert last.shape == run.v.shape
    for k, times in enumerate(run.spike_times()):
        for t, found in zip(run.t, last[:, k], strict=True):
            before = times[times <= t + 1e-6]
            assert (len(before) == 0 and np.isnan(found)) or found == pytest.approx(before[-1])


def test_weights_and_terminals_are_recorded_in_time():
    asked = {("a", "b"): rb.Record("weight", every=50), ("b", "a"): rb.Record(("u", "x"), every=7),
             ("a", "b", 1): rb.Record("weight", every=300, indices=(3,))}  # fmt: skip
    run = rb.simulate(network(), record=asked, **TIMES)
    weight = run["a", "b"].weight
    assert weight.shape == (6, 20) and run["a", "b"].units["weight"] == uS
    np.testing.assert_allclose(run["a", "b"].t, [5, 10, 15, 20, 25, 30])
    np.testing.assert_array_equal(weight[-1], run.weights("a", "b").value)
    halfway = rb.simulate(network(), duration=15 * ms, dt=0.1 * ms)
    np.testing.assert_array_equal(weight[2], halfway.weights("a", "b").value)
    assert np.ptp(weight) > 0
    assert run["b", "a"].u.shape == (42, 4)
    assert run["a", "b", 1].weight.tolist() == [[pytest.approx(1e-3)]]


def test_a_run_that_records_connections_is_the_same_run():
    plain = rb.simulate(network(), record={"b": ("v",)}, **TIMES)
    asked = {"b": ("v",), ("a", "b"): rb.Record("weight", every=7)}
    run = rb.simulate(network(), record=asked, **TIMES)
    np.testing.assert_array_equal(run["b"].v, plain["b"].v)


def test_what_cannot_be_recorded_is_named():
    net = network()
    with pytest.raises(UnknownName, match=r"Did you mean 'Conductance.g'"):
        rb.simulate(net, record={"b": ("Conductance3.g",)}, **TIMES)
    with pytest.raises(UnknownName, match=r"Did you mean 'a -> b'"):
        rb.simulate(net, record={("a", "c"): ("weight",)}, **TIMES)
    with pytest.raises(UnknownName, match=r"Did you mean 'weight'"):
        rb.simulate(net, record={("a", "b"): ("weights",)}, **TIMES)
    with pytest.raises(ArgumentError, match="its two populations"):
        rb.simulate(net, record={("a",): ("weight",)}, **TIMES)
    run = rb.simulate(net, record={"b": ("v",)}, **TIMES)
    with pytest.raises(UnknownName, match="recorded connection"):
        run["a", "b"]
    with pytest.raises(ArgumentError, match="inside of jit"):
        jax.jit(lambda i: rb.simulate(
            net, init={"a": {"v": i * mV}}, record={("a", "b"): ("weight",)}, **TIMES
        )["a", "b"].weight)(-60.0)  # fmt: skip


def on_cells():
    """A neuron that fires onto two cells: their somata, their tips and all over their dendrites."""
    cell = rb.Cell(rb.morphology.ball_and_stick(length=300 * um), max_length=50 * um)
    cell = cell.insert(ch.Leak())
    soma, tip = cell.at("soma"), cell.at("dendrite", path_distance=290 * um)
    fast, slow = rb.Conductance(rb.Exponential(5 * ms), 0 * mV), rb.Exponential(3 * ms)
    net = rb.Network(
        {"a": rb.Population(rb.LIF(), 1), "b": rb.Population(cell, 2)},
        [
            rb.Connection("a", "b", rb.Dense(), fast, weight=[1, 2] * nS, at=soma),
            rb.Connection("a", "b", rb.Dense(), fast, weight=[3, 4] * nS, at=tip),
            rb.Connection("a", "b", rb.Dense(), slow, weight=10 * pA, at="dendrite"),
        ],
        [rb.Drive("a", rb.stimulus.Constant(2.5 * nA))],
        key=jax.random.key(0),
    )
    return net, soma, tip


def test_synapses_on_cells_are_recorded_by_location():
    net, soma, tip = on_cells()
    places = {"Conductance.g": "all", "Conductance2.g": [tip], "Conductance2.i": "dendrite",
              "Exponential.i": "all", "v": [soma, tip]}  # fmt: skip
    run = rb.simulate(net, record={"a": ("spikes",), "b": places}, **TIMES)
    b, spikes = run["b"], np.flatnonzero(run["a"].spikes[:, 0])
    assert b.units["Conductance.g"] == uS and b.units["Exponential.i"] == nA
    assert len(spikes) > 1 and b["Conductance.g"].shape == b["Conductance2.i"].shape == (300, 2, 1)

    def trace(tau):
        since = np.arange(300)[:, None] - spikes
        return np.where(since > 0, np.exp(-since * 0.1 / tau), 0).sum(axis=1)[:, None]

    close = dict(rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(b["Conductance.g"][..., 0], 1e-3 * trace(5) * [1, 2], **close)
    np.testing.assert_allclose(b["Conductance2.g"][..., 0], 1e-3 * trace(5) * [3, 4], **close)
    expected = -b["Conductance2.g"][..., 0] * b.v[..., 1]
    np.testing.assert_allclose(b["Conductance2.i"][..., 0], expected, **close)
    np.testing.assert_allclose(b["Exponential.i"].sum(-1), 0.01 * trace(3) * [1, 1], **close)
    assert b["Exponential.i"].shape[-1] > 2


def test_what_is_not_on_a_cell_is_named():
    net, soma, _ = on_cells()
    with pytest.raises(ParameterError, match="no Exponential at this place of soma: .* dendrite"):
        rb.simulate(net, record={"b": {"Exponential.i": [soma]}}, **TIMES)
    with pytest.raises(UnknownName, match="Did you mean 'Conductance.i'"):
        rb.simulate(net, record={"b": ("Conductance.k",)}, **TIMES)
