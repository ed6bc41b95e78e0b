"""`SpikeSource`: lists of spikes as a population, in both loops, against plain sums."""

import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ParameterError, ShapeError, StepperError, UnknownName
from rheobase.kernels import library
from rheobase.network import fused
from rheobase.time import Clock
from rheobase.units import ms, mV, nA, s, um, us

DT, N = 0.1, 6
STEPS = np.array([0, 3, 3, 7, 40, 41, 99])
NEURONS = np.array([2, 0, 5, 2, 0, 0, 5])
TIMES = (STEPS + 1) * DT * ms


def source(times=TIMES, neurons=NEURONS, n=N, **more):
    return rb.SpikeSource(times, neurons, n=n, **more)


def network(pre=None, **changes):
    given = {"synapse": rb.Exponential(tau=5 * ms), "weight": 3 * nA, **changes}
    populations = {"in": source() if pre is None else pre, "out": rb.Population(rb.LIF(), 3)}
    rule = rb.FixedProbability(0.6)
    return rb.Network(
        populations, [rb.Connection("in", "out", rule, **given)], key=jax.random.key(1)
    )


def run(net, duration=10 * ms, **more):
    return rb.simulate(net, duration=duration, dt=DT * ms, **more)


@pytest.fixture(params=["compiled", "general"])
def loop(request, monkeypatch):
    if request.param == "general":
        monkeypatch.setattr(fused, "takes", lambda *_: False)
    elif not library.available():
        pytest.skip("no compiled kernels")
    return request.param


def test_its_spikes_are_recorded_as_they_were_given(loop, x64):
    order = np.random.default_rng(0).permutation(len(STEPS))
    net = network(source(TIMES[order], NEURONS[order]))
    for spikes in ("events", "raster", "count"):
        got = run(net, record={"in": rb.Record(spikes=spikes)})["in"]
        np.testing.assert_array_equal(got.counts, np.bincount(NEURONS, minlength=N))
        if spikes != "count":
            times, neurons = got.events
            np.testing.assert_allclose(times, (STEPS + 1) * DT)
            np.testing.assert_array_equal(neurons, NEURONS)


LEAVE = {
    "delta": lambda: {"synapse": rb.Delta(), "weight": 20 * mV},
    "delay": lambda: {"delay": 1.5 * ms},
    "delays": lambda: {"delay": rb.Uniform(0.2 * ms, 3 * ms)},
    "plastic": lambda: {"plasticity": rb.PairSTDP(w_max=9 * nA, A_plus=0.1, A_minus=0.1)},
    "depressing": lambda: {"plasticity": rb.TsodyksMarkram()},
}


def carried(got):
    final = got.final.neuron
    return final.systems["out"], [(p.weight, p.arriving, p.ring) for p in final.projections]


@pytest.mark.parametrize("case", LEAVE)
def test_connections_leave_from_it_in_both_loops(case, x64, monkeypatch):
    net = network(**LEAVE[case]())
    record = {"out": rb.Record(("v",), spikes="raster")}
    one = run(net, record=record)
    monkeypatch.setattr(fused, "takes", lambda *_: False)
    two = run(net, record=record)
    assert np.ptp(one["out"].v) > 1
    for a, b in zip(jax.tree.leaves(carried(one)), jax.tree.leaves(carried(two)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one["out"].v, two["out"].v, rtol=1e-9)


def test_a_spike_acts_when_its_time_has_come(x64, loop):
    """It adds its weight to the synapse in the step that begins at its time, as a pulse does."""
    synapse, weight = rb.Exponential(tau=5 * ms), 2 * nA
    one = rb.Connection("in", "out", rb.Dense(), synapse, weight=weight)
    out = rb.Population(rb.LIF(), 1)
    listed = rb.Network({"in": source([2.0, 4.5] * ms, 0, n=1), "out": out}, [one])
    pulses = rb.stimulus.Pulses([2.0, 4.5] * ms, weight)
    driven = rb.Network({"out": out}, drives=[rb.Drive("out", pulses, synapse)])
    v = [run(net, record={"out": ("v",)})["out"].v for net in (listed, driven)]
    np.testing.assert_allclose(*v, rtol=1e-12)


@pytest.mark.parametrize("case", ["plastic", "delays", "depressing"])
def test_continued_is_one_run(case, loop):
    net = network(**LEAVE[case]())
    whole = run(net)
    first = run(net, 3.7 * ms)
    rest = run(net, 6.3 * ms, state=first.final)
    for name in ("in", "out"):
        joined = np.concatenate([first[name].events[0], rest[name].events[0]])
        np.testing.assert_allclose(joined, whole[name].events[0])
    for a, b in zip(jax.tree.leaves(carried(rest)), jax.tree.leaves(carried(whole)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("late", [2**31 - 2, 2**40])
def test_spikes_beyond_32_bits_of_steps(late, loop):
    net = network(source((late + np.array([1, 3])) * DT * ms, [0, 1], n=2))
    state = run(net, DT * ms).final._replace(step=Clock.of(late))
    got = run(net, 1 * ms, state=state, record={"in": rb.Record(spikes="raster")})["in"]
    assert np.argwhere(got.spikes).tolist() == [[0, 0], [2, 1]]


def test_programs_take_it(x64):
    net, record = network(), {"out": rb.Record(spikes="count"), "in": rb.Record(spikes="count")}
    net = eqx_scaled(net, 10.0)

    def counts(weight):
        made = eqx_scaled(net, weight)
        got = run(made, record=record)
        return got["out"].counts, got["in"].counts

    whole = counts(jnp.ones(()))
    assert whole[0].sum() > 0
    for a, b in zip(whole, jax.jit(counts)(jnp.ones(())), strict=True):
        np.testing.assert_array_equal(a, b)
    both = jax.vmap(counts)(jnp.array([1.0, 0.0]))
    np.testing.assert_array_equal(both[0][0], whole[0])
    assert not both[0][1].any() and both[1][1].sum() == len(STEPS)
    slope = jax.grad(lambda w: counts(w)[0].sum())(jnp.ones(()))
    assert np.isfinite(slope) and slope > 0


def eqx_scaled(net, by):
    return eqx.tree_at(lambda net: net.projections[0].weight, net, replace_fn=lambda w: w * by)


ROUNDED = [
    (0.0, 0.1, 0.1),
    (0.04, 0.1, 0.1),
    (0.14, 0.1, 0.1),
    (0.15, 0.1, 0.2),
    (0.16, 0.1, 0.2),
    (4.9, 1.0, 5.0),
]


@pytest.mark.parametrize(("time", "dt", "end"), ROUNDED)
def test_times_go_to_the_nearest_end_of_a_step(time, dt, end):
    net = rb.Network({"in": source([time] * ms, [0], n=1)})
    times, _ = rb.simulate(net, duration=10 * ms, dt=dt * ms)["in"].events
    np.testing.assert_allclose(times, [end])


def test_other_units_one_neuron_and_none():
    net = rb.Network({
        "late": rb.SpikeSource(0.005 * s, 1, n=2),
        "many": rb.SpikeSource([2000 * us, 1 * ms], 0, n=1),
        "none": rb.SpikeSource([], [], n=3),
        "never": rb.SpikeSource([1e300] * ms, [0], n=1),
    })  # fmt: skip
    got = run(net)
    assert got["late"].events[0].tolist() == [5.0] and got["late"].events[1].tolist() == [1]
    np.testing.assert_allclose(got["many"].events[0], [1, 2])
    assert got["none"].counts.tolist() == [0, 0, 0]


def test_nothing_is_kept_but_its_spikes():
    """A million neurons and a day of time: no raster, no matrix."""
    times = np.array([1.0, 8.64e7]) * ms
    wide = rb.SpikeSource(times, [0, 999_999], n=1_000_000)
    one = rb.Connection("in", "out", rb.Pairs([0], [0]), rb.Exponential(), weight=1 * nA)
    net = rb.Network({"in": wide, "out": rb.Population(rb.LIF(), 1)}, [one])
    assert run(net, 2 * ms)["in"].counts.sum() == 1


def test_positions_are_for_rules_by_distance():
    near = source([1] * ms, [0], n=2, positions=[[0], [1000]] * um)
    out = rb.Population(rb.LIF(), 1, positions=[[0]] * um)
    rule = rb.GaussianProbability(1.0, sigma=1 * um)
    one = rb.Connection("in", "out", rule, rb.Delta(), weight=1 * mV)
    net = rb.Network({"in": near, "out": out}, [one], key=jax.random.key(0))
    assert [x.tolist() for x in net.pairs("in", "out")] == [[0], [0]]


REFUSED = [
    (ParameterError, "0 ms or later, got -1 ms at index 1", lambda: source([1, -1] * ms, [0, 1])),
    (ParameterError, "got nan ms", lambda: source([1, float("nan")] * ms, [0, 1])),
    (ParameterError, "got inf ms", lambda: source([float("inf")] * ms, [0])),
    (ShapeError, "names neuron 6 at index 0, but there are 6", lambda: source([1] * ms, [6])),
    (ShapeError, "names neuron -1", lambda: source([1] * ms, [-1])),
    (ShapeError, "`times` (2,) and `neurons` (3,)", lambda: source([1, 2] * ms, [0, 1, 2])),
    (ShapeError, "integers), got float64", lambda: source([1] * ms, [0.5])),
    (ArgumentError, "`n` is a whole number, got 2.5", lambda: source([1] * ms, [0], n=2.5)),
    (TypeError, "`times` is measured in ms", lambda: source([1, 2], [0, 1])),
    (ShapeError, "the SpikeSource has 6 neurons, got n = 7",
     lambda: rb.Population(source(), 7)),
    (ArgumentError, "got traced ones", lambda: jax.jit(lambda t: source(t * ms, [0]))(1.0)),
    (StepperError, "neuron 1 of a SpikeSource fires at 5 and 5.04 ms",
     lambda: run(network(source([1, 5.04, 5] * ms, [0, 1, 1])))),
    (ArgumentError, "receives nothing",
     lambda: rb.Network({"in": source()}, drives=[rb.Drive("in", 1 * nA)])),
    (ArgumentError, "receives nothing", lambda: rb.Network(
        {"in": source()}, [rb.Connection("in", "in", rb.Dense(), rb.Delta(), weight=1 * mV)])),
    (ArgumentError, "has no voltage that GapJunction could transmit",
     lambda: network(synapse=rb.GapJunction(), weight=1 * (nA / mV))),
    (UnknownName, "variable of 'in'", lambda: run(network(), record={"in": ("v",)})),
    (UnknownName, "variable of 'in'", lambda: run(network(), init={"in": {"v": 0 * mV}})),
]  # fmt: skip


@pytest.mark.parametrize(("error", "text", "make"), REFUSED)
def test_what_is_refused(error, text, make):
    with pytest.raises(error, match=re.escape(text)):
        make()


def test_it_is_saved(tmp_path):
    net = network()
    rb.save(tmp_path / "net", net)
    again = rb.load(tmp_path / "net")
    one, two = run(net), run(again)
    np.testing.assert_array_equal(one["in"].events[0], two["in"].events[0])
    np.testing.assert_array_equal(one["out"].counts, two["out"].counts)
