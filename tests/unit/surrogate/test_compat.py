"""Each row of the table against the formula of that library, written here a second time."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rheobase.errors import UnknownName
from rheobase.surrogate import PEERS, Atan, FastSigmoid, Scaled, SurrogateError, compat

POINTS = np.array([-3.1, -1.3, -0.61, -0.11, 0.0, 0.02, 0.23, 0.73, 2.7])


def sigmoid(x, k):
    return k / (2 + np.exp(k * x) + np.exp(-k * x))


def atan(x, a):
    return a / 2 / (1 + (np.pi / 2 * a * x) ** 2)


def inverse_square(x, k):
    return 1 / (1 + k * abs(x)) ** 2


def soft_sign(x, a):
    return a / 2 / (1 + abs(a * x)) ** 2


def triangle(x, a, w):
    return a * np.maximum(0, w - abs(x))


def quadratic(x, a):
    return np.where(abs(x) < 1 / a, a - a**2 * abs(x), 0)


def exponential(x, a):
    return a / 2 * np.exp(-a * abs(x))


def erf(x, a):
    return a / np.sqrt(np.pi) * np.exp(-((a * x) ** 2))


def normal(x, mean, sigma):
    return np.exp(-0.5 * ((x - mean) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


def multi_gaussian(x, h, s, sigma):
    sides = normal(x, sigma, s * sigma) + normal(x, -sigma, s * sigma)
    return (1 + h) * normal(x, 0, sigma) - h * sides


def leaky_window(x, w, c):
    return np.where(abs(x) < w, 1 / (2 * w), c)


def cosines(x, odd_numbers, period):
    return 4 / period * sum(np.cos(n * 2 * np.pi / period * x) for n in odd_numbers)


def s2nn(x, alpha, beta):
    return np.where(x < 0, sigmoid(x, alpha), beta / (np.maximum(x, 0) + 1))


def log_tailed(x, alpha):
    return np.where(x > 1, 1 / np.maximum(x, 1), np.where(x > 0, 1, alpha))


def ones(x):
    return np.ones_like(x)


# Parameters other than the defaults, and g of the library's own argument with these parameters.
FORMULAS = {
    "braintools": {
        "ReluGrad": ((0.5, 2.0), triangle),
        "InvSquareGrad": ((7.0,), inverse_square),
        "Sigmoid": ((3.0,), sigmoid),
        "PiecewiseQuadratic": ((0.7,), quadratic),
        "PiecewiseExp": ((1.5,), exponential),
        "SoftSign": ((3.0,), soft_sign),
        "Arctan": ((1.5,), atan),
        "ERF": ((1.5,), erf),
        "NonzeroSignLog": ((1.5,), lambda x, a: 1 / (1 / a + abs(x))),
        "PiecewiseLeakyRelu": ((0.02, 0.5), lambda x, c, w: leaky_window(x, w, c)),
        "SquarewaveFourierSeries": (
            (3.0, 9.0),
            lambda x, n, t: cosines(x, [2 * i - 1 for i in range(1, int(n) + 1)], t),
        ),
        "S2NN": ((3.0, 2.0), s2nn),
        "QPseudoSpike": ((1.0,), lambda x, a: (1 + 2 * abs(x) / (a + 1)) ** -a),
        "LeakyRelu": ((0.2, 2.0), lambda x, a, b: np.where(x < 0, a, b)),
        "LogTailedRelu": ((0.1,), log_tailed),
        "GaussianGrad": ((0.8, 0.3), lambda x, sigma, alpha: alpha * normal(x, 0, sigma)),
        "MultiGaussianGrad": (
            (0.2, 3.0, 0.7, 0.6),
            lambda x, h, s, sigma, scale: scale * multi_gaussian(x, h, s, sigma),
        ),
        "SlayerGrad": ((2.0,), lambda x, a: np.exp(-a * abs(x))),
    },
    "snntorch": {
        "atan": ((1.5,), atan),
        "fast_sigmoid": ((7.0,), inverse_square),
        "sigmoid": ((7.0,), sigmoid),
        "straight_through_estimator": ((), ones),
        "heaviside": ((), lambda x: np.where(x >= 0, 1.0, 0.0)),  # theirs has x > 0
    },
    "norse": {
        "super": ((), lambda x: inverse_square(x, 1)),
        "super@master": ((7.0,), inverse_square),
        "triangle": ((0.3,), lambda x, a: triangle(x, a, 1)),
        "tanh": ((1.5,), lambda x, a: 1 - np.tanh(a * x) ** 2),
        "heavi_erfc": ((1.5,), lambda x, a: 2 / np.sqrt(np.pi) * np.exp(-((a * x) ** 2))),
        "circ": ((0.5,), lambda x, a: a**3 / (x**2 + a**2) ** 1.5),
    },
    "spikingjelly": {
        "Sigmoid": ((3.0,), sigmoid),
        "ATan": ((1.5,), atan),
        "SoftSign": ((3.0,), soft_sign),
        "SuperSpike": ((3.0,), lambda x, a: a / (1 + abs(x)) ** 2),
        "PiecewiseQuadratic": ((0.7,), quadratic),
        "PiecewiseExp": ((1.5,), exponential),
        "Erf": ((1.5,), erf),
        "Rect": ((0.6,), lambda x, a: np.where(abs(x) < 1 / (2 * a), a, 0)),
        "NonzeroSignLogAbs": ((1.5,), lambda x, a: a / (1 + abs(a * x))),
        "PiecewiseLeakyReLU": ((0.5, 0.02), leaky_window),
        "SquarewaveFourierSeries": (
            (3.0, 9.0),
            lambda x, n, t: cosines(x, [2 * i - 1 for i in range(1, int(n))], t),
        ),
        "S2NN": ((3.0, 2.0), s2nn),
        "QPseudoSpike": ((2.5,), lambda x, a: (1 + 2 * abs(x) / (a - 1)) ** -a),
        "LeakyKReLU": ((0.2, 2.0), lambda x, leak, k: np.where(x < 0, leak, k)),
        "LogTailedReLU": ((0.1,), log_tailed),
        "FakeNumericalGradient": (
            (0.8,),
            lambda x, a: np.where(abs(a * x) < 1, a, 1 / np.where(x == 0, 1, abs(x))),
        ),
        "DeterministicPass": ((), ones),
    },
    "spyx": {
        "superspike": ((7.0,), inverse_square),
        "arctan": ((0.5,), lambda x, k: 1 / (np.pi * (1 + (np.pi * k * x) ** 2))),
        "triangular": ((0.5,), lambda x, k: np.maximum(0, 1 - abs(k * x))),
        "boxcar": ((1.0, 0.3), lambda x, w, h: np.where(abs(x) < w / 2, h, 0)),
        "tanh": ((1.5,), lambda x, k: np.cosh(k * x) ** -2.0),
    },
    "snnax": {
        "superspike_surrogate": ((3.0,), lambda x, b: 1 / (1 + b * abs(x))),
        "piecewise_surrogate": ((0.7,), lambda x, b: np.where(abs(x) < b, 1, 0)),
    },
    "sinabs": {
        "SingleExponential": ((0.4, 1.5), lambda x, w, th: np.exp(-abs(x) / (w * th)) / (w * th)),
        "Heaviside": ((0.4, 1.5), lambda x, w, th: np.where(x >= -w, 1 / th, 0)),
        "Gaussian": ((0.8,), lambda x, sigma: normal(x, 0, sigma)),
        "MultiGaussian": (
            (0.7, 0.2, 3.0),
            lambda x, sigma, h, s: multi_gaussian(x, h, s, sigma),
        ),
    },
    "lava-dl": {
        "spike": (
            (0.5, 3.0, 1.5),
            lambda x, tau, scale, th: scale / (2 * tau * th) * np.exp(-abs(x) / (tau * th)),
        ),
    },
    "jaxsnn": {"superspike": ((7.0,), inverse_square)},
    "jaxpike": {
        "FastSigmoid": ((7.0,), inverse_square),
        "ATan": ((1.5,), atan),
        "Triangular": ((0.7,), lambda x, w: np.maximum(0, 1 - abs(x) / w) / w),
        "Boxcar": ((0.7,), lambda x, w: np.where(abs(x) < w / 2, 1 / w, 0)),
    },
    "sparx": {
        "ATan": ((1.5,), atan),
        "Sigmoid": ((3.0,), sigmoid),
        "FastSigmoid": ((7.0,), inverse_square),
        "Triangle": ((0.7, 0.3), lambda x, w, scale: scale * np.maximum(0, 1 - abs(x) / w)),
        "Rectangle": ((0.7,), lambda x, w: np.where(abs(x) < w / 2, 1 / w, 0)),
        "Gaussian": ((0.8,), lambda x, sigma: normal(x, 0, sigma)),
        "StraightThrough": ((), ones),
    },
    "ngc-learn": {
        "straight_through_estimator": ((), ones),
        "triangular_estimator": ((0.5,), lambda x, a: np.maximum(0, 1 - a * abs(x))),
        "explicit_triangular_estimator": ((3.0,), lambda x, w: np.maximum(0, 1 - abs(x) / w)),
        "arctan_estimator": ((1.5,), lambda x, a: 1 / (np.pi * (1 + (np.pi * x * a / 2) ** 2))),
        "boxcar_estimator": ((3.0,), lambda x, w: np.where(abs(x) <= w, 1, 0)),
    },
    "jaxley": {"heaviside": ((5.0,), inverse_square)},
}
ROWS = [
    pytest.param(
        peer, function, *FORMULAS[peer.name][function.name], id=f"{peer.name}.{function.name}"
    )
    for peer in PEERS
    for function in peer.functions
    if function.ours is not None
]
REFUSED = [
    pytest.param(peer.name, function, id=f"{peer.name}.{function.name}")
    for peer in PEERS
    for function in peer.functions
    if function.ours is None
]


def test_every_row_has_a_formula_and_every_formula_a_row():
    rows = {(p.values[0].name, p.values[1].name) for p in ROWS}
    assert rows == {(peer, name) for peer, names in FORMULAS.items() for name in names}


@pytest.mark.parametrize("peer, function, other, formula", ROWS)
def test_g_is_that_of_the_library(peer, function, other, formula, float64):
    defaults = tuple(value for _, value in function.parameters)
    assert len(other) == len(defaults)
    for parameters, given in ((defaults, ()), (other, other)):
        ours = compat(peer.name, function.name, parameters=given, span=1.0)
        g = jax.vmap(jax.grad(ours))(jnp.asarray(POINTS))
        np.testing.assert_allclose(g, formula(POINTS, *parameters), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("peer, function, other, formula", ROWS)
def test_slope_per_volt_is_that_of_the_library(peer, function, other, formula, float64):
    span = 15.0
    g = jax.vmap(jax.grad(compat(peer.name, function.name, parameters=other, span=span)))
    theirs = formula(POINTS, *other)
    if peer.argument == "scaled":
        np.testing.assert_allclose(g(jnp.asarray(POINTS)), theirs, rtol=1e-9, atol=1e-12)
    else:
        ours = g(jnp.asarray(POINTS / span)) / span  # POINTS are v - v_th
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("peer, function", REFUSED)
def test_what_cannot_be_reproduced_is_refused_with_the_reason(peer, function):
    with pytest.raises(SurrogateError) as error:
        compat(peer, function.name)
    assert function.note in str(error.value)
    assert len(function.note) > 30


def test_parameters_left_out_keep_their_defaults():
    assert compat("snntorch", "atan") == Atan(a=2.0)
    assert compat("snntorch", "atan", parameters=(3.0,)) == Atan(a=3.0)
    first = compat("spyx", "boxcar", parameters=(4.0,))
    assert first == compat("spyx", "boxcar", parameters=(4.0, 0.5))
    assert first.peak == pytest.approx(0.5)


def test_a_span_wraps():
    ours = compat("jaxley", "heaviside", span=15.0)
    assert ours == Scaled(FastSigmoid(k=10.0), height=15.0, stretch=15.0)
    same = Scaled(FastSigmoid(k=150.0), height=15.0)
    assert (ours.peak, ours.area, ours.width) == pytest.approx((same.peak, same.area, same.width))


def test_a_library_in_millivolts_needs_the_span():
    with pytest.raises(
        SurrogateError, match=r'give `span`.*compat\("jaxley", "heaviside", span=15'
    ):
        compat("jaxley", "heaviside")


def test_unknown_names_are_refused_with_the_near_miss():
    with pytest.raises(UnknownName, match="Did you mean 'snntorch'"):
        compat("snntorh", "atan")
    with pytest.raises(UnknownName, match="surrogate of snntorch .*Did you mean 'fast_sigmoid'"):
        compat("snntorch", "fastsigmoid")


@pytest.mark.parametrize("parameters", [2.0, ("2",), (1.0, 2.0), (math.nan,), None])
def test_wrong_parameters_are_refused(parameters):
    with pytest.raises(SurrogateError, match=r"at most 1 finite numbers \(alpha=2.0\).*\(2.0,\)"):
        compat("snntorch", "atan", parameters=parameters)


@pytest.mark.parametrize("span", [0.0, -15.0, math.inf, math.nan])
def test_a_wrong_span_is_refused(span):
    with pytest.raises(SurrogateError, match="`span` is v_th - v_reset and must be finite"):
        compat("snntorch", "atan", span=span)


def test_a_parameter_outside_the_domain_of_our_shape_is_refused():
    with pytest.raises(SurrogateError, match="`a` of Atan .*greater than 0, got -2.0"):
        compat("snntorch", "atan", parameters=(-2.0,))


def test_a_parameter_that_the_library_divides_by_is_not_0():
    with pytest.raises(SurrogateError, match=r"Rect of spikingjelly divides .* are \(1.0,\)"):
        compat("spikingjelly", "Rect", parameters=(0.0,))
