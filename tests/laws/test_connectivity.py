"""Rules of connectivity: what they promise holds, and the same key gives the same synapses."""

import jax
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import rheobase as rb
from rheobase.connectivity import Sides
from rheobase.connectivity.base import generator
from rheobase.errors import ArgumentError, ShapeError
from rheobase.units import DomainError, um
from tests.registry import CONNECTIVITY


def sides(n_pre, n_post, same):
    n_post = n_pre if same else n_post
    places = np.random.default_rng(0).uniform(0, 300, (max(n_pre, n_post), 2))
    return Sides(n_pre, n_post, same, places[:n_pre], places[:n_post])


def build(rule, between, seed=0):
    return rule.build(between, generator(jax.random.key(seed)))


SIZES = given(
    n_pre=st.integers(12, 60),
    n_post=st.integers(12, 60),
    same=st.booleans(),
    seed=st.integers(0, 9),
)


@pytest.mark.parametrize("name", CONNECTIVITY)
@SIZES
def test_rows_are_sound(name, n_pre, n_post, same, seed):
    row, between = CONNECTIVITY[name], sides(n_pre, n_post, same or CONNECTIVITY[name].square)
    rows = build(row.make(), between, seed)
    assert rows.start[0] == 0 and rows.start[-1] == rows.synapses == len(rows.target)
    assert np.all(np.diff(rows.start) >= 0) and len(rows.start) == between.n_pre + 1
    assert rows.synapses == 0 or 0 <= rows.target.min() <= rows.target.max() < between.n_post
    for i in range(between.n_pre):
        own = rows.target[rows.start[i] : rows.start[i + 1]]
        assert np.all(np.diff(own) >= (0 if row.multapses else 1)), "sorted, none twice"
        assert row.autapses or not between.same or i not in own


@pytest.mark.parametrize("name", CONNECTIVITY)
def test_a_key_says_it_all(name):
    make, between = CONNECTIVITY[name].make, sides(50, 50, True)
    one, two, other = (build(make(), between, seed) for seed in (1, 1, 2))
    for a, b in zip(one[:2], two[:2], strict=True):
        np.testing.assert_array_equal(a, b)
    same = one.synapses == other.synapses and np.array_equal(one.target, other.target)
    assert same != CONNECTIVITY[name].random


@pytest.mark.parametrize("name", CONNECTIVITY)
def test_as_many_as_expected(name):
    rule, between = CONNECTIVITY[name].make(), sides(60, 60, True)
    counts = [build(rule, between, seed).synapses for seed in range(30)]
    expected = rule.expected(between)
    # Five standard errors of a mean of binomial numbers.
    assert np.mean(counts) == pytest.approx(expected, abs=5 * (expected / 30) ** 0.5)


BY_DISTANCE = ("GaussianProbability", "ExponentialProbability")
BLIND = [n for n, row in CONNECTIVITY.items() if row.random and n not in BY_DISTANCE]


@pytest.mark.parametrize("name", BLIND)
def test_every_partner_is_as_likely(name):
    """In the sum over many keys no target stands out."""
    rule, between = CONNECTIVITY[name].make(), sides(40, 30, False)
    hits = sum(np.bincount(build(rule, between, k).target, minlength=30) for k in range(200))
    assert np.all(np.abs(hits - hits.mean()) < 5 * hits.mean() ** 0.5)


@pytest.mark.parametrize(
    "rule, fall",
    [
        (rb.GaussianProbability(0.8, sigma=60 * um), lambda d: np.exp(-0.5 * (d / 60) ** 2)),
        (rb.ExponentialProbability(0.8, length=60 * um), lambda d: np.exp(-d / 60)),
    ],
)
def test_probability_falls_with_distance(rule, fall):
    between = sides(120, 120, True)
    hits = sum(
        scipy.sparse.csr_array(
            (np.ones(rows.synapses), rows.target, rows.start), shape=(120, 120)
        ).toarray()
        for rows in (build(rule, between, seed) for seed in range(40))
    )
    places = between.pre_positions
    distance = np.linalg.norm(places[:, None] - places[None], axis=-1)
    for low in range(0, 200, 25):
        ring = (distance >= low) & (distance < low + 25)
        expected = 0.8 * fall(distance[ring]).mean()
        error = (expected / ring.sum() / 40) ** 0.5
        assert hits[ring].mean() / 40 == pytest.approx(expected, abs=5 * error)


def test_distances_want_positions():
    cells = rb.Population(rb.LIF(), 3)
    rule = rb.GaussianProbability(0.5, sigma=1 * um)
    connection = rb.Connection("a", "a", rule, rb.Delta(), weight=1 * rb.units.mV)
    with pytest.raises(ArgumentError, match=r"positions of the presynaptic.*positions=xy\*um"):
        rb.Network({"a": cells}, [connection], key=jax.random.key(0))
    placed = rb.Population(rb.LIF(), 3, positions=np.eye(3) * um)
    net = rb.Network({"a": placed}, [connection], key=jax.random.key(0))
    assert net.projections[0].synapses <= 9


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda: rb.FixedProbability(1.2), DomainError, "between 0 and 1"),
        (lambda: rb.FixedInDegree(2.5), ArgumentError, "whole number of synapses"),
        (lambda: rb.FixedOutDegree(-1), DomainError, "must not be negative"),
        (lambda: build(rb.FixedInDegree(50), sides(20, 20, True)), ShapeError, "multapses=True"),
        (lambda: build(rb.OneToOne(), sides(3, 4, False)), ShapeError, "one size, got 3 and 4"),
        (lambda: build(rb.Pairs([0], [9]), sides(3, 4, False)), ShapeError, "post"),
        (lambda: build(rb.Matrix(np.eye(3)), sides(3, 4, False)), ShapeError, "rows are pre"),
    ],
)
def test_what_makes_no_sense_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.slow
def test_memory_and_time_of_many_synapses():
    """10^7 synapses: their own memory and a half, in seconds."""
    import tracemalloc

    tracemalloc.start()
    rows = build(rb.FixedProbability(0.1), Sides(10_000, 10_000, False))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * rows.target.nbytes + 2e8
