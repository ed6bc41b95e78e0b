"""Reading SWC: geometry against loops, awkward files read or refused by the line."""

import os
from pathlib import Path

import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import MorphologyError
from rheobase.units import UnitError, ms, um
from tests.unit.io.by_hand import frusta, random_swc

BALL = "1 1 0 0 0 10 -1\n"


@pytest.fixture
def read(tmp_path):
    def reader(text, **more):
        file = tmp_path / "cell.swc"
        file.write_text(text)
        return rb.io.read_swc(file, **more)

    return reader


@pytest.mark.parametrize("seed", range(8))
def test_the_geometry_is_that_of_the_frusta(tmp_path, seed):
    file = tmp_path / "cell.swc"
    file.write_text(random_swc(seed))
    tree, hand = rb.io.read_swc(file), frusta(file)
    np.testing.assert_allclose(tree.lengths.sum(), hand["length"], rtol=1e-12)
    np.testing.assert_allclose(tree.volumes.sum(), hand["volume"], rtol=1e-12)
    # A section of no length is no section; all that it may lose is a ring of membrane.
    assert tree.areas.sum() == pytest.approx(hand["area"], rel=2e-3)
    cut = rb.morphology.discretise(tree, max_length=3 * um)
    np.testing.assert_allclose(cut.area.sum(), tree.areas.sum(), rtol=1e-12)
    np.testing.assert_allclose(cut.volume.sum(), hand["volume"], rtol=1e-12)


def test_a_soma_of_one_sample_is_a_sphere(read):
    tree = read(BALL)
    np.testing.assert_allclose(tree.areas, 4 * np.pi * 100)
    assert tree.region == ("soma",)
    np.testing.assert_allclose(tree.xyz(*tree.origin), [[0, 0, 0]])


def test_three_samples_may_stand_for_a_sphere(read):
    tree = read(BALL + "2 1 0 -10 0 10 1\n3 1 0 10 0 10 1\n4 3 10 0 0 1 1\n5 3 60 0 0 1 4\n")
    np.testing.assert_allclose(tree.areas, [4 * np.pi * 100, 2 * np.pi * 50])
    assert tree.attach.tolist() == [0, 0.5]


def test_the_outer_two_of_three_samples_may_lie_anywhere(read):
    """As at neuromorpho.org: the neurite begins at its own first sample, 10 um long."""
    tree = read(
        "1 1 10 0 0 10 -1\n2 1 0 0 0 10 1\n3 1 10 0 -10 10 1\n4 3 40 0 0 1 1\n5 3 50 0 0 1 4\n"
    )
    np.testing.assert_allclose(tree.lengths, [20, 10])
    np.testing.assert_allclose(tree.areas, [4 * np.pi * 100, 2 * np.pi * 10])


def test_a_neurite_of_one_sample_begins_in_the_middle_of_the_soma(read):
    tree = read(BALL + "2 3 30 0 0 1 1\n")
    np.testing.assert_allclose(tree.lengths, [20, 30])
    np.testing.assert_allclose(tree.samples(1)[1], [1, 1])


def test_a_soma_in_several_parts_of_the_file_is_one_section(read):
    tree = read("1 1 0 0 0 1 -1\n2 1 1 0 0 1 1\n3 3 5 0 0 1 2\n4 3 6 0 0 1 3\n5 1 -1 0 0 1 1\n"
                "6 1 -2 0 0 1 5")  # fmt: skip
    assert tree.region == ("soma", "basal")
    np.testing.assert_allclose(tree.lengths, [3, 5])
    np.testing.assert_allclose(tree.areas.sum(), 2 * np.pi * 8)


def test_neurites_leave_the_soma_without_cutting_it(read):
    tree = read("1 1 0 0 0 8 -1\n2 1 0 10 0 8 1\n3 1 0 20 0 8 2\n4 3 9 10 0 1 2\n5 3 90 10 0 1 4\n"
                "6 2 -9 10 0 1 2\n7 2 -50 10 0 1 6\n8 4 0 90 0 2 3\n9 2 0 -9 0 1 1\n")  # fmt: skip
    assert tree.region == ("soma", "axon", "basal", "axon", "apical")
    assert tree.attach.tolist() == [0, 0, 0.5, 0.5, 1]


def test_a_soma_in_the_middle_of_a_file_becomes_the_root(read):
    tree = read("1 2 0 0 0 1 -1\n2 2 50 0 0 1 1\n3 1 60 0 0 8 2\n4 3 90 0 0 1 3\n5 3 99 0 0 1 4\n")
    assert tree.region[0] == "soma"
    assert sorted(tree.region) == ["axon", "basal", "soma"]
    np.testing.assert_allclose(tree.lengths[tree.where("axon")], 50)


def test_a_root_that_branches_without_a_soma(read):
    tree = read("1 3 0 0 0 1 -1\n2 3 9 0 0 1 1\n3 3 0 9 0 1 1\n4 3 0 0 9 1 1\n")
    assert tree.parent.tolist() == [-1, 0, 0] and tree.attach.tolist() == [0, 0, 0]
    cut = rb.morphology.discretise(tree, n=1)
    assert len(cut) == 4 and cut.membrane.sum() == 3


def test_the_order_of_lines_is_of_no_account(read):
    lines = random_swc(3).splitlines()
    assert read("\n".join(lines)).areas.sum() == pytest.approx(
        read("\n".join(lines[::-1])).areas.sum(), rel=1e-12
    )


def test_two_roots_that_touch_are_one_neuron(read):
    tree = read("1 1 0 0 0 1 -1\n2 1 1 0 0 0.5 1\n3 1 2 0 0 1 -1\n4 1 3 0 0 0.5 3\n")
    np.testing.assert_allclose(tree.lengths, [3])


def test_a_root_given_again_with_a_parent_is_one_sample(read):
    tree = read("1 1 0 0 0 1 -1\n2 1 1 0 0 0.5 1\n3 1 2 0 0 1 -1\n4 1 3 0 0 0.5 3\n3 1 2 0 0 1 2\n")
    np.testing.assert_allclose(tree.lengths, [3])


def test_a_distant_root_is_joined_when_asked(read):
    text = BALL + "2 3 12 0 0 1 1\n3 3 90 0 0 1 2\n4 3 110 0 0 1 -1\n5 3 150 0 0 1 4\n"
    with pytest.raises(MorphologyError, match=r"cell.swc, line 4: sample 4 is another root, 18 um "
                       r"away from .* sample 3 \(line 3\).*join=18\*um"):  # fmt: skip
        read(text)
    np.testing.assert_allclose(read(text, join=20 * um).lengths[1:], [138])


def test_other_types_are_regions_too(read):
    tree = read("# region 6 tuft\n" + BALL + "2 6 12 0 0 1 1\n3 6 90 0 0 1 2\n4 9 99 0 0 1 3\n")
    assert tree.region == ("soma", "tuft", "custom9")


@pytest.mark.parametrize(
    "text, message",
    [
        ("# nothing\n\n", "has no samples"),
        (BALL + "# note\n2 3 0 0 1 1\n", "line 3: a sample has the 7 columns"),
        (BALL + "2 3 0 zero 0 1 1\n", "line 2: `y` must be a number, got 'zero'"),
        (BALL + "2 3 0 nan 0 1 1\n", "line 2: `y` is nan"),
        (BALL + "2 3.5 0 0 0 1 1\n", "line 2: `type` must be a whole number, got 3.5"),
        (BALL + "1 3 0 9 0 1 1\n", "line 2: id 1 is used twice, here and in line 1"),
        (BALL + "2 3 0 9 0 1 7\n", "line 2: sample 2 has the parent 7, which does not exist"),
        (BALL + "2 3 0 9 0 1 3\n3 3 0 8 0 1 2\n", "line 2: sample 2 has no way to a root"),
        ("1 1 0 0 0 10 2\n2 3 0 9 0 1 1\n", "line 1: no sample is a root"),
        (BALL + "2 3 0 9 0 0 1\n", r"line 2: sample 2 has the radius 0.*min_radius=0.1\*um"),
        (BALL + "2 3 20 0 0 1 1\n3 1 40 0 0 5 2\n", r"line 3: sample 3 is soma, .*\(line 2\)"),
        ("1 3 0 0 0 1 -1\n", "all samples are at one place"),
    ],
)
def test_what_is_no_neuron_is_refused_with_its_line(read, text, message):
    with pytest.raises(MorphologyError, match=message):
        read(text)


def test_a_smallest_radius_can_be_set(read):
    tree = read(BALL + "2 3 12 0 0 0 1\n3 3 90 0 0 0 2\n", min_radius=0.5 * um)
    assert tree.samples(1)[1].tolist() == [0.5, 0.5]
    with pytest.raises(UnitError, match="min_radius"):
        read(BALL, min_radius=1 * ms)


def test_branches_of_no_length_are_no_sections(read):
    tree = read(BALL + "2 3 12 0 0 1 1\n3 3 90 0 0 1 2\n4 3 90 0 0 1 3\n5 3 95 9 0 1 4\n"
                "6 3 95 -9 0 1 4\n7 3 90 0 0 1 3\n")  # fmt: skip
    assert len(tree) == 4 and tree.parent.tolist() == [-1, 0, 1, 1]


def test_what_is_written_is_read_the_same(tmp_path, read):
    text = random_swc(5, still=0)
    for tree in (
        read(text),
        read(BALL),
        read(BALL + "2 3 30 0 0 1 1\n3 3 0 0 0 1 1\n4 3 0 9 0 1 3\n5 3 0 90 0 2 4\n"),
        read("# region 6 tuft\n" + BALL + "2 6 12 0 0 1 1\n3 6 90 0 0 1 2\n4 9 99 0 0 1 3\n"),
        read("1 3 0 0 0 1 -1\n2 3 9 0 0 1 1\n3 3 0 9 0 1 1\n4 3 0 0 9 1 1\n"),
        rb.morphology.soma(radius=7 * um),
    ):
        rb.io.write_swc(tree, tmp_path / "again.swc")
        assert rb.io.read_swc(tmp_path / "again.swc") == tree


def test_a_branch_from_within_a_section_is_written(tmp_path):
    body = rb.morphology.Section(length=30 * um, radius=[8, 6] * um, region="soma")
    trunk = rb.morphology.Section(length=90 * um, radius=[2, 1] * um, region="apical", parent=body)
    side = rb.morphology.Section(
        length=50 * um, radius=1.5 * um, region="tuft", parent=trunk, at=0.5
    )
    tree = rb.morphology.Tree([body, trunk, side])
    rb.io.write_swc(tree, tmp_path / "cell.swc")
    again = rb.io.read_swc(tmp_path / "cell.swc")
    # The trunk is two sections now, with the same membrane and resistance.
    assert sorted(again.region) == ["apical", "apical", "soma", "tuft"]
    for name in ("soma", "apical", "tuft"):
        np.testing.assert_allclose(
            again.areas[again.where(name)].sum(), tree.areas[tree.where(name)].sum(), rtol=1e-12
        )


RECONSTRUCTIONS = sorted(Path(os.environ.get("RHEOBASE_DATA", "none")).glob("morphologies/*.swc"))


@pytest.mark.parametrize("file", RECONSTRUCTIONS, ids=lambda file: file.stem)
def test_reconstructions_have_the_geometry_of_their_frusta(file, tmp_path):
    """Real neurons, where RHEOBASE_DATA has them."""
    tree = rb.io.read_swc(file, min_radius=0.1 * um)
    cut = rb.morphology.discretise(tree, max_length=20 * um)
    np.testing.assert_allclose(cut.area.sum(), tree.areas.sum(), rtol=1e-12)
    assert (cut.axial[1:] > 0).all() and (cut.parent[1:] >= 0).all()
    if "retina" not in file.stem and "multiple" not in file.stem:
        assert tree.areas.sum() == pytest.approx(frusta(file)["area"], rel=1e-12)
    rb.io.write_swc(tree, tmp_path / "again.swc")
    assert rb.io.read_swc(tmp_path / "again.swc") == tree
