"""What holds of every channel: dimensions, steady states, finite values and slopes, precision."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rheobase import channels as ch
from rheobase.units import dimensionless, kelvin, mM, ms, mV, nA, prove, um
from rheobase.units.proof import leaf_units
from tests.laws.helpers import assert_close
from tests.registry import CHANNELS, KINKS, every_channel, every_channel_in_time

VOLTAGES = np.arange(-120.0, 80.0, 0.5)
"""Every round number at which a rate could be 0/0, and what lies between."""
EXTREMES = np.array([-1e4, -1e3, -300, 300, 1e3, 1e4])


def ions_at(v: Any) -> ch.Ions:
    return jax.tree.map(lambda x: jnp.broadcast_to(x, v.shape), ch.Solutions().ions())


def settled(channel: ch.AbstractMechanism, v: Any) -> Any:
    return channel.init(v, ions_at(v))


def floats(tree: Any) -> list:
    return jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))


@every_channel
def test_dimensions_of_the_current(channel):
    made = CHANNELS[channel]()
    v = jnp.asarray(-65.0)
    ions = ch.Solutions().ions()
    arrays, static = eqx.partition(made, eqx.is_array)
    state = settled(made, v)
    ion = ch.Ion(mM, mM, mV, nA * ms / (mM * um**3), dimensionless)
    units = (
        leaf_units(arrays, made), leaf_units(state, state), mV, ch.Ions(ion, ion, ion, ion, kelvin)
    )  # fmt: skip

    def current(arrays, state, v, ions):
        return eqx.combine(arrays, static).current(state, v, ions)

    prove(current, units, nA / um**2, arguments=(arrays, state, v, ions))

    def margin(arrays, state, v):
        return eqx.combine(arrays, static).margin(state, v)

    if isinstance(made, ch.AbstractFiring):
        prove(margin, units[:3], dimensionless, arguments=(arrays, state, v))


@every_channel
def test_the_initial_state_stays(channel, x64):
    made, v = CHANNELS[channel](), jnp.asarray(VOLTAGES)
    state = settled(made, v)
    assert_close(made.moved(state, v, ions_at(v), 5.0), state, rtol=1e-12)


@every_channel_in_time
def test_a_state_settles(channel, x64):
    """From any state, at constant voltage, in a time that is long for every channel."""
    made, v = CHANNELS[channel](), jnp.asarray(VOLTAGES)
    state = settled(made, v)
    if not isinstance(made, ch.AbstractChannel):
        return
    away = jax.tree.map(lambda x: 0.5 * x + 0.1, state)
    assert_close(made.moved(away, v, ions_at(v), 1e9), state, rtol=1e-6)


@every_channel
def test_values_and_slopes_are_finite_and_smooth(channel, x64):
    """At every voltage, and equal to finite differences: no hole where a rate is 0/0."""
    made, v = CHANNELS[channel](), jnp.asarray(VOLTAGES)

    def everything(v):
        state = settled(made, v)
        away = jax.tree.map(lambda x: 0.9 * x if eqx.is_inexact_array(x) else x, state)
        moved = made.moved(away, v, ions_at(v), 0.1)
        return floats(state) + floats(moved) + [made.current(state, v, ions_at(v))]

    values, slopes = jax.jvp(everything, (v,), (jnp.ones_like(v),))
    smooth = ~np.isin(VOLTAGES, KINKS.get(channel, ()))
    nearby = 1e-5
    pairs = zip(everything(v + nearby), everything(v - nearby), strict=True)
    for value, slope, (above, below) in zip(values, slopes, pairs, strict=True):
        assert np.all(np.isfinite(value)) and np.all(np.isfinite(slope))
        measured = (above - below) / (2 * nearby)
        scale = np.abs(slope).max()
        np.testing.assert_allclose(slope[smooth], measured[smooth], rtol=1e-4, atol=1e-6 * scale)


@every_channel_in_time
@pytest.mark.parametrize("dt", [0.025, 1e3])
def test_nothing_is_infinite_at_extreme_voltages(channel, dt, precision):
    made, v = CHANNELS[channel](), jnp.asarray(EXTREMES, precision)

    def end(v):
        state = settled(made, jnp.full_like(v, -65))
        moved = made.moved(state, v, ions_at(v), dt)
        return floats(moved) + floats(settled(made, v)) + [made.current(moved, v, ions_at(v))]

    values, slopes = jax.jvp(end, (v,), (jnp.ones_like(v),))
    assert all(np.all(np.isfinite(x)) for x in (*values, *slopes))


@every_channel_in_time
def test_float32_is_close_to_float64(channel):
    def result():
        made, v = CHANNELS[channel](), jnp.asarray(VOLTAGES, jnp.result_type(float))
        state = settled(made, v)
        return floats(state) + [made.current(state, v, ions_at(v))]

    single = result()
    with jax.enable_x64(True):
        double = result()
    assert_close([np.float64(x) for x in single], double, rtol=2e-5)
