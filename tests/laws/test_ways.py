"""Every way to go through time on networks: the ways agree where they must, on every system."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.devices import dynapse2 as d2
from rheobase.errors import ArgumentError, StepperError
from rheobase.gradients import RTRL, EProp, Exact, Surrogate, value_and_grad
from rheobase.units import ms, mV, nA, um, uS
from tests.laws.helpers import assert_close, assert_same_bits, direction, dot

STEPS, BATCH, IN, N = 40, 2, 5, 4
DT = 0.5 * ms


def ipsc():
    return rb.Exponential(tau=4 * ms)


def into(**populations):
    """Trains of spikes, the given populations, and what reads them."""
    return {
        "in": rb.SpikeSource([] * ms, [], n=IN),
        **populations,
        "out": rb.Population(rb.LI(), 2),
    }


def points(**more):
    return [
        rb.Connection("in", "e", rb.Dense(), ipsc(), weight=rb.Uniform(1 * nA, 3 * nA)),
        rb.Connection("e", "e", rb.FixedInDegree(3, autapses=False), ipsc(),
                      weight=rb.Uniform(0.2 * nA, 0.6 * nA), **more),
        rb.Connection("e", "out", rb.Dense(), ipsc(), weight=rb.Uniform(0.2 * nA, 0.8 * nA)),
    ]  # fmt: skip


def cells():
    ball = rb.morphology.soma(radius=10 * um)
    cell = rb.Cell(ball).insert(ch.Leak()).insert(ch.Fire())
    ampa = rb.Conductance(rb.Exponential(tau=2 * ms), 0 * mV)
    return rb.Network(
        into(e=rb.Population(cell, N)),
        [
            rb.Connection("in", "e", rb.Dense(), ampa, weight=rb.Uniform(1e-3 * uS, 3e-3 * uS)),
            rb.Connection("e", "e", rb.OneToOne(), ampa, weight=1e-4 * uS, delay=1 * ms),
            rb.Connection("e", "out", rb.Dense(), ipsc(), weight=rb.Uniform(0.2 * nA, 0.8 * nA)),
        ],
        key=jax.random.key(5),
    )


def chip():
    return rb.Network(
        into(e=rb.Population(d2.Neuron(), N)),
        [
            rb.Connection("in", "e", rb.Dense(), d2.AMPA(), weight=rb.Uniform(50 * nA, 300 * nA)),
            rb.Connection("e", "out", rb.Dense(), ipsc(), weight=rb.Uniform(0.2 * nA, 0.8 * nA)),
        ],
        key=jax.random.key(5),
    )


def of(neuron, **more):
    return rb.Network(into(e=rb.Population(neuron, N)), points(**more), key=jax.random.key(5))


SYSTEMS = {
    "points": lambda: of(rb.LIF()),
    "adaptive": lambda: of(rb.SurrogateReset(rb.ALIF())),
    "delays": lambda: of(rb.LIF(), delay=rb.Uniform(1 * ms, 3 * ms)),
    "plastic": lambda: of(rb.LIF(), plasticity=rb.PairSTDP(w_max=1 * nA)),
    "release": lambda: of(rb.LIF(), plasticity=rb.TsodyksMarkram()),
    "cells": cells,
    "chip": chip,
}
LOCATED = ("points", "delays", "release")
"""Those whose spikes have exact times that a finite difference can follow."""


def each(names):
    """Systems of a law: the first in the fast stage, all in the slow one."""
    marks = [[]] + [pytest.mark.slow] * (len(names) - 1)
    rows = [pytest.param(name, marks=mark) for name, mark in zip(names, marks, strict=True)]
    return pytest.mark.parametrize("name", rows)


every_system = each(tuple(SYSTEMS))


def model(name):
    return rb.train.Driven(SYSTEMS[name](), dt=DT, into="in", out="out")


def data():
    draws = np.random.default_rng(3)
    return (draws.random((BATCH, STEPS, IN)) < 0.2).astype(float), np.arange(BATCH) % 2


def taken(system, method):
    value, gradient = value_and_grad(system, data(), method=method)
    return value, [p.weight for p in gradient.network.projections]


@every_system
def test_checkpoints_change_nothing(name, x64):
    value, plain = taken(model(name), Surrogate())
    assert any(np.abs(w).max() > 0 for w in plain)
    for checkpoint in (True, 7):
        again, lean = taken(model(name), Surrogate(checkpoint=checkpoint))
        assert_close(value, again, 1e-12)
        assert_close(plain, lean, 1e-9)


@every_system
def test_a_gradient_cut_at_no_step_is_whole(name, x64):
    _, plain = taken(model(name), Surrogate())
    assert_close(plain, taken(model(name), Surrogate(truncate=STEPS))[1], 1e-12)
    cut = taken(model(name), Surrogate(truncate=5))[1]
    assert any(
        np.abs(a - b).max() > 1e-6 * np.abs(a).max() for a, b in zip(plain, cut, strict=True)
    )


@each(LOCATED)
def test_exact_is_the_finite_difference(name, x64):
    system = model(name)
    weights = lambda m: [p.weight for p in m.network.projections]  # noqa: E731
    _, slopes = taken(system, Exact())
    way = direction(weights(system), 7)
    h = 1e-6

    def at(by):
        moved = jax.tree.map(lambda w, d: w + by * d, weights(system), way)
        return float(taken(eqx.tree_at(weights, system, moved), Exact())[0])

    difference = (at(h) - at(-h)) / (2 * h)
    assert abs(difference) > 1e-3
    np.testing.assert_allclose(dot(slopes, way), difference, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cells", "chip"])
def test_what_has_no_located_spikes_keeps_its_surrogate(name, x64):
    """Cells and chip neurons stay on the grid, and so does the gradient through them."""
    system = model(name)
    assert_close(taken(system, Surrogate()), taken(system, Exact()), 1e-9)


def test_a_chip_neuron_alone_has_no_located_spikes(x64):
    with pytest.raises(StepperError, match="whole steps of its own rule"):
        rb.simulate(d2.Neuron(), duration=1 * ms, dt=0.1 * ms, substep=True)


@every_system
def test_local_gradients_leave_out_what_comes_back(name, x64):
    """Where nothing comes back they are whole; of recurrent weights they are something else."""
    _, plain = taken(model(name), Surrogate())
    _, local = taken(model(name), EProp())
    assert_close(plain[-1], local[-1], 1e-9)
    if name in ("points", "delays"):
        assert np.abs(plain[0] - local[0]).max() > 1e-6 * np.abs(plain[0]).max()
        assert_close(local, taken(model(name), RTRL())[1], 1e-9)


def test_local_gradients_of_a_chain_are_whole(x64):
    net = rb.Network(into(e=rb.Population(rb.LIF(), N)), points()[::2], key=jax.random.key(5))
    system = rb.train.Driven(net, dt=DT, into="in", out="out")
    for method in (EProp(), RTRL()):
        assert_close(taken(system, Surrogate())[1], taken(system, method)[1], 1e-9)


def test_rtrl_refuses_neurons_connected_to_themselves(x64):
    own = rb.Connection("e", "e", rb.OneToOne(), ipsc(), weight=0.1 * nA)
    net = rb.Network(into(e=rb.Population(rb.LIF(), N)), [*points(), own], key=jax.random.key(5))
    with pytest.raises(ArgumentError, match="connected to themselves"):
        taken(rb.train.Driven(net, dt=DT, into="in", out="out"), RTRL())


def test_what_only_stacks_have_is_refused_by_name(x64):
    with pytest.raises(ArgumentError, match="random feedback"):
        taken(model("points"), EProp("random"))
    with pytest.raises(ArgumentError, match="RTRL\\(decay"):
        taken(model("points"), RTRL(decay=0.5))


@each(("delays", "points", "plastic", "chip"))
def test_located_spikes_in_two_runs_are_one(name, x64):
    net = SYSTEMS[name]().with_drive(rb.Drive("e", rb.stimulus.Constant(2 * nA)))
    go = lambda steps, **more: rb.simulate(  # noqa: E731
        net, duration=steps * DT, dt=DT, substep=True, record={"e": rb.Record()}, **more
    )
    whole, first = go(60), go(23)
    second = go(37, state=first.final)
    assert whole["e"].counts.sum() > 0
    assert_same_bits(
        jax.tree.map(np.asarray, whole.final._replace(key=None)),
        jax.tree.map(np.asarray, second.final._replace(key=None)),
    )
    both = np.concatenate([first["e"].spikes, second["e"].spikes])
    np.testing.assert_array_equal(whole["e"].spikes, both)


def test_located_spikes_with_delays_run_inside_of_jit(x64):
    """The delay that counts from the crossing is known there, as the one that was said is."""
    net = SYSTEMS["delays"]().with_drive(rb.Drive("e", rb.stimulus.Constant(2 * nA)))

    def course():
        return rb.simulate(net, duration=20 * ms, dt=DT, substep=True, record={"out": ("v",)})

    v = jax.jit(lambda: course()["out"].v)()
    assert np.ptp(v) > 0
    assert_close(course()["out"].v, v, 1e-12)


def test_located_spikes_reach_others_in_second_order(x64):
    """A neuron drives another through a synapse with a delay; the course is that of tiny steps."""

    def course(dt, substep):
        net = rb.Network(
            {"a": rb.Population(rb.LIF(), 1), "b": rb.Population(rb.LI(), 1)},
            [rb.Connection("a", "b", rb.Dense(), rb.Exponential(tau=5 * ms), weight=1 * nA,
                           delay=2 * ms)],
            rb.Drive("a", rb.stimulus.Constant(2 * nA)),
        )  # fmt: skip
        run = rb.simulate(net, duration=60 * ms, dt=dt * ms, substep=substep, record={"b": ("v",)})
        return np.asarray(run["b"].v)[round(1 / dt) - 1 :: round(1 / dt), 0]

    true = course(0.01, True)
    errors = [np.abs(course(dt, True) - true).max() for dt in (0.5, 0.25)]
    assert errors[1] < errors[0] / 2.5
    assert errors[0] < np.abs(course(0.5, False) - true).max() / 5


@pytest.mark.parametrize("every", [1, 4])
def test_checkpoints_keep_what_is_recorded(every, x64):
    record = rb.Record(("v",), every=every)
    plain, lean = (
        rb.simulate(rb.LIF(), current=2 * nA, duration=3 * ms, dt=0.1 * ms, record=record,
                    checkpoint=checkpoint)
        for checkpoint in (False, 7)
    )  # fmt: skip
    assert plain.v.shape == (30 // every,)
    np.testing.assert_array_equal(plain.v, lean.v)
    np.testing.assert_array_equal(plain.t, lean.t)


@pytest.mark.parametrize("method", [None, Surrogate(checkpoint=True), Exact(), EProp()])
def test_a_regulariser_of_a_network_is_refused(method):
    with pytest.raises(ArgumentError, match="`regulariser` needs the spikes of an rb.Sequential"):
        value_and_grad(
            model("points"), data(), method=method, regulariser=rb.losses.spike_bounds(lower=0.5)
        )


def test_plain_runs_take_checkpoints_too(x64):
    """Of a neuron and of a network whose gradient is not that of the compiled loop."""

    def neuron(current, checkpoint):
        run = rb.simulate(
            rb.SurrogateReset(rb.LIF()), current=current * nA, duration=30 * ms, dt=0.1 * ms,
            checkpoint=checkpoint,
        )  # fmt: skip
        return run.spikes.sum()

    def network(weight, checkpoint):
        net = SYSTEMS["adaptive"]().with_drive(rb.Drive("e", rb.stimulus.Constant(2 * nA)))
        net = eqx.tree_at(lambda n: n.projections[2].weight, net, weight)
        run = rb.simulate(
            net, duration=20 * ms, dt=DT, record={"out": ("v",)}, checkpoint=checkpoint
        )
        return run["out"].v.mean()

    weight = SYSTEMS["adaptive"]().projections[2].weight
    for function, x in ((neuron, 2.0), (network, weight)):
        plain, lean = (jax.grad(function)(x, checkpoint) for checkpoint in (False, True))
        assert jnp.all(jnp.isfinite(plain)) and np.abs(plain).max() > 0
        assert_close(plain, lean, 1e-9)
