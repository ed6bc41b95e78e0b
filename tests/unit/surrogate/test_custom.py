import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rheobase.surrogate import SHAPES, Custom, StraightThrough, SurrogateError


def tanh(x, k):
    return jnp.tanh(k * x)


def shifted(x):
    return jax.nn.sigmoid(4.0 * (x - 0.7))


@pytest.mark.parametrize("shape", SHAPES)
def test_measured_figures_are_the_stated_ones(shape):
    known = shape()
    measured = Custom(known.primitive)
    assert measured.peak == pytest.approx(known.peak, rel=1e-4)
    assert measured.area == pytest.approx(known.area, rel=1e-4)
    assert measured.width == pytest.approx(known.width, rel=1e-4)


def test_a_peak_away_from_the_threshold():
    surrogate = Custom(shifted)
    assert surrogate.peak == pytest.approx(1.0, rel=1e-4)
    assert surrogate.width == pytest.approx(math.asinh(1.0), rel=1e-3)


def test_g_is_the_derivative_of_the_function(float64):
    x = jnp.linspace(-2.0, 2.0, 9)
    g = jax.vmap(jax.grad(Custom(tanh, (3.0,), normalise="peak")))(x)
    np.testing.assert_allclose(g, np.cosh(3.0 * np.asarray(x)) ** -2, rtol=1e-6)


def test_an_area_that_does_not_settle_is_infinite():
    assert math.isinf(Custom(jnp.arcsinh).area)
    assert math.isinf(Custom(jnp.sin).area)
    with pytest.raises(SurrogateError, match="needs a finite area, and that of Custom is infinite"):
        Custom(jnp.arcsinh, normalise="area")


def test_stated_figures_are_kept():
    surrogate = Custom(tanh, (2.0,), peak=2.5, area=3.0, width=4.0)
    assert (surrogate.peak, surrogate.area, surrogate.width) == (2.5, 3.0, 4.0)


def test_it_can_be_made_inside_jit():
    f = jax.jit(jax.grad(lambda x: Custom(tanh, (2.0,), normalise="area")(x)))
    assert f(0.0) == pytest.approx(1.0, rel=1e-5)


def test_one_function_and_equal_parameters_are_equal():
    assert Custom(tanh, (2.0,)) == Custom(tanh, (2,))
    assert hash(Custom(tanh, (2.0,))) == hash(Custom(tanh, (2,)))
    assert Custom(tanh, (2.0,)) != Custom(tanh, (3.0,))


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda x: x.sum(), r"must be elementwise: for x of float32\[2, 3\] it gave"),
        (lambda x: x > 0, "must be elementwise"),
        (lambda x: 1.0 / (1.0 + jnp.exp(-x)), "is not finite at x = -8.*jax.nn.sigmoid"),
        (jnp.sqrt, "is not finite at x = "),
        (lambda x: jnp.sign(x) * jnp.log1p(jnp.abs(x)), r"is 0 at x = 0 but not beside it"),
        (lambda x: -x, "must rise"),
        (lambda x: (x > 0).astype(x.dtype), "must rise"),
    ],
)
def test_functions_that_are_no_primitive_are_refused(function, message):
    with pytest.raises(SurrogateError, match=message):
        Custom(function)


def test_infinite_width():
    assert Custom(lambda x: x).profile() == StraightThrough().profile()
