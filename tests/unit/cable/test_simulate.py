"""Cells against closed forms and against each other."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import ArgumentError, UnknownName
from rheobase.units import MOhm, S, cm, ms, mV, nA, ohm, um
from tests.laws.helpers import assert_same_bits

DT = 0.025 * ms
STEPPERS = {"CrankNicolson": (rb.CrankNicolson(), 2), "BackwardEuler": (rb.BackwardEuler(), 1)}


def cylinder(length=1000 * um, n=101, **more):
    section = rb.morphology.Section(length=length, radius=1 * um, region="dendrite")
    tree = rb.morphology.Tree([section])
    return rb.Cell(tree, n=n, **more).insert(ch.Leak(g=1e-4 * S / cm**2, e=-65 * mV))


def y_shaped(n=9):
    soma = rb.morphology.Section(length=20 * um, radius=10 * um, region="soma")
    trunk = rb.morphology.Section(length=150 * um, radius=1.5 * um, region="apical", parent=soma)
    tufts = [
        rb.morphology.Section(length=length * um, radius=0.7 * um, region="apical", parent=trunk)
        for length in (100, 160)
    ]
    return rb.Cell(rb.morphology.Tree([soma, trunk, *tufts]), n=n)


def test_a_sealed_cable_settles_at_its_closed_form(x64):
    """Steady input at one end: v(x) ~ cosh((l - x)/lambda)."""
    cell = cylinder()
    end = cell.at(section=0, at=0.0)
    run = rb.simulate(
        cell, current={end: 0.05 * nA}, duration=200 * ms, dt=0.1 * ms, record={"v": "all"}
    )
    radius, g, resistivity = 1e-4, 1e-4, 100.0
    constant = np.sqrt(radius / (2 * resistivity * g))  # cm
    length = 0.1
    x = (np.arange(101) + 0.5) / 101 * length
    infinite = resistivity * constant / (np.pi * radius**2)  # ohm
    scale = 0.05e-9 * infinite / np.sinh(length / constant) * 1e3  # mV
    expected = -65 + scale * np.cosh((length - x) / constant)
    assert np.abs(run.v[-1] - expected).max() < 2e-3


def test_compartments_converge_at_second_order(x64):
    errors = []
    for n in (11, 33, 99):
        cell = cylinder(n=n)
        ends = {cell.at(section=0, at=0.5): 0.05 * nA}
        run = rb.simulate(cell, current=ends, duration=20 * ms, dt=0.1 * ms,
                          record={"v": [cell.at(section=0, at=0.5)]})  # fmt: skip
        errors.append(run.v[-1, 0])
    # Errors fall by 9 when compartments are cut in three.
    assert 7.5 < (errors[0] - errors[1]) / (errors[1] - errors[2]) < 10.5


@pytest.mark.parametrize("rule", STEPPERS)
def test_the_order_of_the_rule(rule, x64):
    """A spike that runs through a branched cell; the input is smooth."""
    stepper, order = STEPPERS[rule]
    cell = y_shaped(3).insert(ch.HH())
    soma, tip = cell.at("soma"), cell.at(section=3, at=1.0)

    def at(dt):
        wave = rb.stimulus.Sine(6 * nA, frequency=100 / 1000 / ms)
        run = rb.simulate(cell, current={soma: wave}, duration=4 * ms, dt=dt * ms,
                          stepper=stepper, record={"v": [soma, tip]})  # fmt: skip
        assert run.v.max() > 0
        return run.v[-1]

    coarse, middle, fine = at(0.02), at(0.01), at(0.005)
    measured = np.log2(np.abs(coarse - middle) / np.abs(middle - fine))
    np.testing.assert_allclose(measured, order, atol=0.25)


def test_rest_is_rest_to_the_bit():
    """In float32, however the cell is cut, a passive cell at rest does not move."""
    cell = y_shaped(27).insert(ch.Leak(e=-65 * mV))
    run = rb.simulate(cell, duration=100 * ms, dt=DT, record="v")
    np.testing.assert_array_equal(run.v, -65)


def test_leak_and_fire_are_lif(x64):
    """One compartment with leak and Fire: the intervals of the closed form."""
    cell = rb.Cell(rb.morphology.soma(radius=10 * um))
    cell = cell.insert(ch.Leak(g=1e-4 * S / cm**2, e=-70 * mV))
    cell = cell.insert(ch.Fire(v_th=-50 * mV, v_reset=-70 * mV, refractory=3 * ms))
    soma = cell.at("soma")
    run = rb.simulate(cell, current={soma: 0.04 * nA}, duration=200 * ms, dt=0.005 * ms,
                      record={"v": soma})  # fmt: skip
    area = 4 * np.pi * 10**2
    resistance = 1 / (1e-4 * 1e6 * area * 1e-8)  # MOhm
    interval = 10 * np.log(0.04 * resistance / (0.04 * resistance - 20)) + 3
    intervals = np.diff(run.spike_times())
    assert len(intervals) > 3
    np.testing.assert_allclose(intervals, interval, atol=0.006)
    # The voltage that crossed is recorded, and then stays at the reset for exactly 600 steps.
    spike = int(np.flatnonzero(run.spikes)[0])
    assert run.v[spike, 0] >= -50
    np.testing.assert_array_equal(run.v[spike + 1 : spike + 601, 0], -70)
    assert run.v[spike + 601, 0] > -70


def test_a_dendrite_fires_by_itself():
    cell = y_shaped(3).insert(ch.Leak(e=-65 * mV))
    tip = cell.at(section=3, at=1.0)
    cell = cell.insert(ch.Fire(), at=tip)
    run = rb.simulate(cell, current={tip: 0.3 * nA}, duration=50 * ms, dt=DT,
                      record={"v": [tip, cell.at("soma")]})  # fmt: skip
    assert run.spikes.shape == (2000,) and run.counts > 3
    assert run.v[:, 0].max() >= -50 > run.v[:, 1].max() > -65


def test_continuing_is_one_run():
    cell = y_shaped(3).insert(ch.HH()).insert(ch.Fire(v_th=-20 * mV, refractory=1 * ms), at="soma")
    soma = cell.at("soma")
    noise = rb.stimulus.OrnsteinUhlenbeck(1 * nA, 1 * nA, 3 * ms)

    def run(duration, **more):
        return rb.simulate(cell, current={soma: noise}, duration=duration * ms, dt=DT,
                           record={"v": soma, "HH.m": soma}, **more)  # fmt: skip

    whole = run(20, key=jax.random.key(0))
    first = run(8, key=jax.random.key(0))
    second = run(12, state=first.final)
    assert_same_bits(whole.final, second.final)
    for name in ("v", "HH.m"):
        joined = np.concatenate([first[name], second[name]])
        np.testing.assert_array_equal(joined, whole[name])


def test_several_cells_at_once_are_each_by_itself():
    cell = y_shaped(3).insert(ch.HH())
    soma = cell.at("soma")
    amplitudes = np.array([0.5, 1.0, 2.0])

    def run(current, **more):
        return rb.simulate(cell, current={soma: current * nA}, duration=5 * ms, dt=DT,
                           record={"v": soma}, **more).v  # fmt: skip

    together = run(amplitudes, n=3)
    assert together.shape == (200, 3, 1)
    for k, amplitude in enumerate(amplitudes):
        np.testing.assert_allclose(together[:, k], run(amplitude), rtol=0, atol=2e-3)


def test_voltage_clamp(x64):
    """Through a resistance the steady state is a divider; without one it is the command."""
    cell = rb.Cell(rb.morphology.soma(radius=10 * um))
    cell = cell.insert(ch.Leak(g=1e-3 * S / cm**2, e=-65 * mV))
    soma = cell.at("soma")
    clamp = rb.VoltageClamp(-25 * mV, series_resistance=5 * MOhm)
    run = rb.simulate(cell, clamp={"v": {soma: clamp}}, duration=50 * ms, dt=DT,
                      record={"v": soma, "clamp": soma}, stepper=rb.BackwardEuler())  # fmt: skip
    conductance = 1e-3 * 1e6 * 4 * np.pi * 100 * 1e-8  # uS
    expected = 40 / (5 + 1 / conductance)  # nA
    np.testing.assert_allclose(run["clamp"][-1], expected, rtol=1e-6)
    np.testing.assert_allclose(run.v[-1], -65 + expected / conductance, rtol=1e-6)
    hard = rb.simulate(cell, clamp={"v": {soma: -25 * mV}}, duration=1 * ms, dt=DT, record="v")
    np.testing.assert_array_equal(hard.v, -25)


def test_the_current_of_an_ideal_clamp_balances_all_others(x64):
    """Family of steps onto HH in a dendrite: clamp = capacitive + ionic + axial current."""
    cell = y_shaped(3).insert(ch.HH()).insert(ch.Leak(g=1e-3 * S / cm**2, e=-65 * mV))
    soma = cell.at("soma")
    step = rb.stimulus.Constant(-65 * mV) + rb.stimulus.Step(40 * mV, start=2 * ms)
    record = {"v": "all", "clamp": soma, "HH.i": "all", "Leak.i": "all", "i_membrane": "all"}
    run = rb.simulate(cell, clamp={"v": {soma: step}}, duration=20 * ms, dt=DT, record=record,
                      stepper=rb.BackwardEuler())  # fmt: skip
    # At the end of a step of backward Euler, where the voltage stands still.
    ionic = (run["HH.i"] + run["Leak.i"])[:, 0]
    still = np.flatnonzero(np.diff(np.asarray(run.v)[:, 0]) == 0) + 1
    axial = -run["i_membrane"][:, 0]
    np.testing.assert_allclose(run["clamp"][still, 0], (ionic + axial)[still], rtol=2e-2, atol=1e-4)
    # The same current through a very small resistance, after the capacitance is charged.
    soft = rb.VoltageClamp(step, series_resistance=1e-3 * MOhm)
    close = rb.simulate(cell, clamp={"v": {soma: soft}}, duration=20 * ms, dt=DT, record=record,
                        stepper=rb.BackwardEuler())  # fmt: skip
    np.testing.assert_allclose(run["clamp"][100:], close["clamp"][100:], rtol=1e-3, atol=5e-3)
    # All charge of the step: C dv over one dt.
    jump = float(run["clamp"][80, 0]) * 0.025
    assert jump > 40 * 4 * np.pi * 100 * 1e-5 * 0.9


def test_currents_of_channels_are_conductance_times_driving_force():
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.HH())
    soma = cell.at("soma")
    names = ("v", "HH.m", "HH.h", "HH.n", "HH.i")
    run = rb.simulate(cell, current={soma: 0.3 * nA}, duration=10 * ms, dt=DT,
                      record={name: soma for name in names})  # fmt: skip
    hh, area = ch.HH(), 4 * np.pi * 100
    v, m, h, n = (np.asarray(run[name]) for name in names[:4])
    density = hh.g_Na * m**3 * h * (v - hh.e_Na) + hh.g_K * n**4 * (v - hh.e_K)
    density += hh.g_L * (v - hh.e_L)
    np.testing.assert_allclose(run["HH.i"], area * density, rtol=1e-3, atol=1e-5)
    assert run.units["HH.i"] == nA
    with pytest.raises(UnknownName, match="HH.i"):
        rb.simulate(cell, clamp={"HH.i": {soma: 1 * nA}}, duration=1 * ms, dt=DT)


def test_any_variable_can_be_clamped():
    cell = rb.Cell(rb.morphology.soma(radius=10 * um)).insert(ch.HH())
    soma = cell.at("soma")
    run = rb.simulate(cell, clamp={"HH.m": {soma: 0.02}}, current={soma: 0.3 * nA},
                      duration=30 * ms, dt=DT, record={"v": soma, "HH.m": soma})  # fmt: skip
    np.testing.assert_array_equal(run["HH.m"], np.float32(0.02))
    assert run.v.max() < -30


def test_every_keeps_the_last_of_each():
    cell = y_shaped(3).insert(ch.HH())
    full = rb.simulate(cell, duration=5 * ms, dt=DT, record="v")
    some = rb.simulate(cell, duration=5 * ms, dt=DT, record=rb.Record("v", every=7))
    np.testing.assert_array_equal(some.v, full.v[6::7])
    np.testing.assert_array_equal(some.t, full.t[6::7])


def test_membrane_currents_add_up_to_what_is_injected(x64):
    cell = y_shaped(3).insert(ch.HH())
    soma = cell.at("soma")
    run = rb.simulate(cell, current={soma: 1 * nA}, duration=3 * ms, dt=DT, record="i_membrane")
    np.testing.assert_allclose(run["i_membrane"].sum(axis=1), 1.0, rtol=1e-6)


def test_line_source_far_away_is_a_point(x64):
    cell = y_shaped(3)
    inside = int(cell.compartments.membrane.sum())
    one = jnp.zeros((1, inside)).at[0, 0].set(1.0)
    far = rb.cable.line_source(cell, one, [[0, -1e5, 0]] * um, resistivity=300 * ohm * cm)
    np.testing.assert_allclose(far, 3 / (4 * np.pi * 1e5), rtol=1e-3)


def test_gradients_are_finite_differences(x64):
    """Of every leaf: conductances, areas, axial integrals, resistivity, capacitance."""
    cell = y_shaped(3).insert(ch.HH(), at="soma").insert(ch.Leak(), at="apical")
    soma, tip = cell.at("soma"), cell.at(section=3, at=1.0)

    @eqx.filter_jit
    def loss(cell):
        run = rb.simulate(cell, current={soma: 1 * nA}, duration=4 * ms, dt=DT,
                          record={"v": [soma, tip]})  # fmt: skip
        return jnp.mean(run.v**2) / 1e3

    gradient = eqx.filter_grad(loss)(cell)
    leaves, structure = jax.tree.flatten(eqx.filter(cell, eqx.is_inexact_array))
    flat = jax.tree.leaves(gradient)
    assert len(flat) == len(leaves)
    random = np.random.default_rng(0)
    for k, (leaf, slope) in enumerate(zip(leaves, flat, strict=True)):
        along = random.normal(size=leaf.shape) * np.abs(leaf) * (np.asarray(leaf) != 0)

        def moved(by, k=k, along=along):
            new = [x + by * along if i == k else x for i, x in enumerate(leaves)]
            return loss(eqx.combine(jax.tree.unflatten(structure, new), cell))

        measured = (moved(1e-5) - moved(-1e-5)) / 2e-5
        np.testing.assert_allclose(jnp.sum(slope * along), measured, rtol=2e-4, atol=1e-7)


def test_forward_and_reverse_mode_agree(x64):
    cell = y_shaped(3).insert(ch.HH())
    soma = cell.at("soma")

    def loss(g):
        changed = eqx.tree_at(lambda c: c["HH"].g_Na, cell, g)
        return rb.simulate(changed, current={soma: 1 * nA}, duration=4 * ms, dt=DT,
                           record={"v": soma}).v.mean()  # fmt: skip

    g = cell["HH"].g_Na
    np.testing.assert_allclose(jax.jacfwd(loss)(g), jax.grad(loss)(g), rtol=1e-9)


@pytest.mark.slow
def test_checkpoints_change_memory_and_nothing_else(x64):
    """Steps in stretches of every length, of which the last may be shorter."""
    cell = y_shaped(3).insert(ch.HH(), at="soma").insert(ch.Leak(), at="apical")
    soma = cell.at("soma")

    def program(checkpoint, duration=4.0):
        def loss(g):
            changed = eqx.tree_at(lambda c: c["HH"].g_Na, cell, g)
            run = rb.simulate(changed, current={soma: 1 * nA}, duration=duration * ms, dt=DT,
                              record={"v": soma}, checkpoint=checkpoint)  # fmt: skip
            return run.v.mean() + run.final.neuron.v.sum()

        return jax.jit(jax.value_and_grad(loss)).lower(cell["HH"].g_Na).compile()

    g = cell["HH"].g_Na
    value, slope = program(False)(g)
    for checkpoint in (True, 7, 1000):
        found = program(checkpoint)(g)
        np.testing.assert_allclose(found[0], value, rtol=1e-12)
        np.testing.assert_allclose(found[1], slope, rtol=1e-9)
    full, lean = (program(c, 400.0).memory_analysis().temp_size_in_bytes for c in (False, True))
    assert lean < full / 10
    with pytest.raises(ArgumentError, match="checkpoint=True"):
        program(0)
