"""States and gradients stay finite, whatever the input, the step and the parameters."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rheobase.errors import StepperError
from rheobase.neurons.base import Onset
from rheobase.step import step
from rheobase.units import Quantity, mV, non_negative, parameters, positive
from tests.registry import ADAPTORS, FEW, FEW_ADAPTORS, NEURONS, STEPPERS, slow_but

STEPS, WIDE = 12, 8


def varied(make, draws):
    """WIDE neurons of one kind with parameters far from the default, each of them legal.

    Positive ones by a factor of up to 100 either way, others of up to 10; voltages together, moved
    and stretched, so that their order stays.
    """

    def uniform(low, high):
        return draws.uniform(low, high, WIDE)

    middle, shift, stretch = -55.0, uniform(-30, 30), 10 ** uniform(-0.7, 0.7)
    values = {}
    for name, parameter in parameters(make).items():
        unit = parameter.unit.internal()
        nominal = np.asarray(getattr(make(), name), float)
        if parameter.unit.same_dimension(mV) and parameter.domain not in (positive, non_negative):
            value = middle + shift + stretch * (nominal - middle)
        else:
            reach = 2 if parameter.domain in (positive, non_negative) else 1
            value = nominal * 10 ** uniform(-reach, reach)
        values[name] = Quantity(value, unit) if unit.factors else value
    return make(**values)


@functools.cache
def program(static, stepper, x64):
    """States, spikes and gradients of a short run; everything else is an argument."""

    def run(arrays, current, delta, dt):
        neuron = eqx.combine(arrays, static)

        def body(state, x):
            now, kick, number = x
            key = jax.random.fold_in(jax.random.key(0), number) if neuron.random else None
            done = step(neuron, stepper, state, now, kick, dt, key, False)
            return done.state, (done.spike, done.reached, done.state)

        def full(x):
            kind = jnp.result_type(float) if jnp.issubdtype(x.dtype, jnp.floating) else x.dtype
            return jnp.broadcast_to(x.astype(kind), (WIDE,))

        start = jax.tree.map(full, neuron.init())
        last, kept = jax.lax.scan(body, start, (current, delta, jnp.arange(STEPS)))
        spikes = 0.0 if kept[0] is None else jnp.mean(kept[0])
        floats = [x for x in jax.tree.leaves(last) if jnp.issubdtype(x.dtype, jnp.floating)]
        return spikes + sum(jnp.mean(jnp.tanh(x / 100)) for x in floats), kept

    @jax.jit
    def everything(arrays, current, delta, dt):
        gradient, kept = jax.grad(run, argnums=(0, 1), has_aux=True)(arrays, current, delta, dt)
        return kept, gradient

    return everything


def finite(tree):
    return all(bool(jnp.all(jnp.isfinite(x))) for x in jax.tree.leaves(tree))


def admitted(stepper, neuron, dt):
    """The longest step of dt, dt/2, dt/4, ... that the stepper takes."""
    for _ in range(40):
        try:
            stepper.check(neuron, dt)
        except StepperError:
            dt /= 2
        else:
            return dt
    raise AssertionError("no step is short enough")


def assert_finite(neuron, stepper, seed, size, length):
    draws = np.random.default_rng(seed)
    scale = 10 ** (size - draws.uniform(0, 3, (2, STEPS, WIDE)))
    inputs = scale * np.sign(draws.normal(size=(2, STEPS, WIDE)) + draws.normal())
    current, kick = jnp.asarray(inputs, jnp.result_type(float))
    if seed % 2:
        kick = 0 * kick
    arrays, static = eqx.partition(neuron, eqx.is_inexact_array)
    dt = admitted(stepper, neuron, 10.0**length)
    run = program(static, stepper, jax.config.jax_enable_x64)
    kept, gradient = run(arrays, current, kick, jnp.asarray(dt, jnp.result_type(float)))
    assert finite(kept), "state"
    if not multiplies(neuron, stepper):
        assert finite(gradient), "gradient"


def multiplies(neuron, stepper):
    """Whether a step that is too long multiplies slopes: explicit, of gates that bound values."""
    return neuron.onset is Onset.EDGE and not type(stepper).__name__.startswith("Exponential")


EXTREMES = given(seed=st.integers(0, 2**32 - 1), size=st.floats(-1, 9), length=st.floats(-3, 2))


def cases(wide):
    """Stepper and neuron; all but a few of them slow."""
    for rule, row in STEPPERS.items():
        for name in NEURONS:
            if wide and name not in FEW:
                continue
            quick = not wide and (rule == "ExponentialMidpoint" and name in FEW or name == "LIF")
            if not row.affine_only or name in ("CubaLIF", "GLIF", "LIF"):
                yield pytest.param(rule, name, marks=() if quick else pytest.mark.slow)


def extreme(test):
    test = example(seed=1, size=9.0, length=2.0)(example(seed=2, size=9.0, length=-1.0)(test))
    return example(seed=4, size=9.0, length=-3.0)(EXTREMES(test))


@pytest.mark.parametrize("stepper, name", [*cases(wide=False)])
@extreme
def test_every_neuron_stays_finite(stepper, name, seed, size, length):
    neuron = varied(NEURONS[name].make, np.random.default_rng(seed + 1))
    assert_finite(neuron, STEPPERS[stepper].make(), seed, size, length)


@pytest.mark.parametrize("stepper, name", [*cases(wide=True)])
@extreme
def test_every_neuron_stays_finite_in_float64(stepper, name, seed, size, length):
    with jax.enable_x64(True):
        neuron = varied(NEURONS[name].make, np.random.default_rng(seed + 1))
        assert_finite(neuron, STEPPERS[stepper].make(), seed, size, length)


@pytest.mark.parametrize(
    "adaptor", slow_but(FEW_ADAPTORS, [a for a in ADAPTORS if "Mismatch" not in a])
)
@pytest.mark.parametrize("name", ["LIF", pytest.param("AdEx", marks=pytest.mark.slow)])
@extreme
def test_every_adaptor_stays_finite(adaptor, name, seed, size, length):
    neuron = ADAPTORS[adaptor].wrap(varied(NEURONS[name].make, np.random.default_rng(seed + 1)))
    assert_finite(neuron, STEPPERS["ExponentialMidpoint"].make(), seed, size, length)
