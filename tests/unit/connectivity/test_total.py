import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.connectivity import Sides
from rheobase.errors import ArgumentError, ShapeError
from rheobase.units import DomainError, nA


def rows(rule, n_pre=30, n_post=20, same=False, seed=0):
    return rule.build(Sides(n_pre, n_post, same), np.random.default_rng(seed))


def pairs(found):
    return found.source.astype(int) * found.n_post + found.target


@pytest.mark.parametrize("number", [0, 1, 250, 400, 599, 600])
def test_as_many_different_pairs_as_asked_for(number):
    found = rows(rb.FixedTotal(number))
    assert found.synapses == number
    assert len(np.unique(pairs(found))) == number
    assert np.all(np.diff(pairs(found)) > 0)  # rows in order, targets sorted in each


def test_every_pair_is_as_likely():
    rule, trials = rb.FixedTotal(5), 4000
    for many, chance in ((rule, 5 / 12), (rb.FixedTotal(9), 9 / 12)):
        counts = sum(
            np.bincount(pairs(rows(many, 4, 3, seed=seed)), minlength=12) for seed in range(trials)
        )
        expected, spread = trials * chance, np.sqrt(trials * chance * (1 - chance))
        assert np.all(np.abs(counts - expected) < 4.5 * spread)


def test_with_multapses_every_synapse_is_drawn_independently():
    number = 60_000
    found = rows(rb.FixedTotal(number, multapses=True))
    assert found.synapses == number
    for start, end in zip(found.start[:-1], found.start[1:], strict=True):
        assert np.all(np.diff(found.target[start:end]) >= 0)
    counts = np.bincount(pairs(found), minlength=600)
    assert np.all(np.abs(counts - 100) < 6 * 10)
    assert 0.8 < counts.var() / counts.mean() < 1.2  # Poisson


@pytest.mark.parametrize("multapses", [False, True])
def test_without_autapses_no_neuron_meets_itself(multapses):
    found = rows(rb.FixedTotal(300, False, multapses), 20, 20, same=True)
    assert found.synapses == 300
    assert not np.any(found.source == found.target)
    assert found.target.max() == 19


def test_the_same_key_gives_the_same_synapses():
    def build(seed):
        connection = rb.Connection("a", "a", rb.FixedTotal(40), rb.Exponential(), weight=1 * nA)
        return rb.Network(
            {"a": rb.Population(rb.LIF(), 10)}, [connection], key=jax.random.key(seed)
        )

    one, same, other = (build(seed).projections[0].to.target for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.any(np.asarray(one) != np.asarray(other))


def test_refused():
    with pytest.raises(ShapeError, match=r"600 pairs.*multapses=True"):
        rows(rb.FixedTotal(601))
    with pytest.raises(ShapeError, match="0 pairs"):
        rows(rb.FixedTotal(1, autapses=False, multapses=True), 1, 1, same=True)
    with pytest.raises(ArgumentError, match="whole number"):
        rb.FixedTotal(0.5)
    with pytest.raises(DomainError, match="not be negative"):
        rb.FixedTotal(-1)
