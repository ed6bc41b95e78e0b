"""Peak, area and width against what g itself says, and g against its formula."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from rheobase.surrogate import (
    SHAPES,
    Atan,
    Erf,
    Exponential,
    FastSigmoid,
    Gaussian,
    MultiGaussian,
    PiecewiseQuadratic,
    Rectangle,
    Scaled,
    Sigmoid,
    SoftSign,
    StraightThrough,
    SuperSpike,
    Tanh,
    Triangle,
)

FORMULAS = [
    (Sigmoid(k=3.0), lambda x: 3 / (2 + np.exp(3 * x) + np.exp(-3 * x))),
    (Atan(a=1.3), lambda x: 0.65 / (1 + (np.pi * 0.65 * x) ** 2)),
    (FastSigmoid(k=25.0), lambda x: (1 + 25 * abs(x)) ** -2.0),
    (SoftSign(a=3.0), lambda x: 1.5 / (1 + 3 * abs(x)) ** 2),
    (Triangle(a=0.3, w=2.0), lambda x: 0.3 * np.maximum(0, 2 - abs(x))),
    (PiecewiseQuadratic(a=0.4), lambda x: np.maximum(0, 0.4 - 0.16 * abs(x))),
    (Exponential(a=3.0), lambda x: 1.5 * np.exp(-3 * abs(x))),
    (Erf(a=0.7), lambda x: 0.7 / np.sqrt(np.pi) * np.exp(-0.49 * x**2)),
    (Rectangle(w=0.9), lambda x: (abs(x) < 0.45) / 0.9),
    (
        MultiGaussian(h=0.4, s=2.0, sigma=0.7),
        lambda x: (
            1.4 * norm.pdf(x, 0, 0.7) - 0.4 * norm.pdf(x, 0.7, 1.4) - 0.4 * norm.pdf(x, -0.7, 1.4)
        ),
    ),
    (Tanh(k=1.5), lambda x: np.cosh(1.5 * x) ** -2),
    (StraightThrough(), np.ones_like),
]
SURROGATES = [
    *(shape() for shape in SHAPES),
    *(surrogate for surrogate, _ in FORMULAS),
    FastSigmoid(k=25.0, normalise="area"),
    Triangle(a=3.0, w=0.2, normalise="area"),
    MultiGaussian(h=0.9, s=0.5, sigma=0.3, normalise="peak"),
    Scaled(Atan(a=3.0), height=0.4, stretch=7.0),
]
surrogates = pytest.mark.parametrize("surrogate", SURROGATES, ids=repr)


def derivative(surrogate, x):
    return np.asarray(jax.jit(jax.vmap(jax.grad(surrogate)))(jnp.asarray(x, float)))


def test_every_shape_has_a_formula():
    assert [type(surrogate) for surrogate, _ in FORMULAS] == list(SHAPES)


@pytest.mark.parametrize("surrogate, formula", FORMULAS, ids=[repr(s) for s, _ in FORMULAS])
def test_formula(surrogate, formula, float64):
    x = np.array([-4.0, -1.3, -0.5, -0.1, 0.0, 0.03, 0.2, 0.8, 2.7])
    np.testing.assert_allclose(derivative(surrogate, x), formula(x), rtol=1e-9, atol=1e-15)


@surrogates
def test_peak(surrogate, float64):
    x = np.linspace(-5.0, 5.0, 4001)
    g = derivative(surrogate, x)
    assert g.max() == pytest.approx(surrogate.peak, rel=1e-9)
    assert g[x == 0.0] == pytest.approx(surrogate.peak, rel=1e-9)


@surrogates
def test_area(surrogate, float64):
    if math.isinf(surrogate.area):
        assert isinstance(surrogate, StraightThrough)
        return
    angle, step = np.linspace(-np.pi / 2, np.pi / 2, 400_001, retstep=True)
    angle = 0.5 * (angle[1:] + angle[:-1])  # x = tan(angle) reaches all x
    area = (derivative(surrogate, np.tan(angle)) / np.cos(angle) ** 2).sum() * step
    assert area == pytest.approx(surrogate.area, rel=1e-5)


@surrogates
def test_width(surrogate, float64):
    if math.isinf(surrogate.width):
        assert isinstance(surrogate, StraightThrough)
        return
    inner, outer = np.zeros(2), np.full(2, 10.0)
    side = np.array([1.0, -1.0])
    g = jax.jit(jax.vmap(jax.grad(surrogate)))
    for _ in range(50):
        middle = 0.5 * (inner + outer)
        above = np.asarray(g(jnp.asarray(side * middle))) > 0.5 * surrogate.peak
        inner, outer = np.where(above, middle, inner), np.where(above, outer, middle)
    assert outer.sum() == pytest.approx(surrogate.width, rel=1e-9)


@pytest.mark.parametrize("shape", [s for s in SHAPES if s not in (MultiGaussian, StraightThrough)])
def test_defaults_have_peak_and_area_one(shape):
    assert shape().peak == pytest.approx(1.0)
    assert shape().area == pytest.approx(1.0)


def test_aliases():
    assert SuperSpike is FastSigmoid
    assert Gaussian is Erf
