"""Reading ASC: the soma from its contour, neurites as MorphIO gives them."""

import morphio
import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import MorphologyError
from rheobase.io.asc import slices
from rheobase.morphology.frusta import frusta
from rheobase.units import um
from tests.unit.io.by_hand import random_swc

SOMA = '("CellBody" (Color Red) (CellBody) (0 5 0 1) (5 0 0 1) (0 -5 0 1) (-5 0 0 1))\n'
DENDRITE = """((Color Blue)
 (Dendrite)
 (0 5 0 2)
 (0 15 0 1.5)
 (
  (0 15 0 1.5)
  (-5 25 0 1)
  Normal
 |
  (5 25 0 1)
  (8 35 0 1)
  Normal
 )
)
"""
AXON = "((Axon) (0 -5 0 2) (0 -15 0 1))\n"


@pytest.fixture
def read(tmp_path):
    def reader(text, **more):
        file = tmp_path / "cell.asc"
        file.write_text(text)
        return rb.io.read_asc(file, **more)

    return reader


def test_a_neuron(read):
    tree = read(SOMA + DENDRITE + AXON)
    assert tree.region == ("soma", "basal", "basal", "basal", "axon")
    assert tree.parent.tolist() == [-1, 0, 1, 1, 0]
    np.testing.assert_allclose(tree.attach[[1, 4]], 0.5, atol=1e-6)
    np.testing.assert_allclose(tree.lengths[1], 10)
    np.testing.assert_allclose(tree.samples(1)[1], [1, 0.75])
    np.testing.assert_allclose(tree.samples(3)[0], [[0, 15, 0], [5, 25, 0], [8, 35, 0]])
    np.testing.assert_allclose(tree.lengths[3], np.hypot(5, 10) + np.hypot(3, 10))


def test_a_branch_begins_with_its_own_first_diameter(read):
    """As NEURON's reader has it, whether or not the file repeats the end of the parent."""
    text = "((Dendrite) (0 0 0 2) (0 5 0 2) ( {}(-5 5 0 3) | (6 5 0 3) ) )"
    plain = read(SOMA + text.format(""))
    np.testing.assert_allclose(plain.areas[1:], np.pi * np.array([2 * 5, 3 * 5, 3 * 6]), rtol=1e-6)
    told = read(SOMA + text.format("(0 5 0 2) "))
    ring = np.pi * (1 + 1.5) * np.hypot(5, 0.5)
    np.testing.assert_allclose(told.areas[1:], [np.pi * 10, ring, np.pi * 18], rtol=1e-6)
    other = read(SOMA + text.format("(0 5 0 4) "))
    ring = np.pi * (2 + 1.5) * np.hypot(5, 0.5)
    np.testing.assert_allclose(other.areas[2], ring, rtol=1e-6)


def test_a_contour_becomes_the_body_of_its_turning():
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = 8 * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1) + [1, 2, 3]
    points, widths = slices(circle)
    np.testing.assert_allclose(points.mean(axis=0), [1, 2, 3], atol=0.1)
    sphere = frusta(points, widths / 2, np.array([0, len(points)]))
    assert sphere.area[-1] == pytest.approx(4 * np.pi * 64, rel=0.05)  # the two ends are open
    assert sphere.volume[-1] == pytest.approx(4 / 3 * np.pi * 512, rel=0.03)


def test_an_ellipse_lies_along_its_longest_axis():
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    points, widths = slices(np.stack([4 * np.cos(turn), 9 * np.sin(turn), 0 * turn], axis=1))
    np.testing.assert_allclose(np.ptp(points, axis=0)[1], 18, rtol=0.01)
    np.testing.assert_allclose(widths.max(), 8, rtol=0.02)


def test_one_neurite_needs_no_soma(read):
    assert read(DENDRITE).region == ("basal",) * 3


@pytest.mark.parametrize(
    "text, message",
    [
        (SOMA + "((Axon) (0 -5 0 2) (0 -15 zero 1))", "line 2"),
        (DENDRITE + AXON, r"line 15: a second neurite begins at \(0, -5, 0\)"),
        (SOMA + "((Axon)\n (0 -5 0 2)\n (0 -15 0 0))", r"line 4: the point \(0, -15, 0\)"),
        ('("CellBody" (CellBody) (0 5 0 1) (5 0 0 1))\n' + AXON, "three or more"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(read, text, message):
    with pytest.raises(MorphologyError, match=message):
        read(text)


def test_a_smallest_radius_can_be_set(read):
    tree = read(SOMA + "((Axon) (0 -5 0 2) (0 -15 0 0))", min_radius=0.25 * um)
    assert tree.samples(1)[1].tolist() == [1, 0.25]


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        rb.io.read_asc(tmp_path / "none.asc")


def test_morphio_reads_the_same_swc(tmp_path):
    """A second reader of SWC: sections, points and radii agree, in its float32."""
    file = tmp_path / "cell.swc"
    file.write_text(random_swc(4, still=0))
    theirs = morphio.Morphology(file, warning_handler=morphio.WarningHandlerCollector())
    ours = rb.io.read_swc(file)
    areas = []
    for section in theirs.sections:
        points, radii = section.points.astype(float), section.diameters.astype(float) / 2
        step = np.linalg.norm(np.diff(points, axis=0), axis=1)
        slant = np.hypot(step, np.diff(radii))
        areas.append(np.pi * ((radii[1:] + radii[:-1]) * slant).sum())
    # MorphIO leaves out the piece between the soma and the first sample of a neurite.
    roots = np.flatnonzero(ours.parent == 0)
    first = ours.first[roots]
    gap = np.linalg.norm(ours.points[first + 1] - ours.points[first], axis=1)
    wires = (2 * np.pi * ours.radii[first] * gap).sum()
    np.testing.assert_allclose(sum(areas) + wires, ours.areas[1:].sum(), rtol=1e-5)
