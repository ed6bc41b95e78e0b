"""Cells whose compartments become thicker and longer, against cells built so."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rheobase as rb
from rheobase import channels as ch
from rheobase.errors import ShapeError, UnknownName
from rheobase.units import DomainError, ms, nA, um


def tree(thicker=1.0, longer=1.0, soma=1.0, taper=1.0):
    """A soma, a trunk that grows from its middle, and from the trunk a twig and two tufts."""
    body = rb.morphology.Section(length=20 * soma * um, radius=8 * soma * um, region="soma")
    trunk = rb.morphology.Section(
        length=90 * longer * um, radius=[1.5 * thicker, 1.5 * thicker * taper] * um,
        region="apical", parent=body, at=0.4,
    )  # fmt: skip
    twigs = [
        rb.morphology.Section(length=40 * longer * um, radius=0.5 * thicker * um, region="apical",
                              parent=trunk, at=at)
        for at in (0.37, 1.0, 1.0)
    ]  # fmt: skip
    return rb.morphology.Tree([body, trunk, *twigs])


def assert_same_geometry(one, other):
    for name in ("area", "axial", "shell"):
        found, expected = getattr(one.cable, name), getattr(other.cable, name)
        np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=name)


def test_scaled_cylinders_are_those_that_were_built_so(x64):
    cell = rb.Cell(tree(), n=3)
    scaled = cell.scaled(radius=1.3, length=0.8, at="apical")
    assert_same_geometry(scaled, rb.Cell(tree(1.3, 0.8), n=3))
    assert_same_geometry(scaled.scaled(radius=1 / 1.3, length=1 / 0.8, at="apical"), cell)


def test_a_cell_of_any_form_scaled_as_a_whole_is_the_larger_cell(x64):
    cell = rb.Cell(tree(taper=0.4), n=4)
    larger = rb.Cell(tree(1.5, 1.5, 1.5, taper=0.4), n=4)
    assert_same_geometry(cell.scaled(radius=1.5, length=1.5), larger)


def test_the_way_along_a_cone_is_the_integral_of_ds_over_its_girth():
    cone = rb.morphology.Section(length=90 * um, radius=[3, 0.5] * um, region="dendrite")
    cut = rb.morphology.discretise(rb.morphology.Tree([cone]), n=3)
    x = np.linspace(15, 75, 200_001)
    girth = 2 * np.pi * (3 - 2.5 * x / 90)
    slant = np.hypot(90, 2.5) / 90
    expected = np.trapezoid(slant / girth, x)
    np.testing.assert_allclose(cut.shell.sum(), expected, rtol=1e-9)


@pytest.mark.slow
def test_gradients_to_radii_and_lengths_are_finite_differences(x64):
    """Of each compartment and of a region, in reverse and forward mode."""
    cell = rb.Cell(tree(taper=0.6), n=3).insert(ch.HH())
    soma, tip = cell.at("soma"), cell.at(section=3, at=1.0)

    def reached(cell):
        run = rb.simulate(cell, current={soma: 1 * nA}, duration=3 * ms, dt=0.025 * ms,
                          record={"v": [soma, tip]})  # fmt: skip
        return jnp.mean(run.v**2) / 1e3

    @jax.jit
    def loss(arrays, factor):
        changed = eqx.tree_at(lambda c: (c.radius, c.length), cell, arrays)
        return reached(changed.scaled(radius=factor, at="apical"))

    point = (cell.radius, cell.length), jnp.asarray(1.0)
    reverse, forward = jax.grad(loss, (0, 1))(*point), jax.jacfwd(loss, (0, 1))(*point)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12),
                 reverse, forward)  # fmt: skip
    inside = np.flatnonzero(cell.compartments.membrane)
    for k in (0, 1):
        for node in inside[:: len(inside) // 4]:

            def moved(by, k=k, node=node):
                arrays = list(point[0])
                arrays[k] = arrays[k].at[node].add(by)
                return loss(tuple(arrays), point[1])

            measured = (moved(1e-4) - moved(-1e-4)) / 2e-4
            np.testing.assert_allclose(reverse[0][k][node], measured, rtol=1e-5, atol=1e-8)
    measured = (loss(point[0], 1 + 1e-5) - loss(point[0], 1 - 1e-5)) / 2e-5
    np.testing.assert_allclose(reverse[1], measured, rtol=1e-5)


def test_what_is_refused():
    cell = rb.Cell(tree(), n=3)
    with pytest.raises(DomainError, match=r"Write cell.scaled\(radius=1.1\)"):
        cell.scaled(radius=-1.0)
    with pytest.raises(ShapeError, match="3 compartments"):
        cell.scaled(length=[1.0, 2.0], at="soma")
    with pytest.raises(UnknownName, match="apical"):
        cell.scaled(radius=2.0, at="apicl")
