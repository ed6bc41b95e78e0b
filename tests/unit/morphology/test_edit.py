"""Trees made from trees: what is kept when they are cut, joined, moved and turned."""

import numpy as np
import pytest

from rheobase.errors import ArgumentError, ParameterError, ShapeError
from rheobase.morphology import Location, Section, Tree, cut, join, move, rotate
from rheobase.units import UnitError, um


def neuron():
    body = Section(length=20 * um, radius=10 * um, region="soma")
    trunk = Section(length=100 * um, radius=[3, 1] * um, region="apical", parent=body)
    side = Section(length=80 * um, radius=0.7 * um, region="apical", parent=trunk, at=0.25)
    left = Section(length=90 * um, radius=1 * um, region="apical", parent=trunk)
    axon = Section(length=50 * um, radius=0.3 * um, region="axon", parent=body, at=0)
    return Tree([body, trunk, side, left, axon]).named("far", [2, 3])


def test_a_cut_takes_off_what_lies_beyond():
    tree = neuron()
    half = cut(tree, Location(1, 0.5))
    assert half.region == ("soma", "apical", "apical", "axon")
    np.testing.assert_allclose(half.lengths, [20, 50, 80, 50])
    np.testing.assert_allclose(half.attach, [0, 1, 0.5, 0])
    np.testing.assert_allclose(half.samples(1)[1], [3, 2])
    assert half.where("far").tolist() == [False, False, True, False]
    assert cut(tree, Location(1, 0)).region == ("soma", "axon")
    assert cut(tree, Location(1, 1)).region == ("soma", "apical", "apical", "axon")


def test_what_is_cut_can_be_joined_again():
    tree = neuron()
    axon = Tree([Section(length=50 * um, radius=0.3 * um, region="axon", direction=(0, -1, 0))])
    again = join(cut(tree, Location(4, 0)), Location(0, 0.0), axon)
    np.testing.assert_allclose(again.points, tree.points)
    assert again == tree


def test_joined_trees_keep_their_regions():
    tuft = Tree([Section(length=9 * um, radius=1 * um, region="tuft")]).named("far", [0])
    both = join(neuron(), Location(3, 1.0), tuft)
    assert both.where("far").tolist() == [False, False, True, True, False, True]
    np.testing.assert_allclose(both.samples(5)[0][0], both.samples(3)[0][-1])


def test_moving_and_turning_change_nothing_but_places():
    tree = neuron()
    there = rotate(move(tree, [10, 20, 30] * um), 137, axis=(1, 2, 3))
    for name in ("lengths", "areas", "volumes", "branch_order"):
        np.testing.assert_allclose(getattr(there, name), getattr(tree, name))
    sections, ends = np.arange(5), np.ones(5)
    np.testing.assert_allclose(there.distance(sections, ends), tree.distance(sections, ends))
    np.testing.assert_allclose(there.xyz(*there.origin), [[10, 20, 30]], atol=1e-12)
    back = rotate(there, -137, axis=(1, 2, 3))
    np.testing.assert_allclose(back.points - [10, 20, 30], tree.points, atol=1e-12)


def test_the_turn_is_by_the_right_hand_and_about_any_point():
    stick = Tree([Section(length=10 * um, radius=1 * um, region="axon")])
    np.testing.assert_allclose(rotate(stick, 90).samples(0)[0][1], [-10, 0, 0], atol=1e-12)
    turned = rotate(stick, 180, about=[0, 10, 0] * um)
    np.testing.assert_allclose(turned.samples(0)[0], [[0, 20, 0], [0, 10, 0]], atol=1e-12)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda t: cut(t, Location(0, 0)), ParameterError, "leaves nothing"),
        (lambda t: cut(t, Location(9, 0)), ParameterError, "from 0 to 4"),
        (lambda t: join(t, Location(0, 2), t), ParameterError, "off the tree"),
        (lambda t: join(t, Location(0, 1), "axon"), ArgumentError, "is a tree"),
        (lambda t: move(t, [1, 2, 3]), UnitError, r"\*um"),
        (lambda t: move(t, [1, 2] * um), ShapeError, "x, y, z"),
        (lambda t: rotate(t, 90, axis=(0, 0, 0)), ParameterError, "direction"),
    ],
)
def test_impossible_edits_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make(neuron())
