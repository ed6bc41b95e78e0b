import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rheobase.surrogate import FastSigmoid, Scaled, Sigmoid, SurrogateError

X = np.linspace(-2.0, 2.0, 9)


def test_g_is_that_of_the_inner_one_on_other_axes(float64):
    inner = FastSigmoid(k=10.0)
    g = jax.vmap(jax.grad(Scaled(inner, height=3.0, stretch=0.5)))(jnp.asarray(X))
    np.testing.assert_allclose(g, 3.0 * jax.vmap(jax.grad(inner))(jnp.asarray(0.5 * X)), rtol=1e-13)


def test_slope_per_millivolt_does_not_depend_on_the_scale(float64):
    v, v_th, v_reset = jnp.asarray(X - 50.0), -50.0, -65.0
    span = v_th - v_reset
    ours = Scaled(Sigmoid(k=0.4), height=span, stretch=span)
    slope = jax.vmap(jax.grad(lambda v: ours((v - v_th) / span)))(v)
    in_millivolts = jax.vmap(jax.grad(lambda v: Sigmoid(k=0.4)(v - v_th)))(v)
    np.testing.assert_allclose(slope, in_millivolts, rtol=1e-12)


def test_a_class_in_place_of_a_surrogate_is_refused():
    with pytest.raises(SurrogateError, match=r"`surrogate` of Scaled .*Write .*Scaled\(Sigmoid\(k"):
        Scaled(Sigmoid, height=2.0)
