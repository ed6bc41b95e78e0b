"""What a tree is cut into: nodes of a tree, ordered parents first."""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from rheobase.morphology.content import SameContent
from rheobase.morphology.locate import Location
from rheobase.morphology.tree import Tree


@final
@dataclass(frozen=True, eq=False, repr=False)
class Compartments(SameContent):
    """A tree cut into compartments by `discretise`: plain arrays, one entry a node.

    Compartments and the points between them where sections meet are both nodes; the latter have
    no membrane. Every node comes after its parent, the root first.

    - `parent` (nodes,): the node towards the root, -1 for the root;
    - `area` (nodes,): membrane (um^2), exact for frusta, 0 where sections meet;
    - `volume` (nodes,): um^3, exact for frusta;
    - `axial` (nodes,): integral of ds/(pi r^2) from the node to its parent (1/um), exact for
      frusta; times the axial resistivity it is the resistance between the two; 0 for the root;
    - `shell` (nodes,): integral of ds/(2 pi r) along the membrane from the node to its parent, by
      which what diffuses in a thin shell below it is slowed down; 0 for the root;
    - `owners` (2, nodes): the compartment in which the way to the parent begins, and the one in
      which it ends; `axial_share`, `shell_share` (nodes,): how much of the two integrals is of the
      first;
    - `length`, `radius` (nodes,): of the compartment (um), the radius its mean along the path;
    - `section`, `at` (nodes,): the section and how far along it the centre lies, from 0 to 1;
    - `xyz` (nodes, 3): the centre (um);
    - `path_distance` (nodes,): path (um) from the middle of the soma to the centre;
    - `tree`: what was cut.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import um
        >>> stick = rb.morphology.ball_and_stick(length=200 * um)
        >>> cut = rb.morphology.discretise(stick, max_length=50 * um)
        >>> cut
        Compartments(5 compartments and 0 branch points of 2 sections)
        >>> cut.parent.tolist(), cut.region
        ([-1, 0, 1, 2, 3], ('soma', 'dendrite', 'dendrite', 'dendrite', 'dendrite'))
    """

    tree: Tree
    parent: np.ndarray
    area: np.ndarray
    volume: np.ndarray
    axial: np.ndarray
    shell: np.ndarray
    owners: np.ndarray
    axial_share: np.ndarray
    shell_share: np.ndarray
    length: np.ndarray
    radius: np.ndarray
    section: np.ndarray
    at: np.ndarray
    xyz: np.ndarray
    path_distance: np.ndarray

    def __post_init__(self):
        for array in vars(self).values():
            if isinstance(array, np.ndarray):
                array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.parent)

    def __repr__(self) -> str:
        whole = int(self.membrane.sum())
        return (
            f"Compartments({whole} compartments and {len(self) - whole} branch points "
            f"of {len(self.tree)} sections)"
        )

    @cached_property
    def membrane(self) -> np.ndarray:
        """Which nodes are compartments, (nodes,) of bool; the others are branch points."""
        return self.area > 0

    @cached_property
    def region(self) -> tuple[str, ...]:
        """The name of the region of each node."""
        return tuple(self.tree.region[i] for i in self.section)

    @property
    def regions(self) -> tuple[str, ...]:
        """Every name that `where` takes."""
        return self.tree.regions

    def where(self, region: str) -> np.ndarray:
        """Which nodes are compartments of a region, (nodes,) of bool.

        "all" is every compartment, "dendrite" basal and apical dendrites together.
        """
        return self.tree.where(region)[self.section] & self.membrane

    def node(self, place: Location) -> int:
        """The compartment in which a place lies; the later one at a border."""
        section, at = place
        own = np.flatnonzero((self.section == section) & self.membrane)
        return int(own[min(int(at * len(own)), len(own) - 1)])
