"""Other trees made from a tree: parts taken off or put on, moved and turned."""

from typing import Any

import numpy as np

from rheobase.errors import ArgumentError, ParameterError, ShapeError, brief
from rheobase.morphology.frusta import at
from rheobase.morphology.locate import Location
from rheobase.morphology.tree import Tree
from rheobase.units import um
from rheobase.units.fields import to_numbers


def cut(tree: Tree, place: Location) -> Tree:
    """The tree without what lies beyond a place: `Location(section, 0)` takes a section off whole.

    **Arguments:**

    - `place`: where to cut, as `tree.locate` gives it.

    **Raises:** `ParameterError` where nothing would remain.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import um
        >>> tree = rb.morphology.ball_and_stick(length=200 * um)
        >>> rb.morphology.cut(tree, tree.locate("dendrite", path_distance=60 * um))
        Tree(2 sections, 5 samples: soma 20 um, dendrite 50 um)
    """
    section, share = _place(tree, place)
    if section == 0 and share == 0:
        raise ParameterError("a cut at the beginning of the root leaves nothing. Cut further on.")
    gone = tree.subtree(section)
    gone[section] = share == 0
    for child in tree.children(section):
        if tree.attach[child] < share:
            gone &= ~tree.subtree(child)
    rows = [tree.samples(i) for i in range(len(tree))]
    attach = tree.attach.copy()
    if 0 < share < 1:
        rows[section] = _shortened(tree, section, share)
        attach[tree.parent == section] /= share
    return _some(tree, ~gone, rows, attach)


def join(tree: Tree, place: Location, other: Tree) -> Tree:
    """A tree with another put on, its root growing from a place.

    The other keeps its shape, moved so that it begins there; the user's own regions of the two
    are put together.

    **Arguments:**

    - `place`: on `tree`, as `tree.locate` gives it.
    - `other`: what grows there.

    **Raises:** `ParameterError` for a place off the tree.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import um
        >>> tree = rb.morphology.ball_and_stick(length=200 * um)
        >>> axon = rb.morphology.Tree(
        ...     [rb.morphology.Section(length=50 * um, radius=0.5 * um, region="axon")])
        >>> rb.morphology.join(tree, rb.morphology.Location(0, 0), axon)
        Tree(3 sections, 7 samples: soma 20 um, dendrite 200 um, axon 50 um)
    """
    section, share = _place(tree, place)
    if not isinstance(other, Tree):
        raise ArgumentError(f"`other` is a tree, got {brief(other)}. Write join(a, p, b).")
    shift = tree.xyz(section, share)[0] - other.points[0]
    size = len(tree)
    parent = np.where(other.parent < 0, section, other.parent + size)
    attach = np.where(other.parent < 0, share, other.attach)
    groups = dict(tree.groups)
    for name, sections in other.groups:
        groups[name] = (*groups.get(name, ()), *(i + size for i in sections))
    return Tree.from_arrays(
        points=np.concatenate([tree.points, other.points + shift]),
        radii=np.concatenate([tree.radii, other.radii]),
        first=np.concatenate([tree.first, tree.first[-1] + other.first[1:]]),
        parent=np.concatenate([tree.parent, parent]),
        attach=np.concatenate([tree.attach, attach]),
        region=[*tree.region, *other.region],
        groups=groups.items(),
    )


def move(tree: Tree, by: Any) -> Tree:
    """The tree elsewhere.

    **Arguments:**

    - `by`: (x, y, z) in um.

    **Raises:** `UnitError` and `ShapeError` for what is no such shift.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import um
        >>> there = rb.morphology.move(rb.morphology.soma(), [100, 0, 0] * um)
        >>> there.xyz(0, 0.5).tolist()
        [[100.0, 0.0, 0.0]]
    """
    return tree.with_points(tree.points + _vector(by, "by", "move(tree, {})"))


def rotate(tree: Tree, degrees: float, axis: Any = (0, 0, 1), about: Any = None) -> Tree:
    """The tree turned about an axis, by the right-hand rule.

    **Arguments:**

    - `degrees`: the angle.
    - `axis`: its direction (x, y, z), of any length but zero.
    - `about`: a point of the axis (um); by default the middle of the soma.

    **Raises:** `ParameterError` for an axis without direction, `UnitError` and `ShapeError` for a
    point that is none.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import um
        >>> tree = rb.morphology.ball_and_stick(length=100 * um)
        >>> rb.morphology.rotate(tree, 90).xyz(1, 1).round(9).tolist()
        [[-110.0, 0.0, 0.0]]
    """
    along = np.asarray(axis, float)
    if along.shape != (3,) or not np.linalg.norm(along) > 0:
        raise ParameterError(
            f"`axis` is a direction (x, y, z), got {brief(axis)}. Write (0, 0, 1)."
        )
    x, y, z = along / np.linalg.norm(along)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(float(degrees))
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    centre = tree.xyz(*tree.origin)[0]
    if about is not None:
        centre = _vector(about, "about", "rotate(tree, 90, about={})")
    return tree.with_points((tree.points - centre) @ turn.T + centre)


def _place(tree: Tree, place: Location) -> Location:
    section, share = place
    return tree.locate(section=section, at=share)


def _vector(value: Any, name: str, example: str) -> np.ndarray:
    vector = to_numbers(value, um, name, example)
    if vector.shape != (3,):
        raise ShapeError(f"`{name}` is (x, y, z), got the shape {vector.shape}.")
    return vector


def _shortened(tree: Tree, section: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """The samples of a section before a place, and the place."""
    points, radii = tree.samples(section)
    rows = slice(tree.first[section], tree.first[section + 1])
    length = tree.lengths[section]
    kept = tree.tube.path[rows] < share * length
    end = at(tree.tube, np.array([section]), np.array([share * length]))
    return np.concatenate([points[kept], end.points]), np.append(radii[kept], end.radius)


def _some(tree: Tree, kept: np.ndarray, rows: list, attach: np.ndarray) -> Tree:
    """The tree of some of the sections, with these samples."""
    number = np.cumsum(kept) - 1
    chosen = np.flatnonzero(kept)
    groups = [
        (name, tuple(int(number[i]) for i in sections if kept[i]))
        for name, sections in tree.groups
        if any(kept[i] for i in sections)
    ]
    return Tree.from_arrays(
        points=np.concatenate([rows[i][0] for i in chosen]),
        radii=np.concatenate([rows[i][1] for i in chosen]),
        first=np.concatenate([[0], np.cumsum([len(rows[i][1]) for i in chosen])]),
        parent=np.where(tree.parent[chosen] < 0, -1, number[tree.parent[chosen]]),
        attach=attach[chosen],
        region=[tree.region[i] for i in chosen],
        groups=groups,
    )
