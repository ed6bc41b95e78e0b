"""Compartments: exact integrals, parents first, conductances against a chain of resistors."""

import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ParameterError, ShapeError
from rheobase.morphology import Section, Tree, ball_and_stick, discretise
from rheobase.units import DomainError, Hz, UnitError, cm, ms, ohm, uF, um
from tests.unit.io.by_hand import random_swc


def random_tree(tmp_path, seed):
    file = tmp_path / "cell.swc"
    file.write_text(random_swc(seed))
    return rb.io.read_swc(file)


def test_a_cone_is_integrated_exactly():
    cone = Tree([Section(length=90 * um, radius=[3, 1] * um, region="axon")])
    cut = discretise(cone, n=3)
    edges = 3 - 2 * np.arange(4) / 3
    slant = np.hypot(30, 2 / 3)
    np.testing.assert_allclose(cut.area, np.pi * (edges[:-1] + edges[1:]) * slant)
    a, b = edges[:-1], edges[1:]
    np.testing.assert_allclose(cut.volume, np.pi * 10 * (a * a + a * b + b * b))
    centres = (a + b) / 2
    np.testing.assert_allclose(cut.axial[1:], 30 / (np.pi * centres[:-1] * centres[1:]))
    np.testing.assert_allclose(cut.radius, centres)
    np.testing.assert_allclose(cut.at, [1 / 6, 1 / 2, 5 / 6])
    np.testing.assert_allclose(cut.path_distance, [15, 45, 75])


@pytest.mark.parametrize("seed", range(6))
def test_nodes_come_after_their_parents_and_lie_between_them(tmp_path, seed):
    tree = random_tree(tmp_path, seed)
    for rule in ({"max_length": 4 * um}, {"n": 1}, {"n": 2}, {"d_lambda": 0.02}):
        cut = discretise(tree, **rule)
        assert cut.parent[0] == -1 and (cut.parent[1:] >= 0).all()
        assert (cut.parent < np.arange(len(cut))).all()
        assert (cut.axial[1:] > 0).all() and cut.axial[0] == 0
        assert np.isfinite(cut.axial).all()
        assert cut.membrane[0] and (cut.length[cut.membrane] > 0).all()
        assert cut.region[0] == "soma"


def resistance(cut, one, two):
    """The axial integral between two nodes, summed along the tree."""
    way = {}
    total, here = 0.0, one
    while here >= 0:
        way[here] = total
        total, here = total + cut.axial[here], cut.parent[here]
    total, here = 0.0, two
    while here not in way:
        total, here = total + cut.axial[here], cut.parent[here]
    return total + way[here]


@pytest.mark.parametrize("seed", range(4))
def test_resistance_does_not_depend_on_the_number_of_compartments(tmp_path, seed):
    """From tip to soma the axial integral is that of the frusta, however it is cut."""
    tree = random_tree(tmp_path, seed)
    coarse, fine = discretise(tree, n=1), discretise(tree, n=9)
    middle = [cut.node(tree.locate(section=0, at=0.5)) for cut in (coarse, fine)]
    for i in range(1, len(tree), 7):
        ends = [cut.node(tree.locate(section=i, at=0.5)) for cut in (coarse, fine)]
        np.testing.assert_allclose(
            resistance(coarse, middle[0], ends[0]),
            resistance(fine, middle[1], ends[1]),
            rtol=1e-5,
        )


def test_no_node_stands_where_only_one_section_goes_on():
    trunk = Section(length=100 * um, radius=1 * um, region="basal")
    one = Section(length=50 * um, radius=1 * um, region="axon", parent=trunk)
    assert len(discretise(Tree([trunk, one]), n=2)) == 4
    two = Section(length=50 * um, radius=1 * um, region="axon", parent=trunk)
    cut = discretise(Tree([trunk, one, two]), n=2)
    assert len(cut) == 7 and (~cut.membrane).sum() == 1
    np.testing.assert_allclose(cut.axial[1:] * np.pi, [50, 25, 12.5, 25, 12.5, 25])


def test_a_branch_from_within_a_section_has_a_node_where_it_leaves():
    trunk = Section(length=100 * um, radius=1 * um, region="basal")
    side = Section(length=50 * um, radius=1 * um, region="basal", parent=trunk, at=0.4)
    cut = discretise(Tree([trunk, side]), n=2)
    assert cut.parent.tolist() == [-1, 0, 1, 1, 3]
    np.testing.assert_allclose(cut.axial * np.pi, [0, 15, 35, 12.5, 25])
    middle = Section(length=50 * um, radius=1 * um, region="basal", parent=trunk, at=0.25)
    assert len(discretise(Tree([trunk, middle]), n=2)) == 4  # it leaves at a centre


def test_branches_before_the_first_compartment_of_the_root():
    soma = Section(length=20 * um, radius=10 * um, region="soma")
    rest = [
        Section(length=50 * um, radius=1 * um, region="basal", parent=soma, at=at)
        for at in (0, 0, 0.1, 1)
    ]
    cut = discretise(Tree([soma, *rest]), n=1)
    assert cut.parent.tolist() == [-1, 0, 1, 2, 2, 1, 0]
    np.testing.assert_allclose(cut.axial[:3] * np.pi * 100, [0, 8, 2])


def test_the_rule_of_d_lambda():
    # NEURON's form of it: lambda_f = 1e5 sqrt(d/(4 pi f R_a C_m)), all in its units.
    lambda_f = 1e5 * np.sqrt(2 / (4 * np.pi * 100 * 150 * 2))
    stick = ball_and_stick(length=1000 * um, radius=1 * um)
    rule = {"axial_resistivity": 150 * ohm * cm, "capacitance": 2 * uF / cm**2}
    cut = discretise(stick, d_lambda=0.1, frequency=100 * Hz, **rule)
    assert cut.membrane.sum() - 1 == 2 * int((1000 / (0.1 * lambda_f) + 0.9) / 2) + 1


def test_no_compartment_is_longer_than_asked():
    stick = ball_and_stick(length=300 * um)
    assert discretise(stick, max_length=100 * um).length.tolist() == [20, 100, 100, 100]
    assert discretise(stick, max_length=99 * um).length.max() == 75


def test_regions_of_nodes():
    cut = discretise(ball_and_stick(length=300 * um), max_length=100 * um)
    assert cut.where("dendrite").tolist() == [False, True, True, True]
    assert cut.where("all").all()
    with pytest.raises(LookupError, match="Did you mean 'dendrite'"):
        cut.where("dendrites")


def test_equal_content_is_equal():
    one, two = (discretise(ball_and_stick(length=200 * um), n=3) for _ in range(2))
    assert one == two and hash(one) == hash(two) and one.tree == two.tree
    assert one != discretise(one.tree, n=4)
    with pytest.raises(ValueError, match="read-only"):
        one.area[0] = 1


@pytest.mark.parametrize(
    "rule, error, message",
    [
        ({"max_length": 20}, UnitError, r"max_length=20\*um"),
        ({"max_length": 20 * ms}, UnitError, "measured in um"),
        ({"max_length": -1 * um}, DomainError, "must be > 0"),
        ({"max_length": [1, 2] * um}, ShapeError, "one number"),
        ({"max_length": 1e-6 * um}, ParameterError, "compartments"),
        ({"n": 0}, DomainError, ">= 1"),
        ({"n": 1.5}, ArgumentError, "counts compartments"),
        ({"n": [1, 2, 3]}, ShapeError, "one for each of the 2 sections"),
        ({"n": 1, "d_lambda": 0.1}, ArgumentError, "one of them"),
        ({"d_lambda": 0}, DomainError, "d_lambda"),
        ({"d_lambda": 0.1, "frequency": 1 * um}, UnitError, "frequency"),
    ],
)
def test_wrong_rules_are_refused(rule, error, message):
    with pytest.raises(error, match=message):
        discretise(ball_and_stick(), **rule)
