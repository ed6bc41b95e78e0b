import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rheobase.units import anything, non_negative, positive, probability

ALL = (positive, non_negative, probability, anything)
# The first example compiles, which takes longer than the deadline of hypothesis.
law = settings(deadline=None, derandomize=True)

reals = st.floats(width=32, allow_nan=False, allow_infinity=False)
# Where float32 is normal: JAX on a CPU rounds what lies below to zero.
normal = st.floats(width=32, min_value=2**-120, max_value=2**120)


@pytest.mark.parametrize(
    ("domain", "members", "strangers"),
    [
        (positive, [1e-30, 1, np.inf], [0, -1, -np.inf, np.nan]),
        (non_negative, [0, 1, np.inf], [-1e-30, -np.inf, np.nan]),
        (probability, [0, 0.5, 1], [-0.1, 1.1, np.inf, np.nan]),
        (anything, [-np.inf, -1, 0, 1, np.inf], [np.nan]),
    ],
)
@pytest.mark.parametrize("array", [np.array, jnp.array])
def test_contains(domain, members, strangers, array):
    assert domain.contains(array(members)).all()
    assert not domain.contains(array(strangers)).any()


def test_names():
    assert [str(domain) for domain in ALL] == ["positive", "non-negative", "probability", "any"]


@pytest.mark.parametrize("domain", [positive, non_negative])
@law
@given(x=normal)
def test_round_trip_above_zero(domain, x):
    there = domain.to_free(jnp.float32(x))
    assert jnp.isfinite(there)
    # The logarithm of a small number keeps few of its digits: |y| ulps of relative error.
    tolerance = 4e-7 * (1 + abs(float(there))) if x < 1 else 4e-7
    np.testing.assert_allclose(domain.from_free(there), np.float32(x), rtol=tolerance)


@law
@given(p=st.floats(width=32, min_value=2**-20, max_value=1))
def test_round_trip_of_a_probability(p):
    there = probability.to_free(jnp.float32(p))
    assert jnp.isfinite(there)
    np.testing.assert_allclose(probability.from_free(there), np.float32(p), atol=3e-7)


@pytest.mark.parametrize("domain", ALL)
@law
@given(y=reals)
def test_training_never_leaves_the_domain(domain, y):
    value = domain.from_free(jnp.float32(y))
    assert bool(domain.contains(value))
    assert jnp.isfinite(value)


@pytest.mark.parametrize("domain", ALL)
@law
@given(y=st.floats(width=32, min_value=-60, max_value=60))
def test_the_gradient_is_finite_and_points_upward(domain, y):
    slope = jax.grad(domain.from_free)(jnp.float32(y))
    assert jnp.isfinite(slope)
    assert slope >= 0
    if abs(y) < 15:
        assert slope > 0


@pytest.mark.parametrize("domain", ALL)
@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_the_boundary_goes_to_a_finite_place_and_comes_back(domain, edge):
    there = domain.to_free(edge)
    assert jnp.isfinite(there)
    assert jnp.isfinite(jax.grad(domain.from_free)(there))
    np.testing.assert_allclose(domain.from_free(there), edge, atol=2e-7)


@pytest.mark.parametrize("domain", ALL)
def test_the_precision_is_that_of_the_argument(domain):
    assert domain.from_free(domain.to_free(jnp.float32(0.5))).dtype == jnp.float32
    with jax.enable_x64(True):
        again = domain.from_free(domain.to_free(jnp.float64(0.3)))
        assert again.dtype == jnp.float64
        np.testing.assert_allclose(again, 0.3, rtol=1e-14)
    assert domain.to_free(1).dtype == jnp.float32
