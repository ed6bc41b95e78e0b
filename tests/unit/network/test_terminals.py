"""Plastic synapses with a delay each equal one connection for each delay, to the bit."""

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError
from rheobase.units import ms, mV, nA, nS

PRE, POST = np.divmod(np.arange(12), 3)
DELAYS = np.array([0.5, 2, 1, 0.5, 1, 2, 2, 2, 0.5, 1, 1, 0.5])
WEIGHTS = 0.3 + 0.02 * np.arange(12)
TIMES = dict(duration=120 * ms, dt=0.1 * ms)
RULES = {
    "PairSTDP": (rb.PairSTDP(w_max=2 * nA, A_plus=0.1, A_minus=0.12), rb.Exponential(3 * ms)),
    "nearest": (rb.PairSTDP(w_max=2 * nA, pairing="nearest", mu=1.0), rb.Exponential(3 * ms)),
    "TripletSTDP": (rb.TripletSTDP(w_max=2 * nA), rb.Exponential(3 * ms)),
    "TsodyksMarkram": (rb.TsodyksMarkram(), rb.Exponential(3 * ms)),
    "both": ((rb.TsodyksMarkram(), rb.PairSTDP(w_max=2 * nA)), rb.Exponential(3 * ms)),
}


def network(connections, key=None):
    neuron = rb.Refractory(rb.LIF(), 2 * ms)
    drive = rb.Drive("a", rb.stimulus.Constant([2.0, 2.5, 3.0, 3.5] * nA))
    return rb.Network(
        {"a": rb.Population(neuron, 4), "b": rb.Population(neuron, 3)},
        connections,
        [drive, rb.Drive("b", rb.stimulus.Constant(1.45 * nA))],
        key=key,
    )


def between(chosen, rule, synapse, delay):
    return rb.Connection("a", "b", rb.Pairs(PRE[chosen], POST[chosen]), synapse, delay=delay,
                         weight=WEIGHTS[chosen] * nA, plasticity=rule)  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_a_delay_for_each_synapse_is_a_connection_for_each_delay(name):
    rule, synapse = RULES[name]
    whole = network([between(np.arange(12), rule, synapse, DELAYS * ms)])
    split = network([between(DELAYS == d, rule, synapse, d * ms) for d in (0.5, 1, 2)])
    runs = [rb.simulate(net, record={"b": ("v",)}, **TIMES) for net in (whole, split)]
    assert runs[0]["b"].counts.sum() >= 2
    np.testing.assert_allclose(runs[0]["b"].v, runs[1]["b"].v, rtol=1e-5)

    def weights(run, net, which):
        pre, post = net.pairs("a", "b", which)
        value = np.asarray(run.weights("a", "b", which).value)
        return dict(zip(zip(pre.tolist(), post.tolist(), strict=True), value, strict=True))

    found = weights(runs[0], whole, 0)
    right = {k: w for which in range(3) for k, w in weights(runs[1], split, which).items()}
    assert found.keys() == right.keys()
    np.testing.assert_allclose([found[k] for k in right], list(right.values()), 1e-4, 1e-6)
    if name != "TsodyksMarkram":
        assert np.ptp(np.array(list(found.values())) - WEIGHTS.mean()) > 0


def test_receptors_with_a_state_take_a_delay_for_each_synapse():
    receptor = rb.AMPA()
    whole = rb.Connection("a", "b", rb.Pairs(PRE, POST), receptor, delay=DELAYS * ms,
                          weight=20 * nS)  # fmt: skip
    split = [
        rb.Connection("a", "b", rb.Pairs(PRE[DELAYS == d], POST[DELAYS == d]), receptor,
                      delay=d * ms, weight=20 * nS)
        for d in (0.5, 1, 2)
    ]  # fmt: skip
    one, two = (
        rb.simulate(network(c), record={"b": ("v",)}, **TIMES)["b"].v for c in ([whole], split)
    )
    np.testing.assert_allclose(one, two, rtol=1e-5)


def test_a_run_goes_on_from_its_end_to_the_bit():
    net = network([between(np.arange(12), RULES["PairSTDP"][0], rb.Exponential(), DELAYS * ms)])
    whole = rb.simulate(net, record={"b": ("v",)}, **TIMES)
    half = dict(duration=60 * ms, dt=0.1 * ms, record={"b": ("v",)})
    first = rb.simulate(net, **half)
    second = rb.simulate(net, state=first.final, **half)
    np.testing.assert_array_equal(whole["b"].v[600:], second["b"].v)
    np.testing.assert_array_equal(whole.weights("a", "b").value, second.weights("a", "b").value)


def test_drawn_delays_stand_in_their_order_and_are_differentiable():
    drawn = rb.Connection("a", "b", rb.Dense(), rb.Exponential(3 * ms), weight=0.3 * nA,
                          delay=rb.Uniform(0.5 * ms, 3 * ms),
                          plasticity=rb.PairSTDP(w_max=2 * nA))  # fmt: skip
    net = network([drawn], key=jax.random.key(3))
    pre, _ = net.pairs("a", "b")
    delay = np.asarray(net.projections[0].delay)
    for neuron in range(4):
        own = delay[np.asarray(pre) == neuron]
        assert len(own) == 3 and np.all(np.diff(own) >= 0)

    def end(v):
        run = rb.simulate(net, duration=20 * ms, dt=0.1 * ms, init={"b": {"v": v * mV}},
                          record={"b": ("v",)})  # fmt: skip
        return run["b"].v[:50].mean()

    slope = jax.grad(end)(-64.0)
    assert slope == pytest.approx((end(-63.9) - end(-64.1)) / 0.2, rel=1e-2)


def test_delays_that_are_not_known_yet_are_refused():
    net = network([between(np.arange(12), RULES["PairSTDP"][0], rb.Exponential(), DELAYS * ms)])
    with pytest.raises(ArgumentError, match="close over the network"):
        jax.jit(lambda net: rb.simulate(net, **TIMES)["b"].counts)(net)
