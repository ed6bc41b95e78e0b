"""What a reset does to a gradient: nothing without a spike, and each input once with one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.devices import dynapse2 as d2
from rheobase.neurons import Onset, variables
from rheobase.step import step
from rheobase.units import ms, nA, um
from tests.laws.helpers import poised
from tests.registry import ADAPTORS, FEW_ADAPTORS, NEURONS, slow_but

RESETTING = [name for name, row in NEURONS.items() if row.resets]
DT = [0.1, pytest.param(0.025, marks=pytest.mark.slow), pytest.param(0.005, marks=pytest.mark.slow)]
OPTIONS = {"default": lambda neuron: neuron, "through reset": rb.SurrogateReset}


def assert_true_slope(mean, currents, rtol=1e-3):
    """The gradient of a mean voltage by the current is its finite difference."""
    mean = jax.jit(jax.vmap(mean))
    at = jnp.asarray(currents)
    step = 1e-5 * np.abs(at).max()
    real = (mean(at + step) - mean(at - step)) / (2 * step)
    assert np.all(np.abs(real) > 0)
    found = jax.jit(jax.grad(lambda at: mean(at).sum()))(at)
    np.testing.assert_allclose(found, real, rtol=rtol)


def silent(neuron, dt, pulse=False):
    """The mean voltage of a run of 40 ms without a spike."""

    def mean(current):
        drive = current * nA
        if pulse:
            drive = rb.stimulus.Step(drive, start=5 * ms, stop=6 * ms)
        run = rb.simulate(neuron, current=drive, duration=40 * ms, dt=dt * ms, record=("v",))
        return run.v.mean() + 1e9 * jax.lax.stop_gradient(run.spikes.sum())

    return mean


@pytest.mark.parametrize("dt", DT)
@pytest.mark.parametrize("name", slow_but(("LIF", "AdEx"), RESETTING))
@pytest.mark.parametrize("option", OPTIONS)
def test_a_voltage_that_no_spike_can_reach_has_its_true_slope(name, option, dt, x64):
    """Below the reset, and between reset and threshold."""
    quiet = float(NEURONS[name].quiet.value)
    neuron = OPTIONS[option](NEURONS[name].make())
    assert_true_slope(silent(neuron, dt), [-2 * quiet, quiet])


@pytest.mark.parametrize("adaptor", slow_but(FEW_ADAPTORS[:2], [a for a in ADAPTORS if "R" in a]))
def test_of_every_adaptor_too(adaptor, x64):
    if adaptor != "SurrogateReset":
        neuron = rb.SurrogateReset(ADAPTORS[adaptor].wrap(rb.LIF()))
        assert_true_slope(silent(neuron, 0.1), [-2.0, 1.0])


@pytest.mark.parametrize("option", OPTIONS)
def test_a_fast_rise_that_is_no_upstroke_has_its_true_slope(option, x64):
    assert_true_slope(silent(OPTIONS[option](rb.AdEx()), 0.1, pulse=True), [3.0])


CELLS = {
    "Fire": lambda: [ch.Leak(), ch.Fire()],
    "Fire, cut": lambda: [ch.Leak(), ch.Fire(through_reset=False)],
    "exponential": lambda: [ch.Leak(), ch.ExpSpike(), ch.Fire(v_th=-30 * rb.units.mV)],
    "AdEx": lambda: [ch.AdEx()],
    "Izhikevich": lambda: [ch.Izhikevich()],
    "PointNeuron": lambda: [ch.PointNeuron(rb.Refractory(rb.AdEx(), 2 * ms))],
}
CURRENT = {"AdEx": 1e-3, "Izhikevich": 0.01, "PointNeuron": 1e-3}


def soma(kind):
    cell = rb.Cell(rb.morphology.soma(radius=10 * um))
    for channel in CELLS[kind]():
        cell = cell.insert(channel)
    return cell


def voltage(cell, duration, dt):
    place = cell.at("soma")

    def mean(current):
        run = rb.simulate(
            cell, current={place: current * nA}, duration=duration * ms, dt=dt * ms,
            record={"v": place},
        )  # fmt: skip
        return run.v.mean()

    return mean


@pytest.mark.parametrize("dt", DT)
@pytest.mark.parametrize("kind", slow_but(("Fire",), CELLS))
def test_a_cell_that_no_spike_can_reach_has_its_true_slope(kind, dt, x64):
    size = CURRENT.get(kind, 0.01)
    assert_true_slope(voltage(soma(kind), 100, dt), [-10 * size, -size, size])


def test_the_chip_too(x64):
    neuron = rb.SurrogateReset(d2.Neuron())

    def mean(current):
        run = rb.simulate(neuron, current=current * nA, duration=40 * ms, dt=1 * ms, record="Imem")
        return run.Imem.mean()

    assert_true_slope(mean, [9e-3, 1.1e-2])


@pytest.mark.parametrize("name", slow_but(("ALIF", "AdEx"), RESETTING))
def test_a_spike_uses_up_what_led_to_it(name, x64):
    """Nothing of the voltage is left; what is left of the rest is bounded, and none without one."""
    row = NEURONS[name]
    plain = row.make()
    neuron, v = rb.SurrogateReset(plain), poised(plain, -0.02)["v"].value

    def after(by, current):
        state = variables.replace(neuron.init(), "v", v + by)
        rule = rb.ExponentialEuler()
        done = step(neuron, rule, state, jnp.asarray(current), None, 1.0, None, False)
        return done.state, done.spike

    one = (jnp.asarray(0.0),), (jnp.asarray(1.0),)
    for current, fires in ((1e3 * row.drive.value, True), (-1e3 * row.drive.value, False)):
        (_, spike), (moved, slope) = jax.jvp(lambda by: after(by, current), *one)  # noqa: B023
        upstroke = plain.onset is Onset.UPSTROKE
        if not fires and not upstroke:
            assert spike == 0 and variables.get(moved, "v") != 0
        if spike == 1:
            assert variables.get(moved, "v") == 0 and 0 < slope <= 4
            others = [x for name, x in variables.items(moved) if name != "v"]
            assert np.all(np.isfinite(others))


def test_long_runs_are_finite_in_single_precision():
    """Ten seconds, with nothing clipped, of neurons that are silent and that fire and reset."""
    neuron = rb.SurrogateReset(rb.LIF())

    def mean(current):
        run = rb.simulate(
            neuron, n=3, current=current * nA, duration=10000 * ms, dt=0.5 * ms,
            record=rb.Record("v", spikes=None),
        )  # fmt: skip
        return run.v.mean(axis=0)

    at = jnp.asarray([-2.0, 1.0, 2.0])
    found = jax.jit(jax.grad(lambda x: mean(x).sum()))(at)
    real = (mean(at + 1e-2) - mean(at - 1e-2)) / 2e-2
    np.testing.assert_allclose(found[:2], real[:2], rtol=0.1)
    assert np.isfinite(found[2])


@pytest.mark.slow
@pytest.mark.parametrize("kind", CELLS)
def test_long_runs_of_cells_are_finite_in_single_precision(kind):
    mean = voltage(soma(kind), 10000, 0.1)
    size = CURRENT.get(kind, 0.01)
    at = jnp.asarray([-10 * size, size])
    slopes = jax.jit(jax.vmap(jax.grad(mean)))
    real = (jax.vmap(mean)(at + 0.1 * size) - jax.vmap(mean)(at - 0.1 * size)) / (0.2 * size)
    np.testing.assert_allclose(slopes(at), real, rtol=0.1)
    assert np.all(np.isfinite(slopes(jnp.asarray([0.1, 0.3, 1.0]))))
