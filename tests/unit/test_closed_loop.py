"""One compiled step a call is the run of `simulate`."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import ArgumentError, ParameterError, ShapeError, StepperError, UnknownName
from rheobase.units import Hz, UnitError, ms, mV, nA, um, uS

STEPS = 40
RANDOM = np.random.default_rng(0)


def soma():
    return rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.Leak())


def stepped(step, rows, key=None):
    """The recordings of many steps."""
    state, outs = None, []
    for row in rows:
        state, out = step(state, row, key)
        outs.append(out)
    return state, outs


def test_a_population_of_neurons():
    x = RANDOM.uniform(0, 3, (STEPS, 5)).astype(np.float32)
    step = rb.compiled(rb.AdEx(), dt=0.5 * ms, n=5, record=("v", "w"))
    state, outs = stepped(step, x)
    current = rb.stimulus.FromArray(x * nA)
    given = {"duration": STEPS * 0.5 * ms, "dt": 0.5 * ms, "record": ("v", "w")}
    run = rb.simulate(rb.AdEx(), current=current, **given)
    assert run.counts.sum() > 2
    np.testing.assert_array_equal(np.concatenate([out.v for out in outs]), run.v)
    np.testing.assert_array_equal(np.concatenate([out.spikes for out in outs]), run.spikes)
    assert outs[-1].t[0] == run.t[-1]
    more = rb.simulate(rb.AdEx(), duration=5 * ms, dt=0.5 * ms, state=state)
    assert int(more.start) == STEPS


def network():
    return rb.Network(
        {
            "in": rb.SpikeSource([] * ms, [], n=3),
            "e": rb.Population(rb.LIF(), 6),
            "i": rb.Population(rb.LIF(), 2),
        },
        [
            rb.Connection("in", "e", rb.Dense(), rb.Exponential(tau=5 * ms), weight=2 * nA),
            rb.Connection("e", "i", rb.Dense(), rb.Exponential(tau=5 * ms), weight=1 * nA,
                          delay=2 * ms, plasticity=rb.PairSTDP(w_max=2 * nA)),
            rb.Connection("i", "e", rb.Dense(), rb.Exponential(tau=5 * ms), weight=-1 * nA),
        ],
        [rb.Drive("e", rb.stimulus.Poisson(500 * Hz, 2 * mV))],
    )  # fmt: skip


def test_a_network_with_spikes_and_currents_from_outside():
    spikes = (RANDOM.random((STEPS, 3)) < 0.2).astype(np.float32)
    current = RANDOM.uniform(0, 2, (STEPS, 2)).astype(np.float32)
    record = {"e": rb.Record(("v",), spikes="raster"), "i": rb.Record(spikes="raster")}
    key = jax.random.key(1)
    step = rb.compiled(network(), dt=1 * ms, record=record)
    rows = [{"in": a, "i": b} for a, b in zip(spikes, current, strict=True)]
    _, outs = stepped(step, rows, key)
    time, who = np.nonzero(spikes)
    net = network().with_source("in", rb.SpikeSource((time + 1) * ms, who, n=3))
    net = net.with_drive(rb.Drive("i", rb.stimulus.FromArray(current * nA)))
    given = {"duration": STEPS * ms, "dt": 1 * ms, "record": record, "key": key}
    run = rb.simulate(net, **given)
    assert run["i"].counts.sum() > 2
    np.testing.assert_allclose(np.concatenate([out["e"].v for out in outs]), run["e"].v, 1e-6)
    for name in record:
        raster = np.concatenate([out[name].spikes for out in outs])
        np.testing.assert_array_equal(raster, run[name].spikes)


def test_a_cell_and_a_stack():
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.HH())
    soma = cell.at("soma")
    step = rb.compiled(cell, dt=0.025 * ms, record={"v": soma})
    x = RANDOM.uniform(0, 1, STEPS).astype(np.float32)
    _, outs = stepped(step, [{soma: row} for row in x])
    stimulus = rb.stimulus.FromArray(x * nA)
    given = {"duration": STEPS * 0.025 * ms, "dt": 0.025 * ms, "record": {"v": soma}}
    run = rb.simulate(cell, current={soma: stimulus}, **given)
    np.testing.assert_allclose(np.concatenate([out.v for out in outs]), run.v, rtol=1e-5, atol=1e-3)

    model = rb.Sequential(rb.Linear(4, 8), rb.LIF(), rb.Linear(8, 2), rb.LI())
    x = RANDOM.uniform(0, 3, (STEPS, 4)).astype(np.float32)
    _, outs = stepped(rb.compiled(model, record=("v",)), x)
    run = rb.simulate(model, duration=STEPS * ms, inputs=x, record=("v",))
    np.testing.assert_allclose(np.concatenate([out[3].v for out in outs]), run[3].v, rtol=1e-5)


def test_it_stands_in_a_loop_of_jax_and_is_differentiated():
    step = rb.compiled(rb.LI(), dt=0.5 * ms, record=("v",))
    begin, _ = step(None, 0.0)

    @jax.jit
    def error(gain):
        def body(state, _):
            v = step(state, 0.0)[1].v[0]
            state, out = step(state, gain * (10.0 - v))
            return state, out.v[0]

        return jax.lax.scan(body, begin, None, 100)[1][-1] - 10.0

    assert error(0.0) == -10.0
    assert -6 < error(1.0) < -4  # it lasts half of the time
    assert jnp.isfinite(jax.grad(error)(1.0))


def test_what_is_wrong_is_refused():
    with pytest.raises(ArgumentError, match=r"rb.compiled\(rb.LIF\(\), dt=0.1\*ms\)"):
        rb.compiled(3, dt=1 * ms)
    with pytest.raises(ArgumentError, match="the length of a step"):
        rb.compiled(rb.LIF())
    step = rb.compiled(network(), dt=1 * ms)
    with pytest.raises(UnknownName, match="in `inputs`"):
        step(None, {"x": 1.0})
    with pytest.raises(ArgumentError, match="go by population"):
        step(None, 1.0)
    for wrong in (np.ones(2), np.ones((2, 3))):
        with pytest.raises(ShapeError, match="`inputs` of 'in'"):
            step(None, {"in": wrong})
    assert step(None, {"in": 1.0}, jax.random.key(0))[1]["in"].counts.sum() == 3
    with pytest.raises(UnitError, match="`inputs` is dimensionless"):
        step(None, {"in": 1 * nA})
    with pytest.raises(ParameterError, match="`inputs` must be finite, got nan at index 1"):
        step(None, {"e": [1, np.nan, 2, 3, 4, 5]})
    for wrong in ("x", None, {"v": 1}):
        with pytest.raises(ArgumentError, match="`inputs` are numbers or quantities"):
            step(None, {"e": wrong})
    with pytest.raises(ArgumentError, match="`state` is the end of a run"):
        step(3)
    with pytest.raises(ArgumentError, match="sizes of their own"):
        rb.compiled(network(), dt=1 * ms, n=3)
    with pytest.raises(ArgumentError, match="one step for all populations"):
        rb.compiled(network(), dt={"e": 1 * ms})
    with pytest.raises(ShapeError, match="`dt` is one time"):
        rb.compiled(network(), dt=[1, 2] * ms)


@pytest.mark.parametrize("system", [rb.LIF(), soma()], ids=["neurons", "cells"])
def test_a_state_of_another_size_is_refused(system):
    three, five = (rb.compiled(system, dt=0.1 * ms, n=n) for n in (3, 5))
    state, _ = three(None)
    three(state)
    with pytest.raises(ShapeError, match="n = 5|shape \\(3,\\)"):
        five(state)


def refractory():
    return rb.Refractory(rb.LIF(), 0.2 * ms)


def alone(neuron):
    return rb.Network({"e": rb.Population(neuron, 1)})


def driven_by(stimulus, synapse=None):
    return rb.Network({"e": rb.Population(rb.LIF(), 1)}, drives=rb.Drive("e", stimulus, synapse))


def inhibited():
    excite = rb.Conductance(rb.Exponential(tau=5 * ms), 0 * mV)
    own = rb.Connection("e", "e", rb.Dense(), excite, weight=1e-3 * uS)
    net = rb.Network({"e": rb.Population(rb.LIF(), 2)}, own)
    return eqx.tree_at(lambda n: n.projections[0].weight, net, jnp.array([-1e-3]))


@pytest.mark.parametrize(
    ("system", "stepper"),
    [
        (refractory(), None),
        (alone(refractory()), None),
        (rb.LIF(tau=1 * ms), rb.Euler()),
        (alone(rb.LIF(tau=1 * ms)), rb.Euler()),
        (driven_by(rb.stimulus.Sine(1 * nA, frequency=900 * Hz)), None),
        (inhibited(), None),
        (soma(), rb.Heun()),
    ],
    ids=["period", "period in a network", "unstable", "unstable in a network", "fast sine",
         "negative conductance", "explicit cell"],
)  # fmt: skip
def test_what_simulate_refuses_by_its_values_is_refused(system, stepper):
    """A call is traced, so that values can be looked at when the step is made alone."""
    taken = {"dt": 5 * ms, "stepper": stepper}
    with pytest.raises((StepperError, ParameterError)) as one:
        rb.simulate(system, duration=5 * ms, **taken)
    with pytest.raises(one.type) as other:
        rb.compiled(system, **taken)
    assert str(one.value) == str(other.value)
