"""A state goes on with the system whose run left it, in the same steps, and with nothing else."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import ArgumentError, ShapeError, StepperError
from rheobase.origin import digest
from rheobase.units import ms, mV, nA, us

N = 8


def network(p=0.5, synapse=None, drive=3.0, **connection):
    return rb.Network(
        {"a": rb.Population(rb.LIF(), N)},
        [
            rb.Connection(
                "a", "a", rb.FixedProbability(p), synapse or rb.Exponential(), weight=0.1 * nA,
                **connection,
            )
        ],
        [rb.Drive("a", rb.stimulus.Constant(drive * nA))],
        key=jax.random.key(0),
    )  # fmt: skip


def go(system, dt=0.1 * ms, **more):
    return rb.simulate(system, duration=1 * ms, dt=dt, **more)


def soma():
    return rb.Cell(rb.morphology.soma()).insert(ch.Leak())


def stick():
    return rb.Cell(rb.morphology.ball_and_stick()).insert(ch.Leak())


STDP, TRIPLET = rb.PairSTDP(w_max=1 * nA), rb.TripletSTDP(w_max=1 * nA)
OTHERS = [
    (lambda: network(plasticity=STDP), lambda: network(0.9, plasticity=STDP), "synapses"),
    (network, lambda: network(synapse=rb.DualExponential()), "DualExponential"),
    (lambda: network(plasticity=STDP), lambda: network(plasticity=TRIPLET), "TripletSTDP"),
    (network, lambda: network(delay=rb.Uniform(5 * ms, 15 * ms)), "a delay for each"),
    (lambda: network(delay=1 * ms), network, "no delay"),
    (rb.LIF, rb.QIF, "QIF"),
    (rb.LIF, lambda: rb.Refractory(rb.LIF(), 2 * ms), "Refractory"),
    (rb.LIF, network, "population 'a'"),
    (network, rb.LIF, "the neuron"),
    (soma, stick, "nodes"),
    (rb.LIF, soma, "the cell"),
    (soma, rb.LIF, "the neuron"),
]


@pytest.mark.parametrize("one, other, named", OTHERS)
def test_the_state_of_another_system_is_refused(one, other, named):
    state = go(one()).final
    with pytest.raises(ArgumentError, match=named):
        go(other(), state=state)
    # Nor is one that has forgotten where it is from, as far as its arrays do not fit.
    forgotten = state._replace(origin=None).at(dt=0.1 * ms)
    if named != "QIF":
        with pytest.raises((ArgumentError, ShapeError), match="`state`"):
            go(other(), state=forgotten)


@pytest.mark.parametrize("make", [rb.LIF, network, soma])
def test_another_time_step_is_refused(make):
    state = go(make()).final
    with pytest.raises(StepperError, match=r"write dt=0.1\*ms"):
        go(make(), dt=0.05 * ms, state=state)
    with pytest.raises(StepperError, match=r"state=state.at\(dt="):
        go(make(), state=state._replace(origin=None))
    with pytest.raises(StepperError, match="Go on from it with dt=0.1"):
        state.at(dt=0.05 * ms)
    assert go(make(), dt=100 * us, state=state).final.origin == state.origin


@pytest.mark.parametrize(
    "make, stepper", [(rb.LIF, rb.Heun()), (network, rb.Heun()), (soma, rb.BackwardEuler())]
)
def test_another_stepper_is_refused(make, stepper):
    with pytest.raises(StepperError, match=r"Write stepper=rb\.\w+\(\)"):
        go(make(), stepper=stepper, state=go(make()).final)


@pytest.mark.parametrize("make", [rb.LIF, network, soma])
def test_what_is_no_state_is_refused_in_few_words(make):
    run = go(make())
    for wrong in (3, run, run.final.neuron):
        with pytest.raises(ArgumentError, match=r"state=run\.final") as refused:
            go(make(), state=wrong)
        assert len(str(refused.value)) < 200
    with pytest.raises(ShapeError, match="leave out `init`|`init`"):
        go(make(), state=run.final, init={"v": -60 * mV})


def test_other_synapses_of_the_same_number_are_refused():
    nets = [
        rb.Network(
            {"a": rb.Population(rb.LIF(), N)},
            [rb.Connection("a", "a", rb.FixedInDegree(3), rb.Delta(), weight=0.1 * mV)],
            key=jax.random.key(seed),
        )
        for seed in (0, 1)
    ]
    with pytest.raises(ShapeError, match="connects other neurons"):
        go(nets[1], state=go(nets[0]).final)
    with pytest.raises(ShapeError, match="connection 0 from 'a' to 'a' connects other neurons"):
        go(nets[1], state=go(nets[0], substep=True).final, substep=True)
    with pytest.raises(ArgumentError, match="`substep=True` is part of `state`, and not of this"):
        go(nets[0], state=go(nets[0], substep=True).final)
    again = go(nets[0], state=go(nets[0]).final)
    assert again["a"].steps == 10


@pytest.mark.parametrize("make", [rb.AdEx, lambda: network(delay=1 * ms), soma])
def test_arrays_that_were_replaced_are_refused(make):
    system, state = make(), go(make()).final
    leaves, structure = jax.tree.flatten(state.neuron)
    for k, leaf in enumerate(leaves):
        for wrong in (np.ones((3, 5), leaf.dtype), np.asarray(leaf).astype(np.int16), 1.0):
            forged = [wrong if i == k else x for i, x in enumerate(leaves)]
            with pytest.raises((ArgumentError, ShapeError), match="`state`"):
                go(system, state=state._replace(neuron=jax.tree.unflatten(structure, forged)))


def test_parameters_weights_and_drives_may_change_between_runs():
    net = network()
    heavy = eqx.tree_at(lambda n: n.projections[0].weight, net, jnp.full(1, 0.2))
    state = go(net).final
    assert go(heavy, state=state)["a"].steps == 10
    assert go(network(drive=1.0), state=state)["a"].steps == 10
    assert go(rb.LIF(tau=5 * ms), state=go(rb.LIF()).final).steps == 10


def test_it_is_checked_under_jit_as_far_as_it_is_known():
    state = go(network()).final
    record = {"a": rb.Record(spikes="count")}
    run = jax.jit(lambda net, state: go(net, state=state, record=record)["a"].counts)
    np.testing.assert_array_equal(
        run(network(), state), go(network(), state=state, record=record)["a"].counts
    )
    with pytest.raises(ArgumentError, match="PairSTDP"):
        run(network(plasticity=STDP), state)


def test_a_digest_is_of_the_content_and_found_once():
    one, other = jnp.arange(5), jnp.arange(5)
    assert digest([one]) == digest([other]) != digest([one + 1])
    assert jax.jit(lambda x: x if digest([x]) is None else 2 * x)(one).tolist() == one.tolist()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("step", "x", "whole number of steps"),
        ("step", None, "whole number of steps"),
        ("step", -5, "whole number of steps, 0 or more, got -5"),
        ("step", 1.5, "whole number of steps"),
        ("origin", 3, "of which run it is the end"),
        ("key", 3, "one random key"),
    ],
)
@pytest.mark.parametrize("system", [rb.LIF(), network(), soma()], ids=["neuron", "network", "cell"])
def test_a_state_that_was_tampered_with_is_refused(system, name, value, said):
    state = go(system).final._replace(**{name: value})
    with pytest.raises(ArgumentError, match=said):
        go(system, state=state)
