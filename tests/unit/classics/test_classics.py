"""The classical networks: sizes and synapses as published, rates as published."""

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.classics.microcircuit import NAMES, SIZES
from rheobase.errors import ArgumentError
from rheobase.units import ms, s
from tests.registry import slow_but


@pytest.mark.parametrize("name", slow_but(("cuba", "coba"), rb.classics.CLASSICS))
def test_each_is_built_from_a_key_and_runs_small(name):
    classic = rb.classics.CLASSICS[name](jax.random.key(0), n=400)
    populations = classic.network.populations
    assert abs(sum(p.n for p in populations.values()) - 400) <= 4
    assert set(classic.rates) <= set(populations) and set(classic.init) <= set(populations)
    run = classic.run(jax.random.key(1), duration=20 * ms)
    assert all(run[p].counts.shape == (population.n,) for p, population in populations.items())


@pytest.mark.parametrize("name", ["cuba", "coba", "cobahh"])
def test_initial_voltages_and_wiring_are_drawn_apart(name):
    classic = rb.classics.CLASSICS[name](jax.random.key(0), n=400)
    e, i = (np.asarray(classic.init[p]["v"].value) for p in "ei")
    assert not np.isin(i, e).any()
    again = rb.classics.CLASSICS[name](jax.random.key(0), n=400)
    np.testing.assert_array_equal(e, again.init["e"]["v"].value)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cuba", "coba", "cobahh", "brunel"])
def test_the_published_rates(name):
    # Published is one network. From network to network the rate of COBA and COBAHH differs by a
    # tenth, and it falls for some hundred milliseconds: two networks, without the first 0.1 s.
    rates = []
    for seed in (0, 2):
        classic = rb.classics.CLASSICS[name](jax.random.key(seed))
        run = classic.run(jax.random.key(seed + 1), duration=1 * s)
        times = np.concatenate([run[p].events[0] for p in "ei"])
        neurons = sum(p.n for p in classic.network.populations.values())
        rates.append((times > 100).sum() / neurons / 0.9)
    assert np.mean(rates) == pytest.approx(classic.rates["e"], rel=0.12)


def test_the_regimes_of_brunel_have_their_rates():
    rates = rb.classics.brunel(jax.random.key(0), n=100, g=6, eta=4).rates
    assert rates == {}  # published for 12,500 neurons


def test_the_microcircuit_at_a_scale():
    full, scale = np.array(SIZES), 0.02
    network = rb.classics.microcircuit(jax.random.key(0), scale=scale).network
    sizes = np.array([network.populations[name].n for name in NAMES])
    np.testing.assert_array_equal(sizes, np.round(full * scale))
    # 0.3e9 synapses at full scale.
    synapses = sum(p.synapses for p in network.projections)
    assert synapses / scale**2 == pytest.approx(0.2989e9, rel=0.002)
    by_ends = {(p.pre, p.post): p for p in network.projections}
    # 87.8 pA, twice as strong from L4e to L2/3e, inhibition four times; 10 % spread; in nA.
    for pre, post, expected in (
        ("L4e", "L4e", 0.0878),
        ("L4e", "L23e", 0.1756),
        ("L4i", "L4e", -0.3512),
    ):
        weight = np.asarray(by_ends[pre, post].weight) * np.sqrt(scale)
        assert weight.mean() == pytest.approx(expected, rel=0.02)
        assert weight.std() == pytest.approx(0.1 * abs(expected), rel=0.1)
        assert (np.sign(weight) == np.sign(expected)).all()
    late = np.asarray(by_ends["L4e", "L4e"].delay)
    assert late.min() >= 0.1 and late.mean() == pytest.approx(1.54, rel=0.03)  # truncated
    assert np.asarray(by_ends["L4i", "L4e"].delay).mean() == pytest.approx(0.77, rel=0.05)


def test_scaling_keeps_mean_and_variance_of_the_input():
    """In the diffusion approximation, at the published rates, from the built network itself."""
    moments = []
    for scale in (0.02, 0.04):
        classic = rb.classics.microcircuit(jax.random.key(0), scale=scale)
        network, post = classic.network, "L4e"
        mean = variance = 0.0
        for p in network.projections:
            if p.post == post:
                weight, n = np.asarray(p.weight, float), network.populations[post].n
                mean += weight.sum() / n * classic.rates[p.pre]
                variance += (weight**2).sum() / n * classic.rates[p.pre]
        for drive in network.drives:
            if drive.population == post and isinstance(drive.stimulus, rb.stimulus.Poisson):
                one, sources = float(drive.stimulus.amplitude.value), drive.stimulus.sources
                mean += one * 8 * sources
                variance += one**2 * 8 * sources
            elif drive.population == post:
                mean += float(drive.stimulus.amplitude.value) / 0.5e-3  # over tau_syn in s
        moments.append((mean, variance))
    np.testing.assert_allclose(moments[0], moments[1], rtol=0.02)


@pytest.mark.parametrize("scale", [0, 1.5, -1])
def test_no_scale_beyond_the_full_network(scale):
    with pytest.raises(ArgumentError, match=r"from 0\.001 to 1"):
        rb.classics.microcircuit(jax.random.key(0), scale=scale)
