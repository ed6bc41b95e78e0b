"""Networks in NIR: the same spikes when read, the equations of NIR by hand, and what is refused."""

import equinox as eqx
import jax
import numpy as np
import pytest

import rheobase as rb
import rheobase.channels as ch
from rheobase.devices import dynapse2 as d2
from rheobase.errors import ArgumentError, UnknownName
from rheobase.units import Hz, MOhm, ms, mV, nA, nF, nS, um

nir = pytest.importorskip("nir")

DT, STEPS = 0.5, 300


def lif(n=12, **parameters):
    return rb.Population(rb.LIF(**parameters), n)


def trains(n, spikes=150, seed=0):
    """Spikes at the ends of steps, none twice."""
    places = np.random.default_rng(seed).choice(n * STEPS, spikes, replace=False)
    return rb.SpikeSource((places // n + 1) * DT * ms, places % n, n=n)


def to(pre, post, synapse=None, weight=4 * mV, rule=None, **more):
    rule = rb.Dense() if rule is None else rule
    return rb.Connection(pre, post, rule, synapse or rb.Delta(), weight=weight, **more)


def network(populations, connections, drives=()):
    return rb.Network(populations, connections, drives, key=jax.random.key(0))


AXONS = np.repeat(np.arange(1, 13), 12) * DT
HALF = rb.FixedProbability(0.5)


def recurrent():
    """Delta synapses at random, cycles, delays, currents and a readout with a synapse."""
    return network(
        {"in": trains(10), "e": lif(40), "i": lif(10, tau=7 * ms), "out": lif(3)},
        [
            to("in", "e", weight=rb.Normal(4 * mV, 1 * mV), rule=HALF),
            to("e", ("e", "i"), weight=rb.Normal(1.2 * mV, 0.2 * mV), rule=rb.FixedInDegree(8)),
            to("i", "e", weight=-1 * mV, rule=HALF, delay=2 * ms),
            to("e", "out", rb.Exponential(3 * ms), 0.3 * nA),
            to("i", "out", rb.Exponential(3 * ms), -0.2 * nA, delay=1 * ms),
        ],
        [rb.Drive("e", rb.Normal(1.2 * nA, 0.2 * nA))],
    )


WRITTEN = {
    "a chain": lambda: network(
        {"in": trains(5), "e": lif(), "f": lif()}, [to("in", "e", weight=9 * mV), to("e", "f")]
    ),
    "past a population": lambda: network(
        {"in": trains(5), "e": lif(), "f": lif()},
        [to("in", "e", weight=9 * mV), to("e", "f", weight=1 * mV), to("in", "f")],
    ),
    "two sources": lambda: network(
        {"a": trains(5), "b": trains(3, seed=1), "e": lif()},
        [to("b", "e", weight=9 * mV), to("a", "e", weight=5 * mV, delay=1.5 * ms)],
    ),
    "added up": lambda: network(
        {"in": trains(5), "e": lif()}, [to("in", "e"), to("in", "e", rule=rb.Pairs([1, 1], [2, 2]))]
    ),
    "a delay for each neuron": lambda: network(
        {"in": trains(5), "e": lif(), "f": lif()},
        [to("in", "e", weight=9 * mV), to("e", "f", weight=9 * mV, delay=AXONS * ms)],
    ),
    "currents in nA": lambda: network(
        {"in": trains(5), "e": lif()}, [to("in", "e", rb.Exponential(4 * ms), 0.9 * nA)]
    ),
    "currents in mV, in a cycle": lambda: network(
        {"in": trains(5), "e": lif(), "f": lif()},
        [
            to("in", "e", rb.Exponential(4 * ms), 9 * mV),
            to("e", ("e", "f"), rb.Exponential(4 * ms), 1 * mV, rule=HALF, delay=DT * ms),
            to("f", "e", rb.Exponential(4 * ms), -2 * mV, delay=2 * ms),
        ],
    ),
    "constant currents alone": lambda: network(
        {"e": lif(), "f": rb.Population(rb.IF(C=0.1 * nF), 3)},
        [to("e", "e", weight=0.2 * mV), to("e", "f", weight=1 * mV)],
        [rb.Drive("e", rb.Uniform(1.6 * nA, 2.5 * nA)), rb.Drive("e", 0.1 * nA)],
    ),
    "a current into what is late": lambda: network(
        {"in": trains(5), "e": lif(), "f": lif()},
        [to("in", "e", weight=9 * mV), to("e", "f", weight=1 * mV)],
        [rb.Drive("f", 1.4 * nA)],
    ),
    "fires by itself": lambda: network(
        {"in": trains(5), "e": lif(2, v_rest=-49 * mV)}, [to("in", "e")]
    ),
    "jumps of a current": lambda: network(
        {"in": trains(5), "q": rb.Population(rb.CubaLIF(), 4)}, [to("in", "q", weight=0.2 * nA)]
    ),
    "nothing arrives": lambda: network(
        {"in": trains(5), "e": lif(), "f": lif(2, v_rest=-49 * mV)},
        [to("in", "e", weight=9 * mV), to("e", "e", weight=1 * mV)],
    ),
    "a population by itself": lambda: network(
        {"e": lif(12, v_rest=-49 * mV)}, [to("e", "e", weight=1 * mV, rule=HALF)]
    ),
    "at random": recurrent,
}  # fmt: skip
READOUTS = {
    "LI": lambda: (rb.LI(R=10 * MOhm), rb.Delta(), 1 * mV),
    "Integrator": lambda: (rb.Integrator(), rb.Delta(), 1 * mV),
    "CubaLI": lambda: (rb.CubaLI(), rb.Delta(), 1 * nA),
    "LI with a current": lambda: (rb.LI(R=10 * MOhm), rb.Exponential(3 * ms), 1 * mV),
}
LOST = {
    "Refractory": lambda: (rb.Refractory(rb.LIF(), 3 * ms), rb.Delta()),
    "Refractory and a current": lambda: (rb.Refractory(rb.LIF(), 3 * ms), rb.Exponential(4 * ms)),
    "SoftReset": lambda: (rb.SoftReset(rb.LIF()), rb.Delta()),
    "SoftReset and a current": lambda: (rb.SoftReset(rb.LIF()), rb.Exponential(4 * ms)),
    "the adaptation of ALIF": lambda: (rb.ALIF(), rb.Delta()),
}


def simulated(net, stepper=None):
    names = {name: rb.Record(spikes="raster") for name in net.populations}
    return rb.simulate(net, duration=STEPS * DT * ms, dt=DT * ms, record=names, stepper=stepper)


def inputs(net, run):
    """What the sources fire, side by side, (time, 1, n)."""
    sources = [run[name].spikes for name in net.populations if net.is_source(name)]
    nothing = np.zeros((STEPS, 0 if sources else 1))
    return np.concatenate([nothing, *sources], axis=1)[:, None]


def leads(path):
    """By how many steps each population is earlier, from the file."""
    nodes = nir.read(path).nodes
    return {
        n: int(x.metadata["lead_steps"]) for n, x in nodes.items() if "lead_steps" in x.metadata
    }


def assert_same(net, path, **how):
    """Spike for spike, by the shift that the file states; returns the shifts."""
    lost = rb.io.write_nir(net, path, dt=DT * ms, **how)
    run, model = simulated(net, how.get("stepper")), rb.io.read_nir(path)
    (graph,) = model.layers
    with jax.numpy_rank_promotion("allow"):  # one parameter a neuron, beside a batch
        activity = model.activity(inputs(net, run))
    shifts = leads(path)
    assert graph.names == tuple(n for n in net.populations if not net.is_source(n))
    for name, one in zip(graph.names, activity, strict=True):
        late = shifts[name]
        np.testing.assert_array_equal(one.spikes[: STEPS - late, 0], run[name].spikes[late:])
        assert name == "f" or run[name].spikes.sum() > 10, name
    return shifts, lost


@pytest.mark.parametrize("name", WRITTEN)
def test_the_same_spikes_when_read(name, tmp_path, x64):
    shifts, lost = assert_same(WRITTEN[name](), tmp_path / "a.nir", strict=True)
    expected = {
        "a chain": {"e": 1, "f": 2},
        "past a population": {"e": 1, "f": 1},
        "a current into what is late": {"e": 1, "f": 0},
        "at random": {"e": 0, "i": 0, "out": 0},
        "currents in nA": {"e": 0},
        "fires by itself": {"e": 0},
    }
    assert not lost and shifts == expected.get(name, shifts)


@pytest.mark.parametrize("stepper", [rb.Euler(), rb.Exact(), rb.Heun()])
def test_the_same_spikes_with_other_steppers(stepper, tmp_path, x64):
    assert_same(WRITTEN["a chain"](), tmp_path / "a.nir", stepper=stepper)
    assert type(rb.io.read_nir(tmp_path / "a.nir").stepper) is type(stepper)


@pytest.mark.parametrize("name", LOST)
def test_adaptors_come_back_and_are_said(name, tmp_path, x64):
    neuron, synapse = LOST[name]()
    net = network(
        {"in": trains(5), "e": rb.Population(neuron, 6)},
        [to("in", "e", synapse, 9 * mV), to("e", "e", synapse, 1 * mV, delay=1 * ms)],
    )
    what = f"population 'e': {name.partition(' and')[0]}"
    with pytest.raises(ArgumentError, match=what):
        rb.io.write_nir(net, tmp_path / "a.nir", dt=DT * ms, strict=True)
    assert not any(tmp_path.iterdir())
    _, lost = assert_same(net, tmp_path / "a.nir")
    assert len(lost) == 1 and what in lost[0]


@pytest.mark.parametrize("name", READOUTS)
def test_voltages_of_readouts(name, tmp_path, x64):
    neuron, synapse, weight = READOUTS[name]()
    net = network(
        {"in": trains(5), "e": lif(), "out": rb.Population(neuron, 2)},
        [to("in", "e", weight=9 * mV), to("e", "out", synapse, weight)],
    )
    rb.io.write_nir(net, tmp_path / "a.nir", dt=DT * ms)
    spikes = rb.Record(spikes="raster")
    run = rb.simulate(net, duration=STEPS * DT * ms, dt=DT * ms,
                      record={"in": spikes, "e": spikes, "out": rb.Record(("v",))})  # fmt: skip
    found = rb.io.read_nir(tmp_path / "a.nir")(inputs(net, run))
    late = leads(tmp_path / "a.nir")["out"]
    assert late == (1 if isinstance(synapse, rb.Exponential) else 2)
    np.testing.assert_allclose(found[: STEPS - late, 0], run["out"].v[late:], rtol=1e-9, atol=1e-9)
    assert np.ptp(found) > 1


def ways_of(graph):
    """From where, over which nodes and to where: between the input and populations."""
    after = {n: [b for a, b in graph.edges if a == n] for n in graph.nodes}
    populations = [n for n, node in graph.nodes.items() if type(node) in (nir.LIF, nir.CubaLIF)]
    ways = []
    for start in ["input", *populations]:
        for first in after[start]:
            way = [start, first]
            while way[-1] not in populations and after[way[-1]]:
                way += after[way[-1]]
            if way[-1] in populations:
                ways.append((start, [graph.nodes[n] for n in way[1:-1]], way[-1]))
    return ways, populations


def cycles_of(ways, populations):
    """The pairs that reach each other, and an order of the populations but for these."""
    reached = {n: set() for n in populations}
    for _ in populations:
        for a, _, b in ways:
            if a != "input":
                reached[a] |= {b} | reached[b]
    back = {(a, b) for a, _, b in ways if a != "input" and a in reached[b]}
    before = {p: {a for a, _, b in ways if b == p and a != "input" and (a, p) not in back}
              for p in populations}  # fmt: skip
    return back, sorted(populations, key=lambda p: sum(p in reached[q] for q in before))


def arriving(way, sent, k, late, dt):
    """What the nodes of a way give in step k."""
    for node in way:
        if type(node) is nir.Delay:
            late = late + np.rint(node.delay / dt).astype(int)
    rows = k - late
    spikes = np.where(rows >= 0, sent[np.maximum(rows, 0), np.arange(sent.shape[1])], 0)
    return way[-1].weight @ spikes + getattr(way[-1], "bias", 0)


def played(graph, x, dt):
    """The spikes of each population by the equations of NIR alone, in SI units; x (time, n).

    An input lasts one step. Inside of a cycle an edge takes one.
    """
    ways, populations = ways_of(graph)
    back, order = cycles_of(ways, populations)
    v = {n: graph.nodes[n].v_leak.copy() for n in populations}
    current = {n: np.zeros_like(v[n]) for n in populations}
    sent = {"input": x} | {n: np.zeros((len(x), *v[n].shape)) for n in populations}
    for k in range(len(x)):
        for n in order:
            node = graph.nodes[n]
            late = {a: np.full(sent[a].shape[1], int((a, n) in back)) for a in sent}
            total = sum(arriving(way, sent[a], k, late[a], dt) for a, way, b in ways if b == n)
            if type(node) is nir.LIF:
                ends = node.v_leak + node.r * total
                v[n] = ends + (v[n] - ends) * np.exp(-dt / node.tau)
            else:
                m, s = np.exp(-dt / node.tau_mem), np.exp(-dt / node.tau_syn)
                part = node.tau_syn / (node.tau_syn - node.tau_mem) * (s - m)
                v[n] = node.v_leak + (v[n] - node.v_leak) * m + node.r * current[n] * part
                current[n] = current[n] * s + node.w_in * total * dt / node.tau_syn
            sent[n][k] = v[n] >= node.v_threshold
            v[n] = np.where(sent[n][k] > 0, node.v_reset, v[n])
    return sent


@pytest.mark.parametrize("name", ["at random", "currents in mV, in a cycle", "past a population"])
def test_the_equations_of_nir_give_the_same_spikes(name, tmp_path, x64):
    """What the file says, read by the package nir and stepped by hand, without this library."""
    net = WRITTEN[name]()
    rb.io.write_nir(net, tmp_path / "a.nir", dt=DT * ms)
    run = simulated(net)
    found = played(nir.read(tmp_path / "a.nir"), inputs(net, run)[:, 0], DT * 1e-3)
    for n, late in leads(tmp_path / "a.nir").items():
        np.testing.assert_array_equal(found[n][: STEPS - late], run[n].spikes[late:])


def test_what_stands_in_the_file(tmp_path):
    rb.io.write_nir(recurrent(), tmp_path / "a.nir", dt=DT * ms)
    graph = nir.read(tmp_path / "a.nir")
    kinds = {name: type(node).__name__ for name, node in graph.nodes.items()}
    assert kinds == {
        "input": "Input", "e": "LIF", "i": "LIF", "out": "CubaLIF", "output": "Output",
        "input_e": "Affine", "input_e_delay": "Delay", "e_e": "Linear", "e_i": "Linear",
        "i_e": "Linear", "i_e_delay": "Delay", "e_out": "Linear", "i_out": "Linear",
        "i_out_delay": "Delay",
    }  # fmt: skip
    # A Delta of 1 mV lifts by 1 mV in a step; a nA is a nA; a jump of 1 in CubaLIF is one.
    gain = 10e6 * -np.expm1(-DT / 10)
    assert set(np.unique(np.round(graph.nodes["i_e"].weight * gain * 1e3, 5))) == {-1, 0}
    np.testing.assert_allclose(graph.nodes["e_out"].weight, 0.3e-9, rtol=1e-6)
    np.testing.assert_allclose(graph.nodes["out"].w_in, 3 / DT, rtol=1e-6)
    # In a cycle an edge takes a step, out of it none, and a spike of a network acts one late.
    np.testing.assert_allclose(graph.nodes["i_e_delay"].delay, 2e-3, rtol=1e-6)
    np.testing.assert_allclose(graph.nodes["i_out_delay"].delay, 1e-3, rtol=1e-6)
    np.testing.assert_allclose(graph.nodes["input_e_delay"].delay, DT * 1e-3, rtol=1e-6)
    assert graph.nodes["input"].metadata["sources"] == "in: 10"


def test_the_output_is_chosen(tmp_path):
    net = WRITTEN["a chain"]()
    rb.io.write_nir(net, tmp_path / "a.nir", dt=DT * ms, output="e")
    assert set(nir.read(tmp_path / "a.nir").edges) >= {("e", "output"), ("f", "output_f")}
    assert rb.io.read_nir(tmp_path / "a.nir").layers[0].output == "e"
    with pytest.raises(UnknownName, match="output"):
        rb.io.write_nir(net, tmp_path / "b.nir", dt=DT * ms, output="g")


def test_a_graph_that_was_changed_is_read_as_it_is(tmp_path):
    rb.io.write_nir(WRITTEN["a chain"](), tmp_path / "a.nir", dt=DT * ms)
    graph = nir.read(tmp_path / "a.nir")
    graph.nodes["e"].tau = graph.nodes["e"].tau * 2
    nir.write(tmp_path / "b.nir", graph)
    read = rb.io.read_nir(tmp_path / "b.nir").layers[0]
    np.testing.assert_allclose(read.neuron("e").tau, 20, rtol=1e-6)
    graph.nodes["scale"] = nir.Scale(np.ones(12))
    graph.edges = [x for x in graph.edges if x != ("e", "e_f")]
    graph.edges += [("e", "scale"), ("scale", "e_f")]
    nir.write(tmp_path / "c.nir", graph)
    with pytest.raises(ArgumentError, match="from 'e' to 'f' the NIR graph has Scale"):
        rb.io.read_nir(tmp_path / "c.nir")
    graph.nodes["more"] = graph.nodes["e_f"]
    graph.edges = [x for x in graph.edges if "scale" not in x]
    graph.edges += [("e", "e_f"), ("e", "more"), ("more", "f")]
    del graph.nodes["scale"]
    nir.write(tmp_path / "d.nir", graph)
    with pytest.raises(ArgumentError, match="two ways from 'e' to 'f'"):
        rb.io.read_nir(tmp_path / "d.nir")


def one(*connections, neuron=None, drives=()):
    """A network of a source and a population."""
    e = rb.Population(rb.LIF() if neuron is None else neuron, 12)
    return lambda: network({"in": trains(12), "e": e}, connections or [to("in", "e")], drives)


CELL = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.HH()).insert(ch.SpikeDetector())
EXP = rb.Exponential(4 * ms)
REFUSED = {
    "plasticity": (one(to("in", "e", plasticity=rb.PairSTDP(w_max=9 * mV))),
                   r"from 'in' to 'e' changes with its use \(PairSTDP\)"),
    "short term": (one(to("in", "e", plasticity=rb.TsodyksMarkram())), r"\(TsodyksMarkram\)"),
    "conductances": (one(to("in", "e", rb.Conductance(EXP, 0 * mV), 1 * nS)),
                     "population 'e' has Conductance synapses"),
    "another time course": (one(to("in", "e", rb.Alpha(2 * ms), 1 * nA)), "Alpha synapses.*take"),
    "electrical": (one(to("in", "e"), to("e", "e", rb.GapJunction(), 1 * nS)), "GapJunction"),
    "chip neurons": (one(to("in", "e", d2.AMPA(), 1 * nA), neuron=d2.Neuron()), "made of Neuron"),
    "cells": (one(to("in", "e", EXP, 1 * nA), neuron=CELL), "made of Cell.HH, SpikeDetector.,"),
    "another neuron": (one(neuron=rb.AdEx()), "population 'e' is made of AdEx, for which NIR"),
    "two time constants": (one(to("in", "e", EXP), to("e", "e", rb.Exponential(5 * ms),
                               delay=1 * ms)), r"Exponential\(4 ms\) and Exponential\(5 ms\)"),
    "Delta and a current": (one(to("in", "e", EXP), to("e", "e")), r"Delta and Exponential\(4"),
    "a current on IF": (one(to("in", "e", EXP, 1 * nA), neuron=rb.IF()), "made of IF with"),
    "a current on ALIF": (one(to("in", "e", EXP, 1 * nA), neuron=rb.ALIF()), "made of ALIF with"),
    "at once in a cycle": (one(to("in", "e", EXP), to("e", "e", EXP)), r"Write delay=0.5\*ms"),
    "a delay for each synapse": (one(to("in", "e", delay=rb.Uniform(1 * ms, 9 * ms))),
                                 "has delays by synapse"),
    "two delays": (one(to("in", "e", delay=1 * ms), to("in", "e", delay=2 * ms)),
                   "one of two with different delays"),
    "noise": (one(drives=rb.Drive("e", rb.stimulus.Poisson(100 * Hz, 1 * mV))),
              "drive of 'e' .Poisson, in mV. is no constant current"),
    "a course": (one(drives=rb.Drive("e", rb.stimulus.Sine(1 * nA, 5 * Hz))), "Sine, in nA"),
    "a current beside a synapse": (one(to("in", "e", EXP), drives=rb.Drive("e", 1 * nA)),
                                   r"v_rest \+ R\*I"),
    "sources alone": (lambda: network({"in": trains(3)}, []), "no neurons beside its sources"),
    "a name": (lambda: network({"in": trains(3), "input": lif()}, [to("in", "input")]), "a name"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_nir_cannot_say_is_refused_before_a_file_exists(name, tmp_path):
    make, match = REFUSED[name]
    with pytest.raises(ArgumentError, match=match):
        rb.io.write_nir(make(), tmp_path / "a.nir", dt=DT * ms)
    assert not any(tmp_path.iterdir())


def test_arguments_of_stacks_and_of_networks(tmp_path):
    path, stack = tmp_path / "a.nir", rb.Sequential(rb.Linear(2, 3), rb.LIF())
    with pytest.raises(ArgumentError, match=r"Write write_nir\(network, path, dt=0.1\*ms\)"):
        rb.io.write_nir(recurrent(), path)
    with pytest.raises(ArgumentError, match="`shape` says nothing of this model: a network"):
        rb.io.write_nir(recurrent(), path, dt=1 * ms, shape=(2,))
    for given in ({"dt": 1 * ms}, {"stepper": rb.Euler()}, {"output": "e"}):
        with pytest.raises(ArgumentError, match=f"`{next(iter(given))}` says nothing of this"):
            rb.io.write_nir(stack, path, **given)
    assert not any(tmp_path.iterdir())


def test_what_runs_is_written(tmp_path, x64):
    """A parameter that was replaced counts once the network is renewed, as in a run."""
    net = WRITTEN["currents in nA"]()
    net = eqx.tree_at(lambda n: n.populations["e"].neuron.tau, net, np.asarray(14.0))
    for one, tau in ((net, 0.010), (net.renewed(), 0.014)):
        rb.io.write_nir(one, tmp_path / "a.nir", dt=DT * ms)
        np.testing.assert_allclose(nir.read(tmp_path / "a.nir").nodes["e"].tau_mem, tau)
