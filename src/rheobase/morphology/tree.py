"""A neuron as an immutable tree of sections."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np

from rheobase.errors import ArgumentError, ParameterError, ShapeError
from rheobase.morphology import regions
from rheobase.morphology.content import SameContent
from rheobase.morphology.frusta import Frusta, at, frusta
from rheobase.morphology.locate import Location, locate
from rheobase.morphology.section import Section, placed

SOMA = "soma"


@final
@dataclass(frozen=True, eq=False, repr=False, init=False)
class Tree(SameContent):
    """The shape of a neuron: unbranched sections, each a row of samples joined by frusta.

    Made by `rb.io.read_swc`, `rb.io.read_asc`, `rb.morphology.soma`, `ball_and_stick`, or from
    sections by hand, each after the one it grows from. It cannot be changed; `cut`, `join`,
    `move` and `rotate` return another tree.

    - `points` (samples, 3) and `radii` (samples,) in um, section after section;
    - `first` (sections + 1,): where the samples of each section begin;
    - `parent` (sections,): the section that each grows from, -1 for the root, which is the first;
    - `attach` (sections,): how far along its parent, from 0 to 1;
    - `region`: the name of each section's region, such as soma, axon, basal or apical.

    **Raises:** `ArgumentError` where a section comes before its parent, `ParameterError` for more
    than one root.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import um
        >>> soma = rb.morphology.Section(length=20 * um, radius=10 * um, region="soma")
        >>> trunk = rb.morphology.Section(
        ...     length=400 * um, radius=[2, 1] * um, region="apical", parent=soma)
        >>> axon = rb.morphology.Section(
        ...     length=100 * um, radius=0.5 * um, region="axon", parent=soma, at=0)
        >>> tree = rb.morphology.Tree([soma, trunk, axon])
        >>> tree
        Tree(3 sections, 6 samples: soma 20 um, apical 400 um, axon 100 um)
        >>> tree.regions
        ('soma', 'apical', 'axon', 'dendrite', 'all')
        >>> tree.locate("apical", path_distance=110 * um)
        Location(section=1, at=0.25)
    """

    points: np.ndarray
    radii: np.ndarray
    first: np.ndarray
    parent: np.ndarray
    attach: np.ndarray
    region: tuple[str, ...]
    groups: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """The user's own regions, see `named`."""

    def __init__(self, sections: Iterable[Section]):
        rows = list(sections)
        parent, attach = _relations(rows)
        samples = placed(rows, parent, attach)
        _fill(
            self,
            points=np.concatenate([points for points, _ in samples]),
            radii=np.concatenate([radii for _, radii in samples]),
            first=np.concatenate([[0], np.cumsum([len(radii) for _, radii in samples])]),
            parent=parent,
            attach=attach,
            region=tuple(row.region for row in rows),
        )

    @classmethod
    def from_arrays(
        cls,
        points: np.ndarray,
        radii: np.ndarray,
        first: np.ndarray,
        parent: np.ndarray,
        attach: np.ndarray,
        region: Sequence[str],
        groups: Iterable[tuple[str, tuple[int, ...]]] = (),
    ) -> "Tree":
        """A tree from its arrays (um), parents first."""
        return _fill(
            object.__new__(cls),
            points=points,
            radii=radii,
            first=first,
            parent=parent,
            attach=attach,
            region=tuple(region),
            groups=tuple(groups),
        )

    def __len__(self) -> int:
        return len(self.region)

    def __repr__(self) -> str:
        total = {name: 0.0 for name in self.region}
        for name, length in zip(self.region, self.lengths, strict=True):
            total[name] += length
        parts = ", ".join(f"{name} {length:.6g} um" for name, length in total.items())
        return f"Tree({len(self)} sections, {len(self.radii)} samples: {parts})"

    @cached_property
    def tube(self) -> Frusta:
        """Its frusta, with running integrals."""
        return frusta(self.points, self.radii, self.first)

    @property
    def lengths(self) -> np.ndarray:
        """Path length (um) of each section, (sections,)."""
        return self.tube.lengths

    @property
    def areas(self) -> np.ndarray:
        """Membrane area (um^2) of each section, (sections,)."""
        return self._difference(self.tube.area)

    @property
    def volumes(self) -> np.ndarray:
        """Volume (um^3) of each section, (sections,)."""
        return self._difference(self.tube.volume)

    def _difference(self, running: np.ndarray) -> np.ndarray:
        return running[self.first[1:] - 1] - running[self.first[:-1]]

    def samples(self, section: int) -> tuple[np.ndarray, np.ndarray]:
        """Points (samples, 3) and radii (samples,) of one section, um."""
        rows = slice(self.first[section], self.first[section + 1])
        return self.points[rows], self.radii[rows]

    @property
    def regions(self) -> tuple[str, ...]:
        """Every name that `where` takes."""
        return tuple(regions.known(self.region, dict(self.groups)))

    def where(self, region: str) -> np.ndarray:
        """Which sections belong to a region, (sections,) of bool.

        "all" is every section, "dendrite" basal and apical dendrites together.
        """
        return regions.members(region, self.region, dict(self.groups))

    def named(self, name: str, sections: Any) -> "Tree":
        """The same tree with a region of the user's own: numbers of sections, or a flag for each.

        **Example:**

            >>> import rheobase as rb
            >>> from rheobase.units import um
            >>> tree = rb.morphology.ball_and_stick(length=200 * um)
            >>> tree.named("stick", [1]).where("stick").tolist()
            [False, True]
        """
        chosen = np.asarray(sections)
        if chosen.dtype == bool and chosen.shape != (len(self),):
            raise ShapeError(
                f"`sections` has {chosen.shape} flags for {len(self)} sections. "
                f"Write tree.named({name!r}, tree.where('apical'))."
            )
        numbers = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(int).ravel()
        if numbers.size == 0 or numbers.min() < 0 or numbers.max() >= len(self):
            raise ParameterError(
                f"`sections` are numbers from 0 to {len(self) - 1}, at least one, got "
                f"{numbers.tolist()}. Write tree.named({name!r}, [0])."
            )
        if name in (*self.region, *regions.UNIONS, regions.EVERYWHERE):
            raise ParameterError(f"there is a region {name!r} already. Choose another name.")
        others = {key: value for key, value in self.groups if key != name}
        groups = {**others, name: tuple(int(i) for i in numbers)}
        return Tree.from_arrays(
            self.points,
            self.radii,
            self.first,
            self.parent,
            self.attach,
            self.region,
            groups.items(),
        )

    def with_points(self, points: np.ndarray) -> "Tree":
        """The same tree with its samples elsewhere (um), (samples, 3)."""
        return Tree.from_arrays(
            points, self.radii, self.first, self.parent, self.attach, self.region, self.groups
        )

    @cached_property
    def origin(self) -> Location:
        """Where distances begin: the middle of a root that is soma, else its beginning."""
        return Location(0, 0.5 if self.region[0] == SOMA else 0.0)

    @cached_property
    def begins(self) -> np.ndarray:
        """Path (um) from the origin to the beginning of each section, (sections,).

        Of the root it is negative where the origin lies inside: |begins + path| is the distance.
        """
        lengths, begins = self.lengths, np.zeros(len(self))
        begins[0] = -self.origin.at * lengths[0]
        for i in range(1, len(self)):
            above = self.parent[i]
            begins[i] = abs(begins[above] + self.attach[i] * lengths[above])
        return begins

    def locate(
        self,
        region: str | None = None,
        *,
        section: int | None = None,
        at: float | None = None,
        path_distance: Any = None,
        distance: Any = None,
        xyz: Any = None,
    ) -> Location:
        """One place on the tree.

        **Arguments:** a region, alone if it is one section; or further

        - `path_distance`, `distance`: from the middle of the soma (um), along the tree or straight;
          where several branches of the region have it, the thickest of them.
        - `section`, `at`: the number of a section and how far along it, from 0 to 1.
        - `xyz`: the place nearest to a point (um).

        **Raises:** `UnknownName` for an unknown region, `ParameterError` for a place off the tree,
        `ArgumentError` for what says too little or too much.

        **Example:**

            >>> import rheobase as rb
            >>> from rheobase.units import um
            >>> tree = rb.morphology.ball_and_stick(length=200 * um)
            >>> tree.locate("soma")
            Location(section=0, at=0.5)
            >>> tree.locate(xyz=[5, 110, 0] * um)
            Location(section=1, at=0.5)
        """
        return locate(self, region, section, at, path_distance, distance, xyz)

    def path_distance(self, section: Any, at: Any) -> np.ndarray:
        """Path (um) from the origin to places, given as sections and fractions of them."""
        section = np.asarray(section)
        return np.abs(self.begins[section] + np.asarray(at) * self.lengths[section])

    def xyz(self, section: Any, at: Any) -> np.ndarray:
        """Points (um) of places, given as sections and fractions of them, (places, 3)."""
        return self._at(section, at).points

    def _at(self, section: Any, fraction: Any) -> Any:
        section, fraction = np.broadcast_arrays(np.atleast_1d(section), np.atleast_1d(fraction))
        return at(self.tube, section, fraction * self.lengths[section])

    def radius(self, section: Any, at: Any) -> np.ndarray:
        """Radius (um) at places, (places,)."""
        return self._at(section, at).radius

    def distance(self, section: Any, at: Any) -> np.ndarray:
        """Straight distance (um) from the origin to places."""
        away = self.xyz(section, at) - self.xyz(*self.origin)
        return np.linalg.norm(away, axis=-1)

    @cached_property
    def branch_order(self) -> np.ndarray:
        """Branch points passed on the way from the soma, (sections,): 0 for what leaves it.

        The sections of the soma have order 0, and so has a section that goes on alone from its
        parent, as where only the region changes.
        """
        order = np.zeros(len(self), int)
        at_end = self.attach == 1
        single = np.bincount(self.parent[1:][at_end[1:]], minlength=len(self)) == 1
        for i, above in enumerate(self.parent):
            if above >= 0 and self.region[above] != SOMA:
                order[i] = order[above] + (0 if single[above] and at_end[i] else 1)
        return order

    def children(self, section: int) -> np.ndarray:
        """The sections that grow from one."""
        return np.flatnonzero(self.parent == section)

    def subtree(self, section: int) -> np.ndarray:
        """A section and all that grows from it, (sections,) of bool."""
        inside = np.zeros(len(self), bool)
        inside[section] = True
        for i in range(section + 1, len(self)):
            inside[i] |= inside[self.parent[i]]
        return inside


def _relations(rows: list[Section]) -> tuple[np.ndarray, np.ndarray]:
    """The number of the parent of each section, and where it grows from it."""
    if not rows or not all(isinstance(row, Section) for row in rows):
        raise ArgumentError(
            "a tree is made of sections, the root first. Write "
            "rb.morphology.Tree([rb.morphology.Section(length=20*um, radius=10*um)])."
        )
    number: dict[int, int] = {}
    parent = np.full(len(rows), -1, np.int32)
    for i, row in enumerate(rows):
        if row.parent is None and i > 0:
            raise ParameterError(
                f"a tree has one root, its first section; section {i} ({row.region}) has no "
                "parent either. Write Section(..., parent=soma)."
            )
        if row.parent is not None:
            if id(row.parent) not in number:
                raise ArgumentError(
                    f"section {i} ({row.region}) comes before the section it grows from, or "
                    "without it. Write Tree([soma, trunk, branch]), parents first."
                )
            parent[i] = number[id(row.parent)]
        number[id(row)] = i
    return parent, np.array([row.at if row.parent else 0.0 for row in rows])


def _fill(
    tree: Tree,
    points: np.ndarray,
    radii: np.ndarray,
    first: np.ndarray,
    parent: np.ndarray,
    attach: np.ndarray,
    region: tuple[str, ...],
    groups: tuple[tuple[str, tuple[int, ...]], ...] = (),
) -> Tree:
    """Store the arrays of a tree, read-only.

    What grows from the beginning of a section grows from where that one does.
    """
    parent, attach = np.array(parent, np.int32), np.array(attach, float)
    for i in range(len(parent)):
        above = parent[i]
        if above >= 0 and attach[i] == 0 and parent[above] >= 0:
            parent[i], attach[i] = parent[above], attach[above]
    stored = {
        "points": np.array(points, float),
        "radii": np.array(radii, float),
        "first": np.array(first, np.int64),
        "parent": parent,
        "attach": attach,
    }
    for name, array in stored.items():
        array.setflags(write=False)
        object.__setattr__(tree, name, array)
    object.__setattr__(tree, "region", region)
    object.__setattr__(tree, "groups", groups)
    return tree
