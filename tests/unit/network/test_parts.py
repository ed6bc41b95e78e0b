"""What a network is made of, as users write it: lists, names, keys, matrices, randomness."""

import re

import equinox as eqx
import jax
import numpy as np
import pytest
import scipy.sparse

import rheobase as rb
from rheobase.devices import dynapse2 as d2
from rheobase.errors import ArgumentError, KeyRequired, ParameterError, ShapeError
from rheobase.units import Hz, UnitError, ms, mV, nA, nS

CONNECTION = {"synapse": rb.Exponential(), "weight": 0.1 * nA}


def connection(rule=None, pre="e", post="e", **changes):
    return rb.Connection(pre, post, rb.Dense() if rule is None else rule, **(CONNECTION | changes))


def network(*connections, n=4, key=None, **more):
    return rb.Network({"e": rb.Population(rb.LIF(), n)}, list(connections), key=key, **more)


def test_one_connection_and_one_drive_need_no_list():
    one = rb.Network({"e": rb.Population(rb.LIF(), 2)}, connection(), rb.Drive("e", 1 * nA))
    assert len(one.projections) == len(one.drives) == 1


WRONG = [
    ([rb.Population(rb.LIF(), 2)], "`populations` go by name, got a list of 1"),
    ({}, "`populations` go by name, got {}"),
    ({"a": rb.LIF()}, "got a LIF neuron for 'a'. Write rb.Network({\"e\": rb.Population("),
    ({3: rb.Population(rb.LIF(), 2)}, "got a Population for 3"),
]


@pytest.mark.parametrize(("populations", "text"), WRONG)
def test_populations_go_by_name(populations, text):
    with pytest.raises(ArgumentError, match=re.escape(text)):
        rb.Network(populations)


REFUSED = [
    (ArgumentError, "`connections` is a list of Connections, got a Drive. Write connections=[",
     lambda: network(rb.Drive("e", 1 * nA))),
    (ArgumentError, "`drives` is a list of Drives, got a Connection",
     lambda: network(drives=[connection()])),
    (ArgumentError, "`connections` is a list of Connections, got 3",
     lambda: rb.Network({"e": rb.Population(rb.LIF(), 2)}, 3)),
    (ArgumentError, "`population` is the name of one, got ['e', 'i']",
     lambda: rb.Drive(["e", "i"], 1 * nA)),
    (ArgumentError, "names of populations, got 3", lambda: connection(post=("e", 3))),
    (UnitError, "Write weight=0.5*mV", lambda: connection(synapse=rb.Delta(), weight=1.0)),
    (UnitError, "Write weight=0.1*nA", lambda: connection(weight=1.0)),
    (UnitError, "Write weight=1*nS",
     lambda: connection(synapse=rb.Conductance(rb.Exponential(), 0 * mV), weight=1.0)),
    (UnitError, "`delay` needs a unit, got 1.5. Write delay=1.5*ms", lambda: connection(delay=1.5)),
    (ShapeError, "`matrix` has shape (3,)", lambda: rb.Matrix([1, 0, 1])),
    (ShapeError, "`matrix` has shape (1, 1, 1)", lambda: rb.Matrix([[[1]]])),
    (ArgumentError, "weight=m[m != 0]*mV", lambda: rb.Matrix(np.eye(2) * mV)),
    (ShapeError, "must be lists of one length", lambda: rb.Pairs([0, 1], [0])),
    (ShapeError, "(integers), got [0.5]", lambda: rb.Pairs([0.5], [0])),
    (ShapeError, "(integers), got [True, False]", lambda: rb.Pairs([True, False], [0, 1])),
    (ShapeError, "different partners, but there are 4. Lower k",
     lambda: network(connection(rb.FixedInDegree(5)), key=jax.random.key(0))),
    (ShapeError, "FixedInDegree(1) has nobody to draw from: without autapses a population of 1",
     lambda: network(connection(rb.FixedInDegree(1, autapses=False, multapses=True)), n=1,
                     key=jax.random.key(0))),
    (ShapeError, "would have 4,000,000,000 synapses, more than the 2,147,483,647",
     lambda: network(connection(rb.FixedInDegree(10**9, multapses=True)), key=jax.random.key(0))),
]  # fmt: skip


@pytest.mark.parametrize(("error", "text", "make"), REFUSED)
def test_what_is_refused(error, text, make):
    with pytest.raises(error, match=re.escape(text)):
        make()


def test_matrices_come_as_lists_and_pairs_as_numbers():
    rows = [[0, 1, 0, 0], [0, 0, 2.5, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    for matrix in (rows, np.array(rows), scipy.sparse.csr_array(np.array(rows))):
        pre, post = network(connection(rb.Matrix(matrix))).pairs("e", "e")
        assert (pre.tolist(), post.tolist()) == ([0, 1, 3], [1, 2, 0])
    assert [x.tolist() for x in network(connection(rb.Pairs(2, 1))).pairs("e", "e")] == [[2], [1]]
    assert network(connection(rb.Pairs([], []))).projections[0].synapses == 0


DRAWN = {
    "rule": {"rule": rb.FixedProbability(0.5)},
    "degree": {"rule": rb.FixedInDegree(2)},
    "weight": {"weight": rb.Normal(1 * nA, 0.1 * nA)},
    "delay": {"delay": rb.Uniform(1 * ms, 2 * ms)},
}


@pytest.mark.parametrize("case", DRAWN)
def test_what_is_drawn_asks_for_a_key(case):
    one = connection(**DRAWN[case])
    with pytest.raises(KeyRequired, match=r"from 'e' to 'e' draws .*rb.Network\(..., key=jax"):
        network(one)
    with pytest.raises(ArgumentError, match="Build one network for each key"):
        jax.vmap(lambda key: network(one, key=key).projections[0].weight)(
            jax.random.split(jax.random.key(0), 2)
        )
    network(one, key=jax.random.key(0))


def test_what_is_not_drawn_needs_no_key():
    network(connection(), connection(rb.FixedProbability(1.0)), connection(rb.FixedProbability(0)))
    weights = jax.vmap(lambda key: network(connection(), key=key).projections[0].weight)
    assert weights(jax.random.split(jax.random.key(0), 2)).shape == (2, 1)


@pytest.mark.parametrize("key", [1, "a", jax.random.split(jax.random.key(0), 3), np.zeros(2)])
def test_a_key_is_one_of_jax(key):
    number = 1 if isinstance(key, int) else 0
    calls = {
        "rb.Network": lambda: network(key=key),
        "simulate": lambda: rb.simulate(rb.LIF(), duration=1 * ms, dt=0.1 * ms, key=key),
        "Mismatch": lambda: rb.Mismatch(rb.LIF(), 0.1, key=key, n=3),
        "rb.Sequential": lambda: rb.Sequential(rb.Linear(2, 3), rb.LI(), key=key),
        "Linear.*": lambda: rb.Linear(64, 256, key=key),
        "d2.Network": lambda: d2.Network(2, 3, key=key),
    }
    for name, call in calls.items():
        text = rf"`key` is one random key, got .*{name}\(.*key=jax.random.key\({number}\)\)"
        with pytest.raises(ArgumentError, match=text):
            call()


@pytest.mark.parametrize("delay", [1e15 * ms, [1e12] * 16 * ms], ids=["one", "each"])
def test_a_delay_that_would_fill_the_memory_is_refused(delay):
    net = network(connection(delay=delay))
    with pytest.raises(ShapeError, match="steps of dt = 0.1 ms, and the spikes on their way"):
        rb.simulate(net, duration=1 * ms, dt=0.1 * ms)


def test_a_traced_delay_is_refused_with_the_way_out():
    net = network(connection(delay=1.5 * ms))
    with pytest.raises(ArgumentError, match="must be known before the program is compiled"):
        eqx.filter_jit(lambda net: rb.simulate(net, duration=1 * ms, dt=0.1 * ms))(net)


@pytest.mark.parametrize("key", [jax.random.key(7), jax.random.PRNGKey(7)], ids=["new", "raw"])
def test_mismatched_neurons_are_those_of_the_population_alone(key):
    neuron = rb.Refractory(rb.Mismatch(rb.LIF(), 0.1, key=key, n=3), 2 * ms)
    net = rb.Network({"a": rb.Population(neuron, 3)}, drives=[rb.Drive("a", 3 * nA)])
    given = {"duration": 50 * ms, "dt": 0.1 * ms}
    together = rb.simulate(net, **given)["a"].counts
    alone = rb.simulate(neuron, current=3 * nA, **given).counts
    np.testing.assert_array_equal(together, alone)
    assert len(set(alone.tolist())) > 1


def test_a_network_without_connections_is_closed_over():
    stimulus = rb.stimulus.Poisson(1000 * Hz, 5 * mV)
    net = network(drives=[rb.Drive("e", stimulus)])

    def run(key, spikes="count"):
        record = {"e": rb.Record(spikes=spikes)}
        return rb.simulate(net, duration=20 * ms, dt=0.1 * ms, key=key, record=record)["e"]

    key = jax.random.key(0)
    counts = run(key).counts
    assert counts.sum() > 0
    np.testing.assert_array_equal(jax.jit(lambda k: run(k).counts)(key), counts)
    np.testing.assert_array_equal(jax.jit(lambda k: run(k, "raster").spikes)(key).sum(0), counts)
    np.testing.assert_array_equal(jax.vmap(lambda k: run(k).counts)(key[None])[0], counts)


def test_conductances_have_their_own_example():
    assert rb.Conductance(rb.Exponential(), 0 * mV).conducts and not rb.Exponential().conducts
    assert connection(synapse=rb.GapJunction(), weight=1 * nS).weight.unit == nS


UNEVEN = {
    "drive": lambda: rb.Normal(2 * nA, 0.5 * nA),
    "constant": lambda: rb.stimulus.Constant(rb.Uniform(1 * nA, 3 * nA)),
    "step": lambda: rb.stimulus.Step(rb.LogNormal(2 * nA, 1 * nA), start=1 * ms) + 0.5 * nA,
}


@pytest.mark.parametrize("case", UNEVEN)
def test_a_distribution_draws_a_drive_for_each_neuron(case):
    def made(seed):
        return network(n=500, key=jax.random.key(seed), drives=[rb.Drive("e", UNEVEN[case]())])

    one, again, other = made(0), made(0), made(1)
    values = [jax.tree.leaves(net.drives[0].stimulus)[0] for net in (one, again, other)]
    assert values[0].shape == (500,)
    np.testing.assert_array_equal(values[0], values[1])
    assert np.any(values[0] != values[2])
    assert abs(values[0].mean() - 2) < 0.2 and values[0].std() > 0.3
    v = rb.simulate(one, duration=2 * ms, dt=0.1 * ms, record={"e": ("v",)})["e"].v[-1]
    assert len(np.unique(v)) > 400


def test_drives_and_connections_draw_independently():
    spread = rb.Normal(2 * nA, 0.5 * nA)
    drives = [rb.Drive("e", spread), rb.Drive("e", spread)]
    net = network(connection(rb.OneToOne(), weight=spread), key=jax.random.key(0), drives=drives)
    found = [net.projections[0].weight, *(d.stimulus.amplitude.value for d in net.drives)]
    assert len({x.tolist()[0] for x in found}) == 3


def test_what_cannot_be_drawn_is_refused():
    spread = rb.Normal(2 * nA, 0.5 * nA)
    with pytest.raises(KeyRequired, match="the drive of 'e' draws random numbers"):
        network(drives=[rb.Drive("e", spread)])
    for current in (spread, rb.stimulus.Constant(spread)):
        with pytest.raises(ArgumentError, match=r"Draw it here, rb.Normal\(...\).draw\(n, "):
            rb.simulate(rb.LIF(), n=3, current=current, duration=1 * ms, dt=0.1 * ms)
    with pytest.raises(UnitError, match="is in uS, but LIF receives a current"):
        network(drives=[rb.Drive("e", rb.Uniform(1 * nS, 2 * nS))], key=jax.random.key(0))
    excite = rb.Conductance(rb.Exponential(), 0 * mV)
    with pytest.raises(ParameterError, match=r"reaches below zero.*low=0\*nS"):
        rb.Drive("e", rb.Normal(1 * nS, 1 * nS), excite)
    with pytest.raises(UnitError, match="`tau` is a number.*got a Normal distribution.*Draw it"):
        rb.LIF(tau=rb.Normal(20 * ms, 2 * ms))
