"""Diehl and Cook's network: what it learns, what it keeps, what it refuses."""

import jax
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError
from rheobase.units import DomainError

KEYS = jax.random.split(jax.random.key(1), 3)


@pytest.mark.slow
def test_digits_are_told_apart_without_labels():
    data = rb.datasets.digits()
    order = np.random.default_rng(0).permutation(len(data))
    x, y = data.batch(order)
    net = rb.classics.diehl_cook(jax.random.key(0)).learned(x[:500], KEYS[0])
    net = net.assigned(x[:300], y[:300], KEYS[1])
    assert set(np.asarray(net.labels)) == set(range(10))
    found = np.mean(net.classify(x[-300:], KEYS[2]) == y[-300:])
    # 0.78 was measured with so few pictures; a network that has learned nothing gives 0.34.
    assert found > 0.7


@pytest.mark.slow
def test_neurons_come_to_stand_for_one_of_two_pictures():
    pictures = np.tile(np.eye(2).repeat(8, axis=1), (20, 1))
    fresh = rb.classics.diehl_cook(jax.random.key(0), pixels=16, n=6)
    net = fresh.learned(pictures, KEYS[0])
    assert (net.theta > 0).sum() >= 2 and (fresh.theta == 0).all()
    assert net.weights.min() >= 0 and net.weights.max() <= 1
    mine = np.abs(net.weights[:8].sum(axis=0) - net.weights[8:].sum(axis=0))
    before = np.abs(fresh.weights[:8].sum(axis=0) - fresh.weights[8:].sum(axis=0))
    assert mine.mean() > 2 * before.mean()
    net = net.assigned(pictures[:4], np.array([0, 1, 0, 1]), KEYS[1])
    assert net.classify(pictures[:2], KEYS[2]).tolist() == [0, 1]


def test_what_does_not_fit_is_refused():
    net = rb.classics.diehl_cook(jax.random.key(0), pixels=16, n=3)
    with pytest.raises(ShapeError, match=r"reshape\(len\(pictures\), -1\)"):
        net.learned(np.zeros((2, 4, 4)), KEYS[0])
    with pytest.raises(DomainError, match="between 0 and 1"):
        net.counts(np.full((1, 16), 255), KEYS[0])
    with pytest.raises(ArgumentError, match="assigned"):
        net.classify(np.zeros((1, 16)), KEYS[0])
