"""Stimuli that read the clock lose no time, in float32 and after 2^40 steps."""

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase.stimulus import FromArray, Grid, Pulses, Ramp, Sine, Step
from rheobase.stimulus.base import Once
from rheobase.time import Clock
from rheobase.units import Hz, ms, nA

FIRSTS = [0, 10_000_000, 36_000_000, 2**31 - 50, 2**40]


def at(stimulus, first, dt=0.1, steps=100):
    return np.asarray(stimulus.at(Grid(Clock.of(first).ahead(steps), dt, (), jnp.float32)))


@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize("frequency", [0.01, 7.3, 50, 1000])
def test_a_sine_is_that_of_its_stored_frequency(frequency, first):
    wave = Sine(1 * nA, frequency=frequency * Hz)
    stored = Fraction(float(wave.frequency))
    for dt in (0.1, 0.025):
        turns = [(2 * (first + k) + 1) * stored * Fraction(dt) / 2 % 1 for k in range(100)]
        right = [math.sin(2 * math.pi * float(x)) for x in turns]
        np.testing.assert_allclose(at(wave, first, dt), right, atol=1e-6)


@pytest.mark.parametrize("start", [0.0, 1e6, 3.6e6, 1e9])
def test_a_ramp_begins_when_it_should(start):
    ramp = Ramp(0 * nA, 1 * nA, start=start * ms, stop=(start + 512) * ms)
    low, high = Fraction(float(ramp.start_time)), Fraction(float(ramp.stop_time))
    first = round(start / 0.1)
    middle = [Fraction(2 * (first + k) + 1) / 2 * Fraction(0.1) for k in range(100)]
    right = [float(min(max((t - low) / (high - low), 0), 1)) for t in middle]
    np.testing.assert_allclose(at(ramp, first), right, atol=1e-6)


def test_derivatives_by_times_and_frequencies_are_there():
    grid = Grid(Clock.of(0).ahead(200), 0.1, (), jnp.float32)
    total = lambda make: lambda x: make(x).at(grid)[:150].sum()  # noqa: E731
    for make, x in [
        (lambda f: Sine(1 * nA, frequency=f * Hz, phase=0.3), 50.0),
        (lambda p: Sine(1 * nA, frequency=50 * Hz, phase=p), 0.3),
        (lambda t: Ramp(0 * nA, 1 * nA, start=t * ms, stop=18 * ms), 5.02),
        (lambda t: Ramp(0 * nA, 1 * nA, start=5 * ms, stop=t * ms), 18.0),
    ]:
        slope = jax.grad(total(make))(x)
        step = 2e-3 * x
        finite = (total(make)(x + step) - total(make)(x - step)) / (2 * step)
        assert slope == pytest.approx(float(finite), rel=5e-3)


@pytest.mark.parametrize("edge", [2**31, 2**40])
def test_steps_pulses_and_samples_after_long_times(edge):
    """Times that float32 holds: of whole steps of 1/8 ms."""
    dt, first = 0.125, edge - 8
    begin = edge * dt
    np.testing.assert_array_equal(at(Step(1 * nA, start=begin * ms), first, dt, 16) > 0,
                                  np.arange(16) >= 8)  # fmt: skip
    assert at(Pulses([begin] * ms, 1 * nA), first, dt, 16).tolist() == [0] * 8 + [1] + [0] * 7
    samples = FromArray(np.arange(64) * nA, dt=edge // 32 * dt * ms)
    if edge == 2**31:  # a value that lasts longer than 2**30 steps is beyond what is counted
        assert at(samples, first, dt, 16).tolist() == [31] * 8 + [32] * 8
        assert np.flatnonzero(at(Once(samples), first, dt, 16)).tolist() == [8]


def test_an_hour_is_as_a_second_for_a_run():
    membrane = rb.LI(tau=10 * ms, v_rest=0 * rb.units.mV, R=10 * rb.units.MOhm)
    wave = Sine(1 * nA, frequency=50 * Hz)
    go = lambda state: rb.simulate(  # noqa: E731
        membrane, current=wave, duration=20 * ms, dt=0.1 * ms, record="v", state=state
    )
    end = go(None).final
    # The stored 50 Hz is 0.05 + 7e-10 per ms: 10,000 turns later it is 1.5e-4 turns ahead.
    np.testing.assert_allclose(go(end).v, go(end._replace(step=2_000_200)).v, atol=4e-3)
