"""Stacks of layers under `rb.simulate`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError, StepperError, UnknownName
from rheobase.units import ms, nA


def stack(**given):
    return rb.Sequential(
        rb.Linear(8, 20), rb.LIF(), rb.Linear(20, 5), rb.Recurrent(rb.ALIF(), n=5), rb.LI(),
        dt=1 * ms, **given,
    )  # fmt: skip


def inputs(*shape):
    return np.random.default_rng(0).uniform(0, 3, shape).astype(np.float32)


def test_it_is_what_the_model_does():
    model, x = stack(), inputs(60, 3, 8)
    run = rb.simulate(model, duration=60 * ms, inputs=x, record=("v",))
    assert run.keys() == ["1", "3", "4"]
    hidden, recurrent, readout = model.activity(jnp.asarray(x), record=("v",))
    assert hidden.spikes.sum() > 10
    for name, right in zip((1, 3, 4), (hidden, recurrent, readout), strict=True):
        np.testing.assert_array_equal(run[name].v, right.v)
    np.testing.assert_array_equal(run[1].spikes, hidden.spikes)
    assert run.provenance.dt == 1.0


def test_one_sample_has_no_axis_of_samples():
    model, x = stack(), inputs(60, 8)
    run = rb.simulate(model, duration=60 * ms, inputs=x, record={1: ("v",), 4: ("v",)})
    assert run.keys() == ["1", "4"]
    assert run[1].v.shape == (60, 20)
    both = rb.simulate(model, duration=60 * ms, inputs=x[:, None], record=("v",))
    np.testing.assert_array_equal(run[4].v, both[4].v[:, 0])
    record = {1: rb.Record(("v",), indices=(3,), every=10, spikes="count")}
    few = rb.simulate(model, duration=60 * ms, inputs=x, record=record)[1]
    np.testing.assert_array_equal(few.v, run[1].v[9::10, 3:4])
    np.testing.assert_array_equal(few.counts, run[1].spikes.sum(axis=0))


def test_nothing_said_keeps_the_spikes_of_what_fires():
    run = rb.simulate(stack(), duration=60 * ms, inputs=inputs(60, 8))
    assert run[1].counts.sum() > 5
    assert "not kept" in str(run)
    with pytest.raises(ShapeError, match="asks for neuron 20"):
        few = {1: rb.Record(("v",), indices=(20,))}
        rb.simulate(stack(), duration=60 * ms, inputs=inputs(60, 8), record=few)


def test_continued_is_one_run():
    model = rb.Sequential(rb.Linear(8, 20), rb.WhiteNoise(rb.LIF(), 2 * nA * ms**0.5), rb.LI())
    x, key = inputs(60, 2, 8), jax.random.key(3)
    whole = rb.simulate(model, duration=60 * ms, inputs=x, key=key, record=("v",))
    half = rb.simulate(model, duration=25 * ms, inputs=x[:25], key=key, record=("v",))
    rest = rb.simulate(model, duration=35 * ms, inputs=x[25:], state=half.final, record=("v",))
    for layer in (1, 2):
        both = np.concatenate([half[layer].v, rest[layer].v])
        np.testing.assert_allclose(both, whole[layer].v, rtol=1e-5)
    assert rest[1].t[0] == 26.0
    pieces = rb.simulate(model, duration=60 * ms, inputs=x, key=key, record=("v",), progress=True)
    np.testing.assert_allclose(pieces[2].v, whole[2].v, rtol=1e-5)


def test_a_graph_goes_by_its_nodes():
    graph = rb.Graph(
        nodes={"a": rb.LIF(), "b": rb.LIF()},
        edges={("input", "a"): rb.Linear(8, 4), ("a", "b"): rb.Linear(4, 3)},
        output="b",
    )
    run = rb.simulate(rb.Sequential(graph), duration=30 * ms, inputs=inputs(30, 8))
    assert run.keys() == ["0.a", "0.b"]


def test_what_is_wrong_is_refused():
    model, x = stack(), inputs(60, 8)
    with pytest.raises(StepperError, match="was made for steps of 1 ms"):
        rb.simulate(model, duration=60 * ms, dt=0.1 * ms, inputs=x)
    with pytest.raises(ShapeError, match=r"60 rows and the run 50 steps.*duration=60\*ms"):
        rb.simulate(model, duration=50 * ms, inputs=x)
    with pytest.raises(ArgumentError, match="inputs=x"):
        rb.simulate(model, duration=50 * ms)
    with pytest.raises(ArgumentError, match="`current` is not for a stack"):
        rb.simulate(model, duration=60 * ms, inputs=x, current=1 * nA)
    with pytest.raises(UnknownName, match="layer with neurons"):
        rb.simulate(model, duration=60 * ms, inputs=x, record={0: ("v",)})
    with pytest.raises(ArgumentError, match="for a stack of layers"):
        rb.simulate(rb.LIF(), duration=60 * ms, dt=1 * ms, inputs=x)
    with pytest.raises(ArgumentError, match="`dt` is the length of a step"):
        rb.simulate(rb.LIF(), duration=60 * ms)
    other = rb.Sequential(rb.Linear(8, 20), rb.LIF())
    left = rb.simulate(other, duration=60 * ms, inputs=x).final
    with pytest.raises(ArgumentError, match="layer 2 is part of this system"):
        rb.simulate(model, duration=60 * ms, inputs=x, state=left)
