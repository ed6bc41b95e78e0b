"""Trees by hand, distances, places and regions."""

import numpy as np
import pytest

from rheobase.errors import ArgumentError, ParameterError, ShapeError, UnknownName
from rheobase.morphology import Section, Tree, ball_and_stick, soma
from rheobase.units import DomainError, UnitError, ms, um


def neuron():
    body = Section(length=20 * um, radius=10 * um, region="soma")
    trunk = Section(length=100 * um, radius=2 * um, region="apical", parent=body)
    left = Section(length=100 * um, radius=1 * um, region="apical", parent=trunk)
    right = Section(length=60 * um, radius=0.5 * um, region="apical", parent=trunk)
    axon = Section(length=50 * um, radius=0.3 * um, region="axon", parent=body, at=0)
    return Tree([body, trunk, left, right, axon])


def test_distances_begin_in_the_middle_of_the_soma():
    tree = neuron()
    assert tree.path_distance(0, [0, 0.5, 1]).tolist() == [10, 0, 10]
    assert tree.path_distance([1, 2, 3, 4], 1).tolist() == [110, 210, 170, 60]
    np.testing.assert_allclose(tree.distance([1, 4], [1, 1]), [110, 60])
    assert (tree.distance([2, 3], [1, 1]) < [210, 170]).all()


def test_orders_children_and_subtrees():
    tree = neuron()
    assert tree.branch_order.tolist() == [0, 0, 1, 1, 0]
    assert tree.children(1).tolist() == [2, 3]
    assert tree.subtree(1).tolist() == [False, True, True, True, False]


def test_a_change_of_region_is_no_branch_point():
    body = Section(length=20 * um, radius=10 * um, region="soma")
    hillock = Section(length=20 * um, radius=1 * um, region="hillock", parent=body)
    axon = Section(length=50 * um, radius=0.3 * um, region="axon", parent=hillock)
    assert Tree([body, hillock, axon]).branch_order.tolist() == [0, 0, 0]


def test_what_grows_from_a_beginning_grows_from_where_that_does():
    body = Section(length=20 * um, radius=10 * um, region="soma")
    one = Section(length=20 * um, radius=1 * um, region="basal", parent=body)
    two = Section(length=20 * um, radius=1 * um, region="basal", parent=one, at=0)
    tree = Tree([body, one, two])
    assert tree.parent.tolist() == [-1, 0, 0] and tree.attach.tolist() == [0, 1, 1]


def test_places():
    tree = neuron()
    assert tree.locate("soma") == (0, 0.5)
    assert tree.locate("axon", at=0.2) == (4, 0.2)
    assert tree.locate(section=2, at=1) == (2, 1)
    # The thickest of the two branches that are 140 um away.
    assert tree.locate("apical", path_distance=140 * um) == pytest.approx((2, 0.3))
    assert tree.locate(path_distance=200 * um) == pytest.approx((2, 0.9))
    assert tree.locate("apical", path_distance=110 * um)[0] == 1
    found = tree.locate("apical", distance=90 * um)
    assert found == pytest.approx((1, 0.8))
    for place in ((2, 0.3), (3, 0.5), (4, 1.0)):
        assert tree.locate(xyz=tree.xyz(*place)[0] * um) == pytest.approx(place)


@pytest.mark.parametrize(
    "place, error, message",
    [
        ({"region": "apicall", "path_distance": 5 * um}, UnknownName, "Did you mean 'apical'"),
        ({"region": "apical"}, ArgumentError, "has 3 sections"),
        ({"region": "apical", "path_distance": 500 * um}, ParameterError, "from 10 to 210 um"),
        ({"region": "axon", "distance": 500 * um}, ParameterError, "no place of axon"),
        ({"region": "axon", "path_distance": 5}, UnitError, r"path_distance=5\*um"),
        ({"section": 7}, ParameterError, "from 0 to 4"),
        ({"section": "soma"}, ArgumentError, "is a number"),
        ({"section": 1, "at": 1.5}, ParameterError, "off the tree"),
        ({"region": "axon", "section": 1}, ArgumentError, "in one way"),
        ({"region": "axon", "at": 1, "distance": 9 * um}, ArgumentError, "in one way"),
        ({"at": 0.5}, ArgumentError, "say where"),
        ({}, ArgumentError, "say where"),
    ],
)
def test_places_off_the_tree_are_refused(place, error, message):
    with pytest.raises(error, match=message):
        neuron().locate(**place)


def test_regions_of_the_user():
    tree = neuron().named("tuft", [2, 3])
    assert tree.where("tuft").tolist() == [False, False, True, True, False]
    assert tree.regions == ("soma", "apical", "axon", "dendrite", "tuft", "all")
    assert tree.named("thin", tree.where("tuft") | tree.where("axon")).where("thin").sum() == 3
    with pytest.raises(ParameterError, match="already"):
        tree.named("axon", [1])
    with pytest.raises(ParameterError, match="from 0 to 4"):
        tree.named("far", [5])
    with pytest.raises(ShapeError, match="flags"):
        tree.named("far", np.ones(3, bool))


def test_the_simplest_neurons():
    np.testing.assert_allclose(soma(radius=5 * um).areas, 4 * np.pi * 25)
    stick = ball_and_stick(length=100 * um, radius=[2, 1] * um)
    np.testing.assert_allclose(stick.areas[1], np.pi * 3 * np.hypot(100, 1))


def test_points_by_hand():
    path = Section(points=[[0, 0, 0], [3, 4, 0], [3, 4, 12]] * um, radius=[1, 2, 3] * um)
    tree = Tree([path])
    assert tree.lengths.tolist() == [17]
    np.testing.assert_allclose(tree.xyz(0, 5 / 17), [[3, 4, 0]])
    np.testing.assert_allclose(tree.radius(0, 11 / 17), [2.5])


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: Section(length=10 * um, radius=5), UnitError, r"radius=5\*um"),
        (lambda: Section(length=10 * ms, radius=5 * um), UnitError, "length"),
        (lambda: Section(length=10 * um, radius=0 * um), DomainError, "> 0"),
        (lambda: Section(radius=1 * um), ArgumentError, "one of the two"),
        (lambda: Section(length=9 * um, radius=1 * um, at=2), ParameterError, "from 0 to 1"),
        (lambda: Section(length=9 * um, radius=1 * um, region="my axon"), ArgumentError, "name"),
        (lambda: Section(length=9 * um, radius=1 * um, parent="soma"), ArgumentError, "parent"),
        (lambda: Section(points=[[0, 0, 0]] * um, radius=1 * um), ShapeError, "two samples"),
        (lambda: Section(points=[[0, 0, 0]] * 2 * um, radius=1 * um), ParameterError, "one place"),
        (lambda: Tree([]), ArgumentError, "made of sections"),
        (lambda: Tree([Section(length=9 * um, radius=1 * um)] * 2), ParameterError, "one root"),
        (
            lambda: Tree([Section(length=9 * um, radius=1 * um,
                                  parent=Section(length=9 * um, radius=1 * um))]),
            ArgumentError,
            "parents first",
        ),
    ],
)  # fmt: skip
def test_wrong_sections_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
