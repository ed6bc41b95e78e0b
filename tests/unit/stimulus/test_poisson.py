"""Poisson numbers: the distribution of the sampler, counts, and the compiled loop."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import poisson

import rheobase as rb
from rheobase.network import simulate as network_simulate
from rheobase.stimulus import Constant, Grid, OrnsteinUhlenbeck, Poisson, Sine, Step
from rheobase.stimulus.poisson import _ROWS, EXTREME, _table, table
from rheobase.time import Clock
from rheobase.units import Hz, UnitError, ms, mV

KEY = jax.random.key(0)
MEANS = [1e-12, 1e-9, 1e-7, 1e-6, 1e-4, 1e-2, 0.3, 1.0, 5.0, 20.0, 100.0, 200.0]


def chances(coarse, fine):
    """P(more than k spikes) as they are drawn: by words of 64 bits where they are small."""
    exact = (fine[0].astype(object) * 2**32 + fine[1].astype(object)) / 2**64
    rounded = np.zeros(len(exact))
    rounded[: len(coarse)] = np.asarray(coarse) / 2**32
    return np.where(rounded > EXTREME / 2**32, rounded, exact.astype(float))


@pytest.mark.parametrize("mean", MEANS)
def test_the_distribution_is_right_to_a_tenth_of_a_per_cent(mean):
    drawn = chances(*table(np.asarray(mean)))
    right = poisson.sf(np.arange(len(drawn)), mean)
    some = right > 1e-16
    np.testing.assert_allclose(drawn[some], right[some], rtol=1e-3)
    assert drawn.sum() == pytest.approx(mean, rel=2e-4)
    if mean <= 10:  # the same inside a trace, in float32
        drawn = chances(*map(np.asarray, _table(jnp.asarray(mean, jnp.float32))))
        right = poisson.sf(np.arange(_ROWS), mean)
        some = right > 1e-16
        np.testing.assert_allclose(drawn[some], right[some], rtol=1e-3)


def counts(stimulus, steps=500, n=400):
    grid = Grid(Clock.of(0).ahead(steps), 0.1, (n,), jnp.float32)
    return np.asarray(stimulus.values(grid, stimulus.start((n,), jnp.float32), KEY)[0])


@pytest.mark.parametrize("mean", [1e-3, 0.3, 5.0, 150.0, 1000.0])
def test_counts_have_their_mean_and_variance(mean):
    found = counts(Poisson(mean / 0.1 / ms, 1 * mV))
    assert abs(found.mean() - mean) < 4 * np.sqrt(mean / found.size)
    assert found.var() == pytest.approx(mean, rel=5 * np.sqrt((2 + 1 / mean) / found.size))


def test_a_replaced_rate_is_that_rate():
    """Nothing static depends on it: 5 a step of each of 100 sources, where there was one in 1 s."""
    slow = Poisson(1 * Hz, 1 * mV, sources=100)
    fast = eqx.tree_at(lambda p: p.rate, slow, jnp.asarray(50.0))
    assert counts(fast).mean() == pytest.approx(500, rel=0.01)


def test_a_rate_that_changes_in_time():
    constant = counts(Poisson(100 * Hz, 2 * mV))
    np.testing.assert_array_equal(counts(Poisson(Constant(100 * Hz), 2 * mV)), constant)
    gated = counts(Poisson(Step(100 * Hz, start=20 * ms), 2 * mV))
    np.testing.assert_array_equal(gated, np.where(np.arange(500)[:, None] >= 200, constant, 0))
    wave = counts(Poisson(2000 * Hz + Sine(2000 * Hz, frequency=50 * Hz), 1 * mV))
    right = 0.2 + 0.2 * np.sin(2 * np.pi * 0.005 * (np.arange(500) + 0.5))
    folded = wave.mean(axis=1)[:400].reshape(2, 200).mean(axis=0)
    assert np.abs(folded - right[:200]).max() < 6 * np.sqrt(0.4 / 800)
    below = counts(Poisson(Sine(2000 * Hz, frequency=50 * Hz), 1 * mV))
    assert below[100:200].sum() == 0 < below[:100].sum()
    noisy = counts(Poisson(OrnsteinUhlenbeck(1000 * Hz, 100 * Hz, 5 * ms), 1 * mV))
    assert noisy.mean() == pytest.approx(0.1, rel=0.05)
    with pytest.raises(UnitError, match="measured in Hz, got a stimulus in mV"):
        Poisson(Step(1 * mV), 1 * mV)


def driven(stimulus):
    neuron = rb.LIF(v_th=1e6 * mV, tau=1 * ms)
    return rb.Network({"a": rb.Population(neuron, 300)}, drives=[rb.Drive("a", stimulus)])


@pytest.mark.parametrize("edge", [0, 2**32 - 50, 2**40])
@pytest.mark.parametrize("mean", [1e-3, 0.3, 60.0])
def test_the_compiled_loop_draws_the_same(mean, edge, monkeypatch):
    net = driven(Poisson(mean / 0.1 / ms, 1 * mV))
    start = rb.simulate(net, duration=0.1 * ms, dt=0.1 * ms, key=KEY).final._replace(step=edge)
    go = lambda: np.asarray(  # noqa: E731
        rb.simulate(net, duration=10 * ms, dt=0.1 * ms, state=start, record={"a": "v"})["a"].v
    )
    compiled = go()
    monkeypatch.setattr(network_simulate.fused, "takes", lambda *_: False)
    np.testing.assert_allclose(compiled, go(), rtol=1e-5, atol=1e-4)
    assert np.ptp(compiled) > 0


def test_a_changing_rate_in_a_network_is_that_of_a_neuron():
    wave = Poisson(500 * Hz + Sine(500 * Hz, frequency=50 * Hz), 1 * mV)

    def run(stimulus):
        given = {"duration": 40 * ms, "dt": 0.1 * ms, "key": KEY}
        return rb.simulate(driven(stimulus), record={"a": "v"}, **given)["a"].v

    v = np.asarray(run(wave))
    # Kicks of 1 mV at 0.5 per ms on average, and a membrane of 1 ms.
    assert (v.mean() + 65) == pytest.approx(0.5, rel=0.15)
    np.testing.assert_array_equal(run(Poisson(Constant(100 * Hz), 1 * mV)),
                                  run(Poisson(100 * Hz, 1 * mV)))  # fmt: skip


@pytest.mark.slow
def test_rare_spikes_come():
    """0.01 Hz at 5 us: a mean of 5e-8 a step, of which float32 uniform numbers know nothing."""
    net = rb.Network(
        {"a": rb.Population(rb.LIF(), 20000)}, drives=[rb.Drive("a", Poisson(0.01 * Hz, 1000 * mV))]
    )
    run = rb.simulate(net, duration=100 * ms, dt=0.005 * ms, key=jax.random.key(1),
                      record={"a": rb.Record(spikes="count")})  # fmt: skip
    assert 5 <= run["a"].counts.sum() <= 38
