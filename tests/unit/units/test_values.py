from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rheobase.units.values import rescale, show


@given(st.floats(allow_nan=False, allow_infinity=False, width=64), st.integers(-22, 22))
def test_rescaling_by_a_power_of_ten_rounds_once(x, n):
    ratio = Fraction(10) ** n
    try:
        exact = float(Fraction(x) * ratio)
    except OverflowError:
        return
    assert rescale(x, ratio) == exact
    assert rescale(np.array(x), ratio) == exact


@pytest.mark.parametrize("dtype", [np.float16, np.float32, jnp.bfloat16])
def test_rescaling_keeps_a_floating_point_type(dtype):
    assert rescale(jnp.ones(2, dtype), Fraction(1, 1000)).dtype == dtype
    assert rescale(jnp.ones(2, dtype), Fraction(3, 7)).dtype == dtype


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (5.0, "5"),
        (np.float32(0.1), "0.1"),
        (jnp.array(2.5), "2.5"),
        (np.arange(3), "[0, 1, 2]"),
        (np.arange(100), "[ 0,  1,  2, ..., 97, 98, 99]"),
        (1e-30, "1e-30"),
        (float("nan"), "nan"),
    ],
)
def test_a_number_is_shown_shortly(value, text):
    assert show(value) == text
