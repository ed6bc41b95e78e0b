"""Pictures of neurons: every piece once, in its place and colour."""

import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError, UnknownName
from rheobase.morphology import Section, Tree, discretise
from rheobase.plot.dendrogram import columns
from rheobase.plot.pieces import pieces
from rheobase.units import UnitError, ms, mV, um


def neuron():
    body = Section(length=20 * um, radius=10 * um, region="soma")
    trunk = Section(length=100 * um, radius=[2, 1] * um, region="apical", parent=body)
    tips = [
        Section(length=50 * um, radius=0.5 * um, region="apical", parent=trunk) for _ in range(2)
    ]
    axon = Section(length=50 * um, radius=0.3 * um, region="axon", parent=body, at=0)
    return Tree([body, trunk, *tips, axon])


def test_pieces_are_the_whole_tree_once():
    tree = neuron()
    for source in (tree, discretise(tree, max_length=7 * um)):
        parts = pieces(source)
        length = np.linalg.norm(parts.ends[:, 1] - parts.ends[:, 0], axis=1)
        np.testing.assert_allclose(length.sum(), tree.lengths.sum())
    cut = discretise(tree, max_length=7 * um)
    parts = pieces(cut)
    middle = parts.path.mean(axis=1)
    away = np.abs(middle - cut.at[parts.node] * tree.lengths[parts.section])
    assert (away <= cut.length[parts.node] / 2).all()
    assert (cut.section[parts.node] == parts.section).all()


def test_values_give_the_colours():
    cut = discretise(neuron(), max_length=7 * um)
    axes = rb.plot.morphology(cut, cut.path_distance * um, limits=(0, 200))
    lines = axes.collections[0]
    assert lines.get_clim() == (0, 200)
    assert lines.get_array().min() >= 0 and lines.get_array().max() <= 160
    only = rb.plot.morphology(cut, cut.path_distance[cut.membrane] * um, limits=(0, 200))
    np.testing.assert_array_equal(only.collections[0].get_array(), lines.get_array())


def test_regions_have_a_legend():
    axes = rb.plot.morphology(neuron())
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["soma", "apical", "axon"]
    assert rb.plot.morphology(neuron(), view="zy").get_xlabel() == "z (um)"


def test_in_space_and_for_cells():
    cell = rb.Cell(neuron(), max_length=20 * um)
    axes = rb.plot.morphology(cell, view="3d")
    assert axes.name == "3d" and len(axes.collections) == 1


def test_a_film_has_the_values_of_its_time(tmp_path):
    cut = discretise(neuron(), max_length=20 * um)
    values = np.arange(3)[:, None] * 10.0 + cut.path_distance / 100
    film = rb.plot.animation(cut, values * mV, np.arange(3) * ms, every=2)
    film.save(tmp_path / "film.gif", writer="pillow", dpi=40)
    lines = film._fig.axes[0].collections[0]
    assert 20 <= lines.get_array().min() and lines.get_array().max() <= 22
    assert film._fig.axes[0].get_title() == "2.00 ms"


def test_a_dendrogram_has_no_crossings():
    tree = neuron()
    column = columns(tree)
    tips = sorted(column[[2, 3, 4]])
    assert tips == [0, 1, 2]
    assert column[1] == (column[2] + column[3]) / 2
    axes = rb.plot.dendrogram(tree)
    assert axes.get_ylim()[1] > 160


@pytest.mark.parametrize(
    "draw, error, message",
    [
        (lambda c: rb.plot.morphology("cell.swc"), ArgumentError, "a tree, compartments or a cell"),
        (lambda c: rb.plot.morphology(c, c.path_distance), UnitError, "have a unit"),
        (lambda c: rb.plot.morphology(c.tree, c.path_distance * um), ArgumentError, "a tree has"),
        (lambda c: rb.plot.dendrogram(c, [1, 2] * um), ShapeError, "one for each of the"),
        (lambda c: rb.plot.morphology(c, view="top"), UnknownName, "view"),
        (lambda c: rb.plot.animation(c, c.area * um, [0] * ms), ShapeError, "time"),
    ],
)
def test_impossible_pictures_are_refused(draw, error, message):
    with pytest.raises(error, match=message):
        draw(discretise(neuron(), n=1))
