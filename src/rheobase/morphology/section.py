"""A section by hand, and where it is drawn when only its length was given."""

from typing import Any, final

import numpy as np

from rheobase.errors import ArgumentError, ParameterError, ShapeError, brief
from rheobase.units import DomainError, um
from rheobase.units.fields import to_numbers

UP = np.array([0.0, 1.0, 0.0])
_HEADINGS = {"axon": -UP, "basal": -UP}
"""Where a section that leaves the soma goes; all others go up."""
_SPREAD = np.pi / 3
"""Largest angle between the first and the last of several sections from one place."""


@final
class Section:
    """An unbranched piece of neurite, for a `Tree` built by hand.

    **Arguments:** (all by keyword)

    - `length`: of the piece (um), straight; or
    - `points`: its samples, of shape (samples, 3) in um, at least two;
    - `radius`: one for all of it, or one for each sample; with `length` they are evenly spaced.
    - `region`: soma, axon, basal, apical, dendrite, or a name of your own.
    - `parent`: the section it grows from; None for the root.
    - `at`: how far along the parent, from 0 to 1.
    - `direction`: (x, y, z) in which a section without points is drawn; electrically of no account.

    **Raises:** `UnitError` for what is no length, `DomainError` where one is not positive,
    `ShapeError` for samples that do not fit together, `ParameterError` for `at` outside 0 to 1,
    `ArgumentError` unless exactly one of `length` and `points` is given.

    **Example:** a dendrite that tapers from 2 to 1 um.

        >>> import rheobase as rb
        >>> from rheobase.units import um
        >>> rb.morphology.Section(length=100 * um, radius=[2, 1] * um, region="apical")
        Section(apical, 100 um, 2 samples)
    """

    __slots__ = ("at", "direction", "length", "parent", "points", "radii", "region")

    def __init__(
        self,
        *,
        radius: Any,
        length: Any = None,
        points: Any = None,
        region: str = "dendrite",
        parent: "Section | None" = None,
        at: float = 1.0,
        direction: Any = None,
    ):
        if (length is None) == (points is None):
            raise ArgumentError(
                "a section has a `length` or `points`, one of the two. "
                "Write rb.morphology.Section(length=100*um, radius=1*um)."
            )
        if parent is not None and not isinstance(parent, Section):
            raise ArgumentError(
                f"`parent` is the section it grows from, got {brief(parent)}. "
                "Write Section(length=100*um, radius=1*um, parent=soma)."
            )
        if not 0 <= at <= 1:
            raise ParameterError(f"`at` is from 0 to 1 along the parent, got {at}. Write at=1.0.")
        if not isinstance(region, str) or not region.isidentifier():
            raise ArgumentError(
                f"`region` is a name of letters, digits and _, got {brief(region)}. "
                "Write region='apical'."
            )
        self.region, self.parent, self.at = region, parent, float(at)
        self.radii = _positive(radius, "radius")
        self.direction = None if direction is None else np.asarray(direction, float)
        self.points = None
        if points is None:
            self.length = float(_positive(length, "length"))
            _check_radii(self.radii)
        else:
            self.points = to_numbers(points, um, "points", "Section(points={}, radius=1*um)")
            _check_points(self.points, self.radii)
            self.length = float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())

    def __repr__(self) -> str:
        samples = max(2, self.radii.size) if self.points is None else len(self.points)
        return f"Section({self.region}, {self.length:.6g} um, {samples} samples)"


def _positive(value: Any, name: str) -> np.ndarray:
    numbers = to_numbers(value, um, name, f"Section({name}={{}})")
    if not (np.isfinite(numbers).all() and (numbers > 0).all()):
        raise DomainError(f"`{name}` must be > 0, got {value}. Write for example {name}=1*um.")
    return numbers


def _check_points(points: np.ndarray, radii: np.ndarray) -> None:
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < 2:
        raise ShapeError(
            f"`points` has the shape (samples, 3) with two samples or more, got {points.shape}. "
            "Write points=[[0, 0, 0], [0, 100, 0]]*um."
        )
    if not np.isfinite(points).all():
        raise ParameterError("`points` must be finite.")
    if np.ptp(points, axis=0).max() == 0:
        raise ParameterError("`points` are all at one place: a section has a length.")
    if radii.shape not in ((), (len(points),)):
        raise ShapeError(
            f"`radius` is one number, or one for each of the {len(points)} points, got "
            f"{radii.shape}."
        )


def _check_radii(radii: np.ndarray) -> None:
    if radii.ndim > 1 or radii.shape == (1,) or radii.size == 0:
        raise ShapeError(
            f"`radius` is one number, or two or more along the section, got the shape "
            f"{radii.shape}. Write radius=[2, 1]*um."
        )


def placed(
    rows: list[Section], parent: np.ndarray, attach: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Points and radii of each section; those that have only a length are drawn."""
    done: list[tuple[np.ndarray, np.ndarray]] = []
    for i, row in enumerate(rows):
        if row.points is not None:
            done.append((row.points, np.broadcast_to(row.radii, len(row.points))))
            continue
        radii = np.broadcast_to(row.radii, 2) if row.radii.ndim == 0 else row.radii
        start, heading = np.zeros(3), UP
        if parent[i] >= 0:
            above = done[parent[i]]
            start = _along(above[0], attach[i])
            heading = _heading(rows, parent, attach, i, above[0][-1] - above[0][0])
        if row.direction is not None:
            heading = row.direction / np.linalg.norm(row.direction)
        if row.region == "soma" and parent[i] < 0:
            start = -heading * row.length / 2  # the middle of the soma is the origin
        steps = np.linspace(0, row.length, len(radii))
        done.append((start + steps[:, None] * heading, radii))
    return done


def _along(points: np.ndarray, at: float) -> np.ndarray:
    """The point at a fraction of the path of a section."""
    path = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return np.array([np.interp(at * path[-1], path, points[:, axis]) for axis in range(3)])


def _heading(
    rows: list[Section], parent: np.ndarray, attach: np.ndarray, i: int, along: np.ndarray
) -> np.ndarray:
    """Sections from one place fan out in the plane, around the way that they go."""
    from_soma = rows[parent[i]].region == "soma"
    towards = _HEADINGS.get(rows[i].region, UP) if from_soma else along / np.linalg.norm(along)
    beside = [
        j
        for j in range(len(rows))
        if parent[j] == parent[i]
        and (not from_soma or (rows[j].region == rows[i].region))
        and (from_soma or attach[j] == attach[i])
    ]
    angle = 0.0
    if len(beside) > 1:
        angle = _SPREAD * (beside.index(i) / (len(beside) - 1) - 0.5)
    elif not from_soma and attach[i] < 1:
        angle = _SPREAD
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return turn @ towards
