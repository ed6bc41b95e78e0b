"""Four bases and sixteen sums: never worse than the best uniform grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rheobase.devices.dynapse2 import grid

LAWS = {
    "gaussian": lambda rng, n: np.abs(rng.normal(size=n)),
    "log-normal": lambda rng, n: rng.lognormal(0, 1, size=n),
    "uniform": lambda rng, n: rng.uniform(size=n),
    "integers": lambda rng, n: rng.integers(0, 16, size=n).astype(float),
    "few values": lambda rng, n: rng.choice([0.3, 1.7, 2.0], size=n),
    "outlier": lambda rng, n: np.append(rng.uniform(size=n), 50.0),
}


@given(st.sampled_from(sorted(LAWS)), st.integers(1, 400), st.integers(0, 999), st.floats(-9, 9))
def test_never_worse_than_the_best_uniform_grid(law, n, seed, decade):
    weights = 10**decade * LAWS[law](np.random.default_rng(seed), n)
    found, even = grid.fit(weights, starts=12), grid.uniform(weights)
    assert found.rms <= even.rms <= grid.full_range(weights).rms * (1 + 1e-12)
    assert np.all(found.bases >= 0)


@given(st.sampled_from(["gaussian", "log-normal"]), st.integers(2000, 6000), st.integers(0, 999))
@settings(max_examples=6)
def test_a_tenth_better_than_the_plain_uniform_grid(law, n, seed):
    weights = LAWS[law](np.random.default_rng(seed), n)
    assert grid.fit(weights).rms <= 0.9 * grid.full_range(weights).rms


@pytest.mark.parametrize("law", LAWS)
def test_masks_select_the_nearest_sum(law):
    weights = LAWS[law](np.random.default_rng(3), 200)
    found = grid.fit(weights)
    sums = grid.MASKS @ found.bases
    nearest = np.abs(weights[:, None] - sums).min(axis=1)
    np.testing.assert_allclose(np.abs(found.values - weights), nearest, atol=1e-12)
    assert found.rms == pytest.approx(np.sqrt(np.mean(nearest**2)))


def test_weights_that_are_sums_are_met():
    bases = np.array([0.31, 0.9, 2.2, 3.7])
    weights = (grid.MASKS @ bases)[np.random.default_rng(0).integers(0, 16, 300)]
    assert grid.fit(weights).rms < 1e-12


@pytest.mark.parametrize("weights", [np.zeros(5), np.zeros(0), np.array([2.0])])
def test_edges(weights):
    found = grid.fit(weights)
    assert found.rms < 1e-12
    assert found.masks.shape == weights.shape
