"""Concentrations along a tree: closed forms of diffusion, amounts, and the order in time."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import ShapeError
from rheobase.units import mM, ms, nA, um

D = 0.5
STILL = 1e12 * ms


def y_shaped(n=5, taper=1.0):
    soma = rb.morphology.Section(length=20 * um, radius=5 * um, region="soma")
    trunk = rb.morphology.Section(
        length=60 * um, radius=[2 * taper, 1] * um, region="apical", parent=soma
    )
    tufts = [
        rb.morphology.Section(length=length * um, radius=0.7 * um, region="apical", parent=trunk)
        for length in (50, 80)
    ]
    return rb.Cell(rb.morphology.Tree([soma, trunk, *tufts]), n=n)


def diffused(cell, start, duration, dt, at="all", **more):
    """Concentrations (time, places) that begin at `start`, one for each compartment there."""
    pump = ch.CaDynamics(decay=STILL, rest=start * mM)
    cell = cell.insert(ch.Diffusing(pump, D=D * um**2 / ms), at=at)
    run = rb.simulate(cell, duration=duration * ms, dt=dt * ms,
                      record={"CaDynamics.ca": at}, **more)  # fmt: skip
    return np.asarray(run["CaDynamics.ca"], float)


def stick(n, length=100.0):
    section = rb.morphology.Section(length=length * um, radius=1 * um, region="dendrite")
    return rb.Cell(rb.morphology.Tree([section]), n=n)


def test_a_mode_of_a_sealed_cylinder_decays_by_itself(x64):
    """c = 1 + cos(pi x/l) exp(-D (pi/l)^2 t)/2; of second order in the compartments."""
    errors = []
    for n in (9, 27):
        x = (np.arange(n) + 0.5) / n
        c = diffused(stick(n, 30.0), 1 + 0.5 * np.cos(np.pi * x), 100, 0.5)
        expected = 1 + 0.5 * np.cos(np.pi * x) * np.exp(-D * (np.pi / 30) ** 2 * 100)
        errors.append(np.abs(c[-1] - expected).max())
    assert errors[1] < 3e-4
    assert 7 < errors[0] / errors[1] < 11


def test_a_point_spreads_as_a_gaussian(x64):
    """An amount at one place of a long cylinder: standard deviation sqrt(2 D t)."""
    n, t = 201, 100.0
    step = 100.0 / n
    start = np.full(n, 1e-9)
    start[100] = 1.0
    c = diffused(stick(n), start, t, 0.25)[-1]
    x = (np.arange(n) - 100) * step
    width = 2 * D * t
    expected = step * np.exp(-(x**2) / (2 * width)) / np.sqrt(2 * np.pi * width)
    np.testing.assert_allclose(c, expected, atol=2e-3 * expected.max())
    assert np.isclose((c * x**2).sum() / c.sum(), width, rtol=1e-3)


def test_none_is_lost_on_a_tree_and_all_becomes_even(x64):
    cell = y_shaped()
    inside = cell.compartments.membrane
    start = np.linspace(0.1, 2.0, inside.sum())
    c = diffused(cell, start, 1e5, 50.0, stepper=rb.BackwardEuler())
    area = cell.compartments.area[inside]
    np.testing.assert_allclose(c @ area, start @ area, rtol=1e-10)
    np.testing.assert_allclose(c[-1], (start @ area) / area.sum(), rtol=1e-5)


def test_nothing_goes_where_the_pump_is_not(x64):
    """Two tufts whose trunk has no pump: what one loses, the other gains at their branch point."""
    cell = y_shaped()
    start = np.concatenate([np.linspace(0.1, 1.0, 5), np.linspace(2.0, 1.0, 5)])
    tufts = [cell.at(section=i, at=(k + 0.5) / 5) for i in (2, 3) for k in range(5)]
    pump = ch.Diffusing(ch.CaDynamics(decay=STILL, rest=start * mM), D=D * um**2 / ms)
    cell = cell.insert(pump, at=tufts)
    assert len(cell.mechanisms[0].between) == 1
    run = rb.simulate(cell, duration=20 * ms, dt=0.5 * ms, record={"CaDynamics.ca": tufts})
    area = cell.compartments.area[list(cell.mechanisms[0].nodes)]
    amount = np.asarray(run["CaDynamics.ca"], float) * area
    np.testing.assert_allclose(amount.sum(axis=1), start @ area, rtol=1e-12)
    assert np.ptp(amount[:, :5].sum(axis=1)) > 0.01 * amount[0, :5].sum()


def calcium(cell, diffuses):
    pump = ch.CaDynamics(gamma=0.1, decay=20 * ms)
    cell = cell.insert(ch.HH()).insert(ch.Ca_HVA()).insert(ch.SK_E2())
    return cell.insert(ch.Diffusing(pump) if diffuses else pump)


@pytest.mark.slow
@pytest.mark.parametrize("diffuses", [False, True])
def test_calcium_does_not_lower_the_order(diffuses, x64):
    """Its current, its reversal potential and what it opens: still of second order in time."""
    cell = calcium(y_shaped(1), diffuses)
    soma, tip = cell.at("soma"), cell.at(section=3, at=1.0)

    def at(dt):
        wave = rb.stimulus.Sine(1 * nA, frequency=100 / 1000 / ms)
        run = rb.simulate(cell, current={soma: wave}, duration=4 * ms, dt=dt * ms,
                          record={"v": [soma, tip], "CaDynamics.ca": [soma, tip]})  # fmt: skip
        assert run.v.max() > 0
        return np.concatenate([run.v[-1], run["CaDynamics.ca"][-1]])

    coarse, middle, fine = at(0.02), at(0.01), at(0.005)
    measured = np.log2(np.abs(coarse - middle) / np.abs(middle - fine))
    np.testing.assert_allclose(measured, 2, atol=0.3)


@pytest.mark.slow
def test_gradients_of_diffusion_are_finite_differences(x64):
    """Reverse and forward mode, to the coefficient and to the shape."""
    cell = calcium(y_shaped(3, taper=1.5), True)
    soma, tip = cell.at("soma"), cell.at(section=3, at=1.0)

    @jax.jit
    def loss(d, longer):
        changed = eqx.tree_at(lambda c: c["CaDynamics"].D, cell, d).scaled(length=longer)
        run = rb.simulate(changed, current={soma: 1 * nA}, duration=4 * ms, dt=0.025 * ms,
                          record={"CaDynamics.ca": [tip]})  # fmt: skip
        return 1e4 * run["CaDynamics.ca"].mean()

    for k in range(2):
        point = [jnp.asarray(0.3), jnp.asarray(1.0)]
        up, down = list(point), list(point)
        up[k], down[k] = up[k] + 1e-5, down[k] - 1e-5
        measured = (loss(*up) - loss(*down)) / 2e-5
        np.testing.assert_allclose(jax.grad(loss, k)(*point), measured, rtol=1e-5)
        np.testing.assert_allclose(jax.jacfwd(loss, k)(*point), measured, rtol=1e-5)


def test_what_is_refused():
    with pytest.raises(ShapeError, match="one number"):
        ch.Diffusing(ch.CaDynamics(), D=[0.1, 0.2] * um**2 / ms)
