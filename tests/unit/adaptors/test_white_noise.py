import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.adaptors.white_noise import _x_coth_x
from rheobase.errors import KeyRequired
from rheobase.units import GOhm, MOhm, ms, nA

KEY = jax.random.key(5)
MANY = 20_000
DENSITY = 0.4


@pytest.mark.parametrize("dt", [0.1, 40.0])
@pytest.mark.parametrize(
    "make, stepper",
    [
        (rb.LI, rb.ExponentialEuler()),
        (rb.LIF, rb.Exact()),
        (rb.CubaLIF, rb.ExponentialEuler()),
        (rb.CubaLIF, rb.Exact()),
    ],
)
def test_one_step_has_the_exact_variance(make, dt, stepper):
    inner = make(tau=8 * ms, R=10 * MOhm)
    neuron = rb.WhiteNoise(inner, DENSITY * nA * ms**0.5)
    run = rb.simulate(
        neuron, n=MANY, duration=dt * ms, dt=dt * ms, stepper=stepper, key=KEY, record="v"
    )
    expected = 10 * DENSITY / 8 * np.sqrt(8 / 2 * -np.expm1(-2 * dt / 8))
    np.testing.assert_allclose(np.std(np.asarray(run.v[0]), dtype=float), expected, rtol=0.02)


def test_a_perfect_integrator_diffuses():
    neuron = rb.WhiteNoise(rb.IF(), DENSITY * nA * ms**0.5)  # 1 nF
    run = rb.simulate(neuron, n=MANY, duration=20 * ms, dt=0.5 * ms, key=KEY, record="v")
    np.testing.assert_allclose(np.asarray(run.v).std(1)[-1], DENSITY * np.sqrt(20), rtol=0.02)


@pytest.mark.parametrize("dt", [0.1, 10.0])
def test_stationary_deviation_does_not_depend_on_the_step(dt):
    neuron = rb.WhiteNoise(rb.LIF(), DENSITY * nA * ms**0.5)
    run = rb.simulate(neuron, n=MANY, duration=60 * ms, dt=dt * ms, key=KEY, record="v")
    np.testing.assert_allclose(np.asarray(run.v[-1]).std(), 10 * DENSITY / np.sqrt(20), rtol=0.02)


def test_nested_noises_add_their_variances():
    inner = rb.WhiteNoise(rb.LI(R=1 * GOhm), 0.3 * nA * ms**0.5)
    both = rb.WhiteNoise(inner, 0.4 * nA * ms**0.5)

    def deviation(neuron):
        run = rb.simulate(neuron, n=MANY, duration=1 * ms, dt=1 * ms, key=KEY, record="v")
        return np.asarray(run.v).std()

    np.testing.assert_allclose(deviation(both), deviation(inner) * 5 / 3, rtol=0.02)


def test_x_coth_x_and_its_derivative_are_right_everywhere(x64):
    x = jnp.array([-1e9, -40.0, -1.3, -1e-3, -1e-9, 0.0, 1e-12, 1e-5, 2e-4, 0.02, 3.0, 1e9])
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.where(x == 0, 1, x / np.tanh(x))
    value, slope = jax.jit(lambda x: jax.jvp(_x_coth_x, (x,), (jnp.ones_like(x),)))(x)
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    step = 1e-6
    above, below = jax.jit(_x_coth_x)(x + step), jax.jit(_x_coth_x)(x - step)
    np.testing.assert_allclose(slope[2:-1], (above - below)[2:-1] / (2 * step), atol=1e-9)


def test_it_wants_a_key():
    with pytest.raises(KeyRequired, match=r"key=jax.random.key\(0\)"):
        rb.simulate(rb.WhiteNoise(rb.LIF(), 1 * nA * ms**0.5), duration=5 * ms, dt=0.1 * ms)
