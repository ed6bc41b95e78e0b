"""From traced samples, each with a parent, to a tree of sections.

A neurite begins at the sample that it grows from: with that sample's radius, or where it leaves the
soma with the radius of its own first sample. Only at the centre of a soma that stands for a sphere
it begins at its own first sample, if it has two: one sample alone, or three, the centre and two at
the distance of the radius (in any direction where the centre is the root of the file, else
opposite). NEURON's reader does the same, with exceptions where a soma branches or neurites leave it
in the middle.
"""

from typing import NamedTuple, final

import numpy as np

from rheobase.errors import MorphologyError
from rheobase.morphology.tree import SOMA, Tree


@final
class Samples(NamedTuple):
    """Samples of a connected tree."""

    points: np.ndarray
    radii: np.ndarray
    parent: np.ndarray
    """Index of the sample that each follows, -1 for the root."""
    region: list[str]
    apart: bool = False
    """Whether neurites begin at their own first sample wherever they leave the soma."""
    begin: np.ndarray | None = None
    """Radius with which a section begins that goes to this sample; NaN: that of its parent."""


class _Piece(NamedTuple):
    """A section that is yet to be followed."""

    parent: int
    """Section that it grows from, -1 for the root."""
    place: int
    """Sample of that section, by its place in it."""
    samples: list[int]


class _Head(NamedTuple):
    """What a section grows from, and its region."""

    parent: int
    place: int
    region: str


def rooted(parent: np.ndarray, root: int) -> np.ndarray:
    """The same tree of samples with another root."""
    turned = parent.copy()
    here, above = root, -1
    while here >= 0:
        turned[here], here, above = above, int(turned[here]), here
    return turned


def from_samples(samples: Samples) -> Tree:
    """The tree of sections: the soma first, whole, then each neurite to its next branch point.

    **Raises:** `MorphologyError` where all samples are at one place and none is soma.
    """
    points, radii, region = samples.points, samples.radii, samples.region
    somatic = np.array([name == SOMA for name in region])
    root = _root(samples.parent, somatic)
    follow: list[list[int]] = [[] for _ in region]
    for i, above in enumerate(rooted(samples.parent, root)):
        if above >= 0:
            follow[above].append(i)
    centre = _centre(samples, somatic, root, follow)
    rows: list[tuple[np.ndarray, np.ndarray]] = []
    heads: list[_Head] = []
    pending = [_Piece(-1, 0, [root])]
    while pending:
        above, place, own = pending.pop()
        _extend(own, follow, samples, somatic, whole=above < 0)
        apart = samples.apart or own[0] == centre
        row, left_out = _row(own, samples, somatic, apart)
        number, places = len(rows), [max(k - left_out, 0) for k in range(len(own))]
        if np.ptp(row[0], axis=0).max() == 0:  # of no length
            if above >= 0:  # what follows it grows from where it does
                number, places = above, [place] * len(own)
            elif somatic[root]:
                row, places = _ball(points[root], radii[own].max()), [1] * len(own)
            else:
                raise MorphologyError("all samples are at one place, and none of them is soma.")
        if number == len(rows):
            rows.append(row)
            heads.append(_Head(above, place, region[own[-1]]))
        # The first sample of all but the root belongs to the section that this one grows from.
        for k in range(len(own) - 1, 0 if above >= 0 else -1, -1):
            following = own[k + 1] if k + 1 < len(own) else -1
            for child in reversed(follow[own[k]]):
                if child != following:
                    pending.append(_Piece(number, places[k], [own[k], child]))
    return _assembled(rows, heads)


def _root(parent: np.ndarray, somatic: np.ndarray) -> int:
    """Where the tree begins: at an end of the soma if there is one, else where the file does."""
    root = int(np.flatnonzero(parent < 0)[0])
    if not somatic.any():
        return root
    inner = np.flatnonzero(somatic & (parent >= 0) & somatic[np.maximum(parent, 0)])
    touching = np.bincount(np.concatenate([inner, parent[inner]]), minlength=len(parent))
    if somatic[root] and touching[root] <= 1:
        return root
    ends = np.flatnonzero(somatic & (touching <= 1))
    return int(ends[0])


def _centre(samples: Samples, somatic: np.ndarray, root: int, follow: list[list[int]]) -> int:
    """The central sample of a soma that stands for a sphere, or -1."""
    points, radii, parent = samples.points, samples.radii, samples.parent
    own = np.flatnonzero(somatic)
    if len(own) == 1:
        return int(own[0])
    if len(own) != 3 or not somatic[root]:
        return -1
    middle = next(i for i in follow[root] if somatic[i])
    last = next((i for i in follow[middle] if somatic[i]), -1)
    if last < 0:
        return -1
    r = radii[middle]
    one, two = points[[root, last]] - points[middle]
    away = np.linalg.norm([one, two], axis=1)
    # As at neuromorpho.org: the centre is the root of the file, and both others follow it.
    written = parent[middle] < 0 and parent[root] == parent[last] == middle
    opposite = np.allclose(one, -two, rtol=0, atol=0.05 * r)
    as_wide = np.allclose(away, r, rtol=0.05)
    if written and not opposite:
        as_wide = bool(abs(away.sum() - 2 * r) < 0.02 * r)
    sphere = (written or opposite) and as_wide and np.allclose(radii[own], r, rtol=0.05)
    return middle if sphere else -1


def _extend(
    own: list[int], follow: list[list[int]], samples: Samples, somatic: np.ndarray, whole: bool
) -> None:
    """Follow a section to its end: the next branch point, tip, or change of region.

    Neurites leave the soma without ending it, and a root (`whole`) that branches at its beginning
    goes on with its first branch.
    """
    points, region = samples.points, samples.region
    while True:
        here = own[-1]
        ahead = follow[here]
        if somatic[here]:
            ahead = [i for i in ahead if somatic[i]]
        elif whole and np.array_equal(points[here], points[own[0]]):
            ahead = ahead[:1]
        elif len(ahead) == 1 and region[ahead[0]] != region[here]:
            return
        if len(ahead) != 1:
            return
        own.append(ahead[0])


def _row(
    own: list[int], samples: Samples, somatic: np.ndarray, apart: bool
) -> tuple[tuple[np.ndarray, np.ndarray], int]:
    """Points and radii of a section, and how many samples at its beginning are left out."""
    place, width = samples.points[own], samples.radii[own]
    if len(own) > 1 and somatic[own[0]] and not somatic[own[1]]:
        if apart and len(own) > 2:
            return (place[1:], width[1:]), 1
        width[0] = width[1]
    elif len(own) > 1 and samples.begin is not None and np.isfinite(samples.begin[own[1]]):
        width[0] = samples.begin[own[1]]
    return (place, width), 0


def _ball(point: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A cylinder with the membrane of a sphere: as long as it is wide."""
    up = np.array([0.0, radius, 0.0])
    return np.stack([point - up, point, point + up]), np.full(3, radius)


def _assembled(rows: list[tuple[np.ndarray, np.ndarray]], heads: list[_Head]) -> Tree:
    shares = []
    for points, _ in rows:
        path = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        shares.append(path / path[-1])
    return Tree.from_arrays(
        points=np.concatenate([points for points, _ in rows]),
        radii=np.concatenate([radii for _, radii in rows]),
        first=np.concatenate([[0], np.cumsum([len(radii) for _, radii in rows])]),
        parent=np.array([above for above, _, _ in heads]),
        attach=np.array([0.0 if a < 0 else shares[a][k] for a, k, _ in heads]),
        region=[kind for _, _, kind in heads],
    )
