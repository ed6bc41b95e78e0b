"""The derivative of the compiled loop of a network is that of the general one."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.kernels import library
from rheobase.network import adjoint
from rheobase.units import Hz, MOhm, ms, mV, nA

LIF = {"tau": 20 * ms, "R": 100 * MOhm, "v_rest": -40 * mV, "v_th": -50 * mV, "v_reset": -60 * mV}
NEURONS = {
    "LIF": lambda: rb.LIF(**LIF, spike=rb.surrogate.Triangle()),
    "refractory": lambda: rb.Refractory(rb.LIF(**LIF), 2 * ms),
    "all held": lambda: rb.Refractory(rb.ALIF(v_rest=-40 * mV), 1 * ms, hold="all"),
    "soft reset": lambda: rb.SoftReset(rb.LIF(**LIF)),
    "adapting": lambda: rb.ThresholdAdaptation(rb.LIF(**LIF), 50 * ms, 1 * mV),
}
SYNAPSES = {
    "delta": lambda: (rb.Delta(), 0.4 * mV),
    "current": lambda: (rb.Exponential(tau=5 * ms), 0.02 * nA),
    "dual": lambda: (rb.DualExponential(tau_rise=1 * ms, tau_decay=6 * ms), 0.03 * nA),
}
DELAYS = {"none": None, "one": 0.7 * ms, "each its own": rb.Uniform(0.2 * ms, 1.5 * ms)}
CASES = [
    {"neuron": "refractory", "delay": "one"},
    {"neuron": "adapting", "synapse": "delta", "delay": "each its own"},
    *(pytest.param({"neuron": name}, marks=pytest.mark.slow) for name in NEURONS),
    pytest.param({"synapse": "dual", "delay": "none"}, marks=pytest.mark.slow),
]


@pytest.fixture(autouse=True)
def compiled():
    if not library.available():
        pytest.skip("no compiled kernels")


def network(neuron="refractory", synapse="current", delay="none"):
    kind, weight = SYNAPSES[synapse]()
    some, late = rb.FixedProbability(0.3), DELAYS[delay]
    return rb.Network(
        {"a": rb.Population(NEURONS[neuron](), 20), "b": rb.Population(rb.LIF(**LIF), 10)},
        [
            rb.Connection("a", ("a", "b"), some, kind, weight=weight, delay=late),
            rb.Connection("b", ("a", "b"), some, rb.Exponential(), weight=-0.02 * nA),
        ],
        [rb.Drive("b", rb.stimulus.Poisson(200 * Hz, 1 * mV))],
        key=jax.random.key(3),
    )


def weights_of(net):
    return tuple(p.weight for p in net.projections)


def each(net):
    """A weight for each synapse from `a`, shared ones from `b`."""
    return tuple(
        jnp.broadcast_to(p.weight, (p.synapses,)) if p.pre == "a" else p.weight
        for p in net.projections
    )


def loss(net, weights, v, steps=(90,)):
    """A number that depends on every spike, in one run or in several that go on."""
    net = eqx.tree_at(weights_of, net, weights)
    record = {"a": rb.Record(spikes="raster"), "b": rb.Record(spikes="count")}
    more = {"init": {"a": {"v": v * mV}}, "key": jax.random.key(5)}
    total = 0.0
    for number, count in enumerate(steps):
        run = rb.simulate(net, duration=count * 0.1 * ms, dt=0.1 * ms, record=record, **more)
        more = {"state": run.final}
        ramp = jnp.outer(jnp.sin(jnp.arange(count * 1.0) + 90 * number), jnp.arange(1.0, 21))
        total = total + (ramp * run["a"].spikes).sum() + (run["b"].counts ** 2).sum()
    last = run.final.neuron.systems["a"].neuron
    return total + sum(jnp.cos(x).sum() for x in jax.tree.leaves(last) if x.dtype == total.dtype)


def gradient(net, **more):
    start = jnp.asarray(-60 + np.linspace(0, 9, 20))
    both = jax.jit(jax.value_and_grad(lambda w, v: loss(net, w, v, **more), (0, 1)))
    return both(each(net), start)


def general(monkeypatch, net, **more):
    with monkeypatch.context() as patch:
        patch.setattr(adjoint, "takes", lambda *_: False)
        return gradient(net, **more)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case.values()))
def test_it_is_that_of_the_general_loop(case, x64, monkeypatch):
    net = network(**case)
    one, two = gradient(net), general(monkeypatch, net)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-8, atol=1e-9), one, two)
    assert all(np.any(x != 0) for x in jax.tree.leaves(one))


@pytest.mark.slow
@pytest.mark.parametrize("delay", ["one", "each its own"])
def test_it_goes_through_a_run_that_goes_on(delay, x64, monkeypatch):
    net = network(delay=delay)
    whole, parts = general(monkeypatch, net, steps=(40, 50)), gradient(net, steps=(40, 50))
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-8, atol=1e-9), whole, parts)


def test_it_stays_finite_in_a_chaotic_network():
    classic = rb.classics.cuba(jax.random.key(0), n=400)
    net, record = classic.network, {"e": rb.Record(spikes="count")}

    @jax.grad
    def steepness(weights):
        run = rb.simulate(
            eqx.tree_at(weights_of, net, weights),
            duration=100 * ms, dt=0.1 * ms, init=classic.init, record=record,
        )  # fmt: skip
        return run["e"].counts.sum()

    gradients = steepness(weights_of(net))
    assert all(np.all(np.isfinite(x)) for x in gradients)
    assert max(np.abs(x).max() for x in map(np.asarray, gradients)) > 1e10


@pytest.mark.slow
def test_many_networks_at_once(monkeypatch):
    net = network()
    weights, start = each(net), jnp.asarray(-60 + np.linspace(0, 9, 20, dtype=np.float32))
    scaled = jax.tree.map(lambda w: jnp.stack([w, 0.5 * w]), weights)
    batch = jax.vmap(jax.grad(lambda w: loss(net, w, start)))(scaled)
    for i, factor in enumerate((1.0, 0.5)):
        alone = jax.grad(lambda w: loss(net, w, start))(jax.tree.map(lambda w: factor * w, weights))  # noqa: B023
        for x, y in zip(batch, alone, strict=True):
            np.testing.assert_allclose(x[i], y, rtol=1e-4, atol=1e-5)
