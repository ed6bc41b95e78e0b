"""The clock: counts beyond 32 bits, and times that are exact where float32 has no digits left."""

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.fixed import product, step_at
from rheobase.time import Clock, fold_in
from rheobase.units import Hz, ms, mV, nA, nS

COUNTS = [0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**40 + 2**32 - 1]
EDGES = [2**31, 2**32, 2**40]


@pytest.mark.parametrize("count", COUNTS)
def test_a_clock_counts(count):
    clock = Clock.of(count)
    assert int(clock) == count and int(Clock.of(clock)) == count
    assert int(clock.after(5)) == int(clock.after(jnp.asarray(5))) == count + 5
    ahead = clock.ahead(3)
    assert [int(Clock(*(x[i] for x in ahead))) for i in range(3)] == [count, count + 1, count + 2]
    assert int(Clock.of(count + 7).since(clock)) == 7 == -int(clock.since(Clock.of(count + 7)))
    for divisor in (1, 7, 1000, 2**16, 2**30 - 1):
        quotient, left = clock.divided(divisor, divisor)
        assert (int(quotient), int(left)) == divmod(count, divisor)


def test_what_is_too_far_is_as_far_as_it_can_be():
    far = Clock.of(2**40)
    assert int(far.since(Clock.of(0))) == 2**31 - 1
    assert int(Clock.of(0).since(far)) == -(2**31)
    assert float(far.difference(Clock.of(0), jnp.float32)) == 2.0**40


def test_keys_of_steps_below_two_words_are_those_of_their_numbers():
    key = jax.random.key(3)
    same = lambda a, b: np.array_equal(*map(jax.random.key_data, (a, b)))  # noqa: E731
    for count in (0, 7, 2**31 - 1):
        assert same(fold_in(key, Clock.of(count)), jax.random.fold_in(key, count))
    keys = {tuple(jax.random.key_data(fold_in(key, Clock.of(c))).tolist()) for c in COUNTS}
    assert len(keys) == len(COUNTS)


def test_products_are_exact(seed=0):
    x = (10.0 ** np.random.default_rng(seed).uniform(-9, 12, 200)).astype(np.float32)
    for factor in (Fraction(0.1), 1 / Fraction(0.025), Fraction(7e-5) / 2):
        found = jax.jit(lambda x, f=factor: product(x, f))(x)
        words = np.stack([*found.whole, found.high, found.low]).astype(object)
        made = ((words[0] * 2**32 + words[1]) * 2**32 + words[2]) * 2**32 + words[3]
        for one, value in zip(made, x, strict=True):
            exact = Fraction(float(value)) * factor
            assert abs(Fraction(int(one), 2**64) - exact) <= 2.0**-62 + float(exact) * 2.0**-80


def test_steps_of_times_are_rounded_as_ever():
    for time, dt in [(5.0, 0.1), (1.05, 0.1), (0.25, 0.1), (3.3e10, 0.1)]:
        exact = math.floor(time / dt + 0.5001)
        got = int(step_at(jnp.asarray(time, jnp.float32), dt))
        # float32 holds 3.3e10 to 2048 only, which is taken as it is.
        stored = math.floor(Fraction(float(np.float32(time))) / Fraction(dt) + 0.5001)
        assert got == stored and (time > 1e9 or got == exact)
    assert int(step_at(jnp.asarray(1e30, jnp.float32), 0.1)) > 2**61


def neuron(key):
    step = rb.stimulus.Step(2 * nA, start=1 * ms)
    kicks = rb.stimulus.Poisson(100 * Hz, 1 * mV)
    return lambda **k: rb.simulate(rb.LIF(), current=step, delta=kicks, n=3, dt=0.1 * ms, **k)


def network(key, more=()):
    population = rb.Population(rb.LIF(), 6)
    connection = rb.Connection("a", "a", rb.FixedProbability(0.5), rb.Exponential(5 * ms),
                               weight=0.1 * nA, delay=1.5 * ms)  # fmt: skip
    drives = [rb.Drive("a", rb.stimulus.Step(2 * nA, start=1 * ms)),
              rb.Drive("a", rb.stimulus.Poisson(100 * Hz, 1 * mV))]  # fmt: skip
    net = rb.Network({"a": population}, [connection, *more], drives, key=key)
    return lambda **k: rb.simulate(net, dt=0.1 * ms, **k)["a"]


def general(key):
    junction = rb.Connection("a", "a", rb.FixedProbability(0.5), rb.GapJunction(), weight=1 * nS)
    return network(key, [junction])


@pytest.mark.parametrize("system", [neuron, network, general])
@pytest.mark.parametrize("edge", EDGES)
def test_runs_cross_the_edges_of_the_counter(system, edge):
    """No hang, no end of a step without one, the time right, and continued is one run."""
    key = jax.random.key(0)
    run = system(key)
    start = run(duration=2 * ms, key=key).final._replace(step=edge - 100)
    whole = run(duration=20 * ms, state=start)
    first = run(duration=7 * ms, state=start)
    rest = run(duration=13 * ms, state=first.final)
    assert int(whole.final.step) == int(rest.final.step) == edge + 100
    np.testing.assert_array_equal(np.concatenate([first.spikes, rest.spikes]), whole.spikes)
    assert np.all(np.asarray(whole.counts) >= 1)
    assert whole.t[0] == (edge - 99) * 0.1 and whole.t.dtype == np.float64
    assert rest.t[-1] == whole.t[-1] == (edge + 100) * 0.1
