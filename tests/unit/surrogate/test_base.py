"""The contract that every surrogate obeys, over all of them."""

import math
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from rheobase.surrogate import (
    SHAPES,
    AbstractShape,
    AbstractSurrogate,
    Custom,
    FastSigmoid,
    MultiGaussian,
    Scaled,
    Sigmoid,
    StraightThrough,
    SurrogateError,
    Triangle,
)


def _algebraic(x: Array, a: float) -> Array:
    return jnp.sin(jnp.arctan(a * x))


EVERY = [
    *(shape() for shape in SHAPES),
    FastSigmoid(k=25.0, normalise="area"),
    Triangle(a=3.0, w=0.4, normalise="peak"),
    Scaled(FastSigmoid(k=10.0), height=15.0, stretch=15.0),
    Custom(_algebraic, (2.0,)),
]
every = pytest.mark.parametrize("surrogate", EVERY, ids=repr)
dtypes = pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
MARGINS = np.array([-2.3, -0.9, -0.31, -0.02, 0.0, 0.04, 0.27, 1.1, 3.7])


@final
class Learned(AbstractSurrogate):
    """A user's surrogate whose shape is an array, so that a gradient could reach it."""

    k: Array

    def primitive(self, x: Array) -> Array:
        return jnp.tanh(self.k * x)

    @property
    def peak(self) -> float:
        return float(self.k)

    @property
    def area(self) -> float:
        return 2.0

    @property
    def width(self) -> float:
        return 2.0 * math.asinh(1.0) / float(self.k)


@final
class ForwardOnly(AbstractShape):
    """A shape whose primitive must never be looked at."""

    normalise = None

    def raw(self, x: Array) -> Array:
        raise AssertionError("S was evaluated")

    def profile(self):
        raise AssertionError("the profile was evaluated")


@dtypes
@every
def test_forward_is_exactly_zero_or_one(surrogate, dtype, float64):
    tiny = float(jnp.finfo(dtype).tiny)
    margin = jnp.array([0.0, -0.0, tiny, -tiny, 3.0, -3.0, jnp.inf, -jnp.inf, jnp.nan], dtype=dtype)
    spike = surrogate(margin)
    assert spike.dtype == dtype
    assert spike.tolist() == [1, 1, 1, 0, 1, 0, 1, 0, 0]
    assert jax.jit(surrogate)(margin).tolist() == spike.tolist()


def test_forward_does_not_evaluate_the_primitive():
    margin = jnp.array([-1.0, 0.0])
    assert ForwardOnly()(margin).tolist() == [0.0, 1.0]
    assert jax.jit(jax.vmap(ForwardOnly()))(margin).tolist() == [0.0, 1.0]


@every
def test_derivative_is_that_of_the_primitive(surrogate, float64):
    h = 1e-6
    x = MARGINS[MARGINS != 0.0]
    above, below = (surrogate.primitive(jnp.asarray(x + side)) for side in (h, -h))
    slope = (above - below) / (2 * h)
    g = jax.vmap(jax.grad(surrogate))(jnp.asarray(x))
    np.testing.assert_allclose(g, slope, rtol=1e-6, atol=1e-8)


@every
def test_derivative_at_the_threshold_is_that_beside_it(surrogate, float64):
    g = jax.vmap(jax.grad(surrogate))(jnp.array([-1e-9, -0.0, 0.0, 1e-9]))
    np.testing.assert_allclose(g, surrogate.peak, rtol=1e-5)


@every
def test_forward_mode_is_reverse_mode(surrogate, float64):
    x = jnp.asarray(MARGINS)
    tangent = jnp.linspace(-1.0, 2.0, x.size)
    spike, forward = jax.jvp(surrogate, (x,), (tangent,))
    again, pullback = jax.vjp(surrogate, x)
    np.testing.assert_array_equal(spike, again)
    np.testing.assert_array_equal(spike, MARGINS >= 0)
    np.testing.assert_allclose(forward, pullback(tangent)[0], rtol=1e-11)


@every
def test_backpropagation_stores_one_array(surrogate):
    _, pullback = jax.vjp(surrogate, jnp.linspace(-1.0, 1.0, 50))
    assert sum(jnp.size(leaf) for leaf in jax.tree.leaves(pullback)) <= 50


@every
def test_second_derivative(surrogate, float64):
    h = 1e-6
    x = MARGINS[np.abs(MARGINS) > 0.1]
    g = jax.jit(jax.vmap(jax.grad(surrogate)))
    second = jax.jit(jax.vmap(jax.grad(jax.grad(surrogate))))(jnp.asarray(x))
    slope = (g(jnp.asarray(x + h)) - g(jnp.asarray(x - h))) / (2 * h)
    np.testing.assert_allclose(second, slope, rtol=1e-5, atol=1e-6)


@every
def test_second_derivative_forward_over_reverse(surrogate, float64):
    x = jnp.array([0.0, 0.3])
    _, second = jax.jvp(jax.vmap(jax.grad(surrogate)), (x,), (jnp.ones_like(x),))
    np.testing.assert_allclose(second, jax.vmap(jax.grad(jax.grad(surrogate)))(x), rtol=1e-11)
    assert jnp.isfinite(second).all()


@every
def test_jit_vmap_and_scan_agree_with_one_at_a_time(surrogate, float64):
    value_and_g = jax.value_and_grad(surrogate)
    expected = np.array([value_and_g(float(x)) for x in MARGINS])
    x = jnp.asarray(MARGINS)
    mapped = jax.jit(jax.vmap(value_and_g))(x)
    _, scanned = jax.lax.scan(lambda carry, x: (carry, value_and_g(x)), None, x)
    np.testing.assert_allclose(np.array(mapped).T, expected, rtol=1e-11)
    np.testing.assert_allclose(np.array(scanned).T, expected, rtol=1e-11)


@dtypes
@every
def test_derivative_keeps_the_dtype(surrogate, dtype, float64):
    x = jax.ShapeDtypeStruct((9,), dtype)
    for f in (surrogate, surrogate.primitive, jax.vmap(jax.grad(surrogate))):
        assert jax.eval_shape(f, x) == x


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@every
def test_finite_far_from_the_threshold(surrogate, dtype, float64):
    x = jnp.array([-1e30, -1e10, -1e4, 1e4, 1e10, 1e30], dtype=dtype)
    assert jnp.isfinite(jax.vmap(jax.grad(surrogate))(x)).all()
    assert jnp.isfinite(jax.vmap(jax.grad(jax.grad(surrogate)))(x)).all()


@every
def test_float32_derivative_is_close_to_float64(surrogate, float64):
    x = np.concatenate([MARGINS, [-40.0, 40.0]])
    g32, g64 = (jax.vmap(jax.grad(surrogate))(jnp.asarray(x, d)) for d in (jnp.float32, float))
    np.testing.assert_allclose(g32, g64, rtol=2e-5, atol=1e-6)


def test_parameters_have_no_gradient():
    x = jnp.linspace(-1.0, 1.0, 5)
    total = lambda s, x: (s(x) * x).sum()  # noqa: E731
    grads = jax.grad(total)(Learned(jnp.array(2.0)), x)
    assert grads.k == 0.0
    _, tangent = jax.jvp(lambda s: s(x), (Learned(jnp.array(2.0)),), (Learned(jnp.array(1.0)),))
    assert not tangent.any()
    assert jax.grad(total, argnums=1)(Learned(jnp.array(2.0)), x).all()


@every
def test_a_surrogate_has_no_leaves_to_train(surrogate):
    assert jax.tree.leaves(surrogate) == []
    assert jax.grad(lambda s: s(jnp.array(0.3)))(surrogate) == surrogate


def test_equal_surrogates_share_one_compilation():
    class Neuron(eqx.Module):
        tau: Array
        spike: AbstractSurrogate

    traces = []

    def f(neuron, x):
        traces.append(neuron.spike)
        return neuron.spike(x / neuron.tau)

    x = jnp.array([-1.0, 1.0])
    for jit in (jax.jit(f), eqx.filter_jit(f)):
        traces.clear()
        for tau in (1.0, 2.0):
            assert jit(Neuron(jnp.array(tau), Sigmoid(k=4)), x).tolist() == [0.0, 1.0]
        assert traces == [Sigmoid(k=4.0)]
        jit(Neuron(jnp.array(1.0), Sigmoid(k=5.0)), x)
        assert traces == [Sigmoid(k=4.0), Sigmoid(k=5.0)]


@every
def test_hash_and_equality(surrogate):
    copy = jax.tree.unflatten(jax.tree.structure(surrogate), [])
    assert copy == surrogate
    assert hash(copy) == hash(surrogate)
    assert sum(surrogate == other for other in EVERY) == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_normalise_makes_it_one(shape):
    plain, peak = shape(), shape(normalise="peak")
    assert peak.peak == pytest.approx(1.0)
    assert peak.width == plain.width
    assert peak.area == pytest.approx(plain.area / plain.peak)
    if math.isfinite(plain.area):
        area = shape(normalise="area")
        assert area.area == pytest.approx(1.0)
        assert area.peak == pytest.approx(plain.peak / plain.area)


@pytest.mark.parametrize("number", [4, 4.0, np.float32(4), np.int64(4), np.array(4.0)])
def test_any_one_number_is_a_parameter(number):
    assert Sigmoid(k=number) == Sigmoid(k=4.0)
    assert type(Sigmoid(k=number).k) is float


def test_a_jax_number_is_a_parameter():
    assert Sigmoid(k=jnp.array(4.0)) == Sigmoid(k=4.0)


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_parameters_outside_their_domain_are_refused(value):
    with pytest.raises(SurrogateError, match=r"`k` of Sigmoid \(steepness\) must be finite and gr"):
        Sigmoid(k=value)
    with pytest.raises(SurrogateError, match=rf"`w` of Triangle.* got {value}.*Triangle\(w=1.0\)"):
        Triangle(1.0, value)
    with pytest.raises(SurrogateError, match=r"`stretch` of Scaled"):
        Scaled(Sigmoid(), stretch=value)


def test_parameters_are_checked_before_they_are_used_to_normalise():
    for value in (0.0, "2"):
        with pytest.raises(SurrogateError, match="`k` of FastSigmoid"):
            FastSigmoid(k=value, normalise="area")


@pytest.mark.parametrize("value", [1.0, -0.1])
def test_weight_of_the_negative_sides_is_a_fraction(value):
    with pytest.raises(SurrogateError, match="`h` of MultiGaussian .* at least 0 and less than 1"):
        MultiGaussian(h=value)


@pytest.mark.parametrize("value", ["4", True, None, np.array([1.0, 2.0]), jnp.ones(2)])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(SurrogateError, match="`k` of Sigmoid .* must be one Python number, got"):
        Sigmoid(k=value)


def test_a_traced_parameter_is_refused():
    with pytest.raises(SurrogateError, match=r"got 'traced .*float32.*outside jit, grad and vmap"):
        jax.grad(lambda k: Sigmoid(k=k)(jnp.array(0.3)))(4.0)


def test_unknown_names_are_refused_with_the_cure():
    with pytest.raises(SurrogateError, match=r"no parameter 'slope'. Did you mean Sigmoid\(k="):
        Sigmoid(slope=25.0)
    with pytest.raises(SurrogateError, match="Did you mean 'normalise'.* a, w, normalise"):
        Triangle(normalize="peak")
    with pytest.raises(SurrogateError, match="no parameter 'param'. Did you mean 'parameters'"):
        Custom(_algebraic, param=(2.0,))


def test_unknown_normalisation_is_refused():
    with pytest.raises(SurrogateError, match="got 'aera'. Did you mean 'area'"):
        Sigmoid(normalise="aera")


def test_an_infinite_area_cannot_be_normalised():
    with pytest.raises(SurrogateError, match='needs a finite area.*StraightThrough.*"peak"'):
        StraightThrough(normalise="area")


def test_a_margin_of_integers_is_refused():
    with pytest.raises(SurrogateError, match=r"`margin` must be floating point, got int32"):
        Sigmoid()(jnp.arange(3, dtype=jnp.int32))


def test_abstract_classes_cannot_be_made():
    for abstract in (AbstractSurrogate, AbstractShape):
        with pytest.raises(TypeError, match="abstract"):
            abstract()
