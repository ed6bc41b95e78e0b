"""What holds for every rule, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ParameterError, UnknownName
from rheobase.units import UnitError, ms, mV, nA
from tests.registry import slow_but
from tests.unit.plasticity.helpers import (
    W_MAX,
    learned,
    network,
    pairs_of_spikes,
    random_trains,
    simulate,
)

RULES = {
    "pair": lambda **m: rb.PairSTDP(W_MAX * mV, 0.05, 0.06, **m),
    "nearest": lambda **m: rb.PairSTDP(W_MAX * mV, 0.05, 0.06, pairing="nearest", **m),
    "triplet": lambda **m: rb.TripletSTDP(W_MAX * mV, 0.01, 0.03, 0.05, 0.01, **m),
    "trace": lambda **m: rb.PairSTDP(W_MAX * mV, 0.05, 0.02, target=0.4, **m),
    "vogels": lambda: rb.VogelsSTDP(W_MAX * mV, 0.05),
    "reward": lambda **m: rb.RewardModulated(
        rb.PairSTDP(W_MAX * mV, 0.05, 0.06, **m),
        rb.stimulus.Step(0.1 / ms, start=100 * ms, stop=220 * ms),
        100 * ms,
    ),
}
every_rule = pytest.mark.parametrize("name", RULES)


@pytest.mark.parametrize("delay", slow_but((3,), (None, 3)))
@pytest.mark.parametrize("name", slow_but(("pair", "reward"), RULES))
def test_continuing_is_one_run(name, delay, precision):
    trains = random_trains(1)
    rules = rb.TsodyksMarkram(tau_facil=100 * ms), RULES[name]()
    net = network(trains, rules, 0.4 * W_MAX, delay)
    record = {"post": rb.Record(("v",))}
    whole = simulate(net, trains, record=record)
    one = simulate(net, trains, steps=251, record=record)
    two = simulate(net, trains, steps=349, record=record, state=one.final)
    np.testing.assert_array_equal(
        whole.weights("pre", "post").value, two.weights("pre", "post").value
    )
    joined = np.concatenate([one["post"].v, two["post"].v])
    np.testing.assert_array_equal(joined, whole["post"].v)
    assert not np.array_equal(one.weights("pre", "post").value, two.weights("pre", "post").value)


@every_rule
def test_weights_stay_between_the_bounds(name):
    trains = random_trains(2, steps=1500, rate=0.1)
    found = learned(trains, RULES[name](), W_MAX * np.linspace(0, 1, len(trains.i)))
    limit = np.float32(W_MAX)
    assert found.min() >= 0 and found.max() <= limit
    assert (found == 0).any() or (found == limit).any()


@pytest.mark.parametrize("name", slow_but(("pair", "reward"), RULES))
def test_many_networks_at_once(name):
    trains = random_trains(4, steps=300)

    def weights(start):
        run = simulate(network(trains, RULES[name](), start), trains)
        return run.weights("pre", "post").value

    starts = jnp.asarray([0.1, 0.5, 0.9]) * W_MAX
    together = jax.vmap(weights)(starts)
    np.testing.assert_allclose(together, jnp.stack([weights(s) for s in starts]), rtol=1e-5)


@pytest.mark.parametrize("mu", slow_but((0.5,), (0.0, 0.5, 1.0)))
@pytest.mark.parametrize("name", slow_but(("reward",), ("pair", "triplet", "reward")))
def test_gradient_is_the_finite_difference(name, mu, x64):
    """Of what the voltages and the last weights are, with respect to the first weights."""
    trains = random_trains(9, steps=150, rate=0.05)

    def loss(start):
        net = network(trains, RULES[name](mu=mu), start)
        run = simulate(net, trains, record={"post": ("v",)})
        last = run.weights("pre", "post").value / W_MAX
        return (last**2).sum() + (run["post"].v / W_MAX).sum() * 1e-4

    random = np.random.default_rng(0)
    start = jnp.asarray(W_MAX * random.uniform(0.3, 0.7, len(trains.i)))
    gradient = jax.grad(loss)(start)
    for k in (0, 7, 15):
        step = jnp.zeros(len(start)).at[k].set(1e-5 * W_MAX)
        difference = (loss(start + step) - loss(start - step)) / (2e-5 * W_MAX)
        np.testing.assert_allclose(gradient[k], difference, rtol=1e-5)


def test_a_weight_beyond_a_bound_has_no_derivative_and_on_it_has_one(x64):
    trains = pairs_of_spikes([5.0, 5.0, 5.0], 0.5)

    def last(start):
        net = network(trains, rb.PairSTDP(W_MAX * mV, 0.1, 0.1), start)
        return simulate(net, trains).weights("pre", "post").value.sum()

    gradient = jax.grad(last)(jnp.array([0.0, 0.5, 0.99]) * W_MAX)
    assert gradient.tolist() == [1, 1, 0]


def test_weights_are_in_the_order_of_the_pairs():
    trains = random_trains(1)
    order = np.random.default_rng(0).permutation(len(trains.i))
    shuffled = trains._replace(i=trains.i[order], j=trains.j[order])
    start = W_MAX * np.linspace(0.1, 0.9, len(order))
    run = simulate(network(shuffled, RULES["pair"](), start[order]), shuffled)
    pre, post = run.network.pairs("pre", "post")
    np.testing.assert_array_equal(pre, trains.i)
    np.testing.assert_array_equal(post, trains.j)
    found = run.weights("pre", "post").value_in(mV)
    np.testing.assert_array_equal(found, learned(trains, RULES["pair"](), start))
    with pytest.raises(UnknownName, match="Did you mean 'pre -> post'"):
        run.weights("post", "pre")


def connect(**changes):
    given = {"weight": 0.5 * nA, "delay": None, "plasticity": rb.PairSTDP(1 * nA)} | changes
    connection = rb.Connection(
        "a",
        "b",
        rb.Dense(),
        rb.Exponential(),
        weight=given["weight"],
        delay=given["delay"],
        plasticity=given["plasticity"],
    )
    post = given.get("post", rb.LIF())
    populations = {"a": rb.Population(rb.LIF(), 3), "b": rb.Population(post, 2)}
    return rb.Network(populations, [connection], key=jax.random.key(0))


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"weight": 2 * nA}, ParameterError, "synapse 0 is 2 nA, which is not between"),
        ({"weight": rb.Normal(0.5 * nA, 2 * nA)}, ParameterError, "rb.Uniform"),
        ({"plasticity": rb.PairSTDP(1 * mV)}, UnitError, r"Write w_max=\.\.\.\*nA"),
        ({"plasticity": rb.LIF()}, ArgumentError, "rb.PairSTDP"),
        (
            {"plasticity": (rb.TsodyksMarkram(), rb.TsodyksMarkram())},
            ArgumentError,
            "leave one out",
        ),
        ({"post": rb.LI()}, ArgumentError, "'b' never fires"),
    ],
)
def test_refused_where_it_is_built(changes, error, text):
    with pytest.raises(error, match=text):
        connect(**changes)


def test_bounds_that_are_none_are_refused():
    with pytest.raises(UnitError, match=r"Write for example rb\.PairSTDP\(w_max=0\.5\*nA\)"):
        rb.PairSTDP(1.0)
    with pytest.raises(UnitError, match="both are in the unit of the weights"):
        rb.PairSTDP(1 * nA, w_min=0 * mV)
    with pytest.raises(ParameterError, match="must be finite and differ"):
        rb.TripletSTDP(0 * nA)
    with pytest.raises(ParameterError, match="one bound for all"):
        rb.VogelsSTDP([1, 2] * nA)
    with pytest.raises(ArgumentError, match="`mu` is a number"):
        rb.PairSTDP(1 * nA, mu=-1.0)
