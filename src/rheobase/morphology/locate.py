"""From what a user says of a place, its region and distance, to the place on the tree."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rheobase.errors import ArgumentError, ParameterError, brief
from rheobase.units import um
from rheobase.units.fields import to_numbers

if TYPE_CHECKING:
    from rheobase.morphology.tree import Tree


class Location(NamedTuple):
    """A place on a tree: a section and how far along it, from 0 to 1.

    >>> import rheobase as rb
    >>> rb.morphology.Location(section=0, at=0.5)
    Location(section=0, at=0.5)
    """

    section: int
    at: float


class _Found(NamedTuple):
    """Places as sections and fractions, and the least and the largest distance that there is."""

    section: np.ndarray
    fraction: np.ndarray
    span: np.ndarray


def locate(
    tree: "Tree",
    region: str | None,
    section: int | None,
    at: float | None,
    path_distance: Any,
    distance: Any,
    xyz: Any,
) -> Location:
    """See `Tree.locate`."""
    _check_one_way(region, section, at, path_distance, distance, xyz)
    if xyz is not None:
        return _nearest(tree, to_numbers(xyz, um, "xyz", "locate(xyz={})"))
    if section is not None:
        return Location(_number(tree, section), _fraction(0.5 if at is None else at))
    chosen = np.flatnonzero(tree.where("all" if region is None else region))
    name = "the tree" if region is None else region
    if path_distance is not None:
        away = float(to_numbers(path_distance, um, "path_distance", "locate(path_distance={})"))
        return _thickest(tree, _at_path(tree, chosen, away), (name, "path_distance", away))
    if distance is not None:
        away = float(to_numbers(distance, um, "distance", "locate(distance={})"))
        return _thickest(tree, _at_distance(tree, chosen, away), (name, "distance", away))
    if len(chosen) > 1 and region != tree.region[0]:
        raise ArgumentError(
            f"{name} has {len(chosen)} sections: say where on it. Write for example "
            f"locate({region!r}, path_distance=100*um), or locate(section={chosen[0]}, at=0.5)."
        )
    return Location(int(chosen[0]), _fraction(0.5 if at is None else at))


def _check_one_way(
    region: Any, section: Any, at: Any, path_distance: Any, distance: Any, xyz: Any
) -> None:
    """Refuse two ways at once, or none, of saying where."""
    ways = {"path_distance": path_distance, "distance": distance, "xyz": xyz, "at": at}
    given = [name for name, value in ways.items() if value is not None]
    if region is not None and not isinstance(region, str):
        raise ArgumentError(f"`region` is a name, got {brief(region)}. Write locate('soma').")
    alone = given in ([], ["at"])
    if len(given) > 1 or (section is not None and not (region is None and alone)):
        raise ArgumentError(
            f"a place is given in one way, got {', '.join(given)} with region={region!r} and "
            f"section={section!r}. Write locate('apical', path_distance=100*um), "
            "locate(section=3, at=0.5) or locate(xyz=[0, 100, 0]*um)."
        )
    if region is None and section is None and alone:
        raise ArgumentError("say where: locate('soma'), or locate(section=3, at=0.5).")


def _number(tree: "Tree", section: Any) -> int:
    if isinstance(section, bool) or not isinstance(section, int | np.integer):
        raise ArgumentError(
            f"`section` is a number, got {brief(section)}. Write locate(section=0)."
        )
    if not 0 <= section < len(tree):
        raise ParameterError(
            f"there is no section {section}: they are numbered from 0 to {len(tree) - 1}."
        )
    return int(section)


def _fraction(at: Any) -> float:
    if not 0 <= at <= 1:
        raise ParameterError(
            f"`at` goes from 0 to 1 along a section, got {at}: that is off the tree. Write at=0.5."
        )
    return float(at)


def _at_path(tree: "Tree", chosen: np.ndarray, away: float) -> _Found:
    """Places at a path distance."""
    begin, length = tree.begins[chosen], tree.lengths[chosen]
    path = away - begin
    inside = (path >= 0) & (path <= length * (1 + 1e-12))
    least = np.where(begin > 0, begin, 0).min()
    fraction = np.minimum(path[inside] / length[inside], 1.0)
    return _Found(chosen[inside], fraction, np.array([least, (begin + length).max()]))


def _at_distance(tree: "Tree", chosen: np.ndarray, away: float) -> _Found:
    """Places at a straight distance."""
    owner = np.repeat(np.arange(len(tree)), np.diff(tree.first))
    pieces = np.flatnonzero((owner[1:] == owner[:-1]) & np.isin(owner[1:], chosen))
    start = tree.points[pieces] - tree.xyz(*tree.origin)
    step = tree.points[pieces + 1] - tree.points[pieces]
    # |start + t step|^2 = away^2
    a, b = (step * step).sum(1), (start * step).sum(1)
    c = (start * start).sum(1) - away**2
    root = np.sqrt(np.maximum(b * b - a * c, 0))
    real = (b * b >= a * c) & (a > 0)
    sections, fractions = [], []
    for sign in (-1, 1):
        t = np.divide(-b + sign * root, a, out=np.full_like(a, -1.0), where=real)
        hit = (t >= 0) & (t <= 1)
        path = tree.tube.path[pieces] + t * np.sqrt(a)
        sections.append(owner[pieces][hit])
        fractions.append((path / tree.lengths[owner[pieces]])[hit])
    reach = np.linalg.norm(np.concatenate([start, start + step]), axis=1)
    return _Found(
        np.concatenate(sections),
        np.minimum(np.concatenate(fractions), 1.0),
        np.array([reach.min(), reach.max()]),
    )


def _thickest(tree: "Tree", found: _Found, asked: tuple[str, str, float]) -> Location:
    """Of several places, the one of the largest radius."""
    section, fraction, span = found
    if section.size == 0:
        name, how, away = asked
        raise ParameterError(
            f"no place of {name} has {how}={away:g}*um: it reaches from {span[0]:.4g} to "
            f"{span[1]:.4g} um. Write {how}={np.round(span.mean()):g}*um."
        )
    best = int(np.argmax(tree.radius(section, fraction)))
    return Location(int(section[best]), float(fraction[best]))


def _nearest(tree: "Tree", point: np.ndarray) -> Location:
    """The place on the middle line of the tree that is nearest to a point."""
    if point.shape != (3,):
        raise ArgumentError(f"`xyz` is one point, got the shape {point.shape}.")
    owner = np.repeat(np.arange(len(tree)), np.diff(tree.first))
    pieces = np.flatnonzero(owner[1:] == owner[:-1])
    step = tree.points[pieces + 1] - tree.points[pieces]
    length = (step * step).sum(1)
    along = ((point - tree.points[pieces]) * step).sum(1)
    t = np.clip(np.divide(along, length, out=np.zeros_like(length), where=length > 0), 0, 1)
    away = np.linalg.norm(tree.points[pieces] + t[:, None] * step - point, axis=1)
    best = int(np.argmin(away))
    i = int(owner[pieces[best]])
    path = tree.tube.path[pieces[best]] + t[best] * np.sqrt(length[best])
    return Location(i, float(min(path / tree.lengths[i], 1.0)))
