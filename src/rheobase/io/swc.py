"""SWC, the format of traced neurons: one sample a line, id, type, x, y, z, radius, parent.

Source: Cannon et al. 1998, J Neurosci Methods 84:49; types as at neuromorpho.org.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rheobase import atomic
from rheobase._version import __version__
from rheobase.errors import MorphologyError, brief
from rheobase.morphology.samples import Samples, from_samples, rooted
from rheobase.morphology.tree import Tree
from rheobase.units import um
from rheobase.units.fields import to_numbers

COLUMNS = ("id", "type", "x", "y", "z", "radius", "parent")
TYPES = {0: "undefined", 1: "soma", 2: "axon", 3: "basal", 4: "apical"}
SOMA = 1


def read_swc(path: str | Path, *, min_radius: Any = None, join: Any = None) -> Tree:
    r"""Read a neuron from an SWC file.

    Samples are joined by frusta: a neurite begins at the sample it grows from, where it leaves the
    soma with its own first radius; from the centre of a soma that stands for a sphere (one sample,
    or three) it begins at its own first sample. NEURON's reader does the same, with exceptions
    where a soma branches or neurites leave it in the middle. The soma becomes the
    root, wherever in the file it is, and one section if it is unbranched. Types 1 to 4 are the
    regions soma, axon, basal and apical, other types `custom5` and so on. A root that touches
    another part of the neuron is joined to it there.

    **Arguments:**

    - `path`: of the file.
    - `min_radius`: smaller radii (um) are set to it; without it a radius of zero is refused.
    - `join`: a further root is joined to the nearest sample if it is not farther than this (um).

    **Raises:** `MorphologyError`, with the line, for what is no SWC: wrong columns, an id twice, a
    parent that does not exist, a circle, a radius that is not positive, a root apart from the
    rest, a soma in several pieces.

    **Example:**

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import rheobase as rb
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder) / "cell.swc"
        ...     _ = file.write_text("1 1 0 0 0 10 -1\n2 3 10 0 0 1 1\n3 3 90 0 0 1 2\n")
        ...     rb.io.read_swc(file)
        Tree(2 sections, 5 samples: soma 20 um, basal 80 um)
    """
    path = Path(path)
    table = _table(path)
    radii = _radii(table, min_radius)
    parent = _parents(table)
    parent = _joined(table, radii, parent, join)
    _check_connected(table, parent)
    _check_soma(table, parent)
    names = table.names
    return from_samples(
        Samples(table.points, radii, parent, [names.get(t, f"custom{t}") for t in table.type])
    )


class _Table(NamedTuple):
    """The samples of a file."""

    path: Path
    line: np.ndarray
    """Number of the line of each sample, from 1."""
    id: np.ndarray
    type: list[int]
    points: np.ndarray
    radius: np.ndarray
    parent: np.ndarray
    names: dict[int, str]

    def error(self, sample: int, what: str) -> MorphologyError:
        """What is wrong with a sample, and where it is."""
        return _error(self.path, self.line[sample], what)

    def called(self, sample: int) -> str:
        """A sample as a reader of the file finds it."""
        return f"sample {self.id[sample]} (line {self.line[sample]})"


def _error(path: Path, line: Any, what: str) -> MorphologyError:
    return MorphologyError(f"{path}, line {line}: {what}")


def _table(path: Path) -> _Table:
    """The columns of a file; what is given twice, once as a root, is one sample."""
    text = path.read_text(encoding="utf-8", errors="replace").removeprefix("\ufeff")
    names = dict(TYPES)
    for code, name in re.findall(r"^#\s*region (\d+) (\w+)\s*$", text, re.MULTILINE):
        names[int(code)] = name
    rows = [
        (number, fields)
        for number, line in enumerate(text.splitlines(), 1)
        if (fields := line.partition("#")[0].split())
    ]
    if not rows:
        raise MorphologyError(f"{path} has no samples: each is a line of {' '.join(COLUMNS)}.")
    for number, fields in rows:
        if len(fields) < len(COLUMNS):
            raise _error(
                path,
                number,
                f"a sample has the {len(COLUMNS)} columns {' '.join(COLUMNS)}, got {len(fields)}.",
            )
    line = np.array([number for number, _ in rows])
    try:
        values = np.array([fields[: len(COLUMNS)] for _, fields in rows]).astype(float)
    except ValueError:
        _refuse_text(path, rows)
        raise
    _check_numbers(path, line, values)
    whole = values[:, [0, 1, 6]].astype(np.int64)
    table = _Table(
        path=path,
        line=line,
        id=whole[:, 0],
        type=whole[:, 1].tolist(),
        points=values[:, 2:5],
        radius=values[:, 5],
        parent=whole[:, 2],
        names=names,
    )
    return _once(table)


def _refuse_text(path: Path, rows: list[tuple[int, list[str]]]) -> None:
    for number, fields in rows:
        for column, field in zip(COLUMNS, fields, strict=False):
            try:
                float(field)
            except ValueError:
                raise _error(
                    path, number, f"`{column}` must be a number, got {brief(field)}."
                ) from None


def _check_numbers(path: Path, line: np.ndarray, values: np.ndarray) -> None:
    for sample, column in np.argwhere(~np.isfinite(values))[:1]:
        raise _error(
            path, line[sample], f"`{COLUMNS[column]}` is {values[sample, column]}, not a number."
        )
    for column in (0, 1, 6):
        for sample in np.flatnonzero(values[:, column] % 1)[:1]:
            raise _error(
                path,
                line[sample],
                f"`{COLUMNS[column]}` must be a whole number, got {values[sample, column]}.",
            )


def _once(table: _Table) -> _Table:
    """Refuse an id that is used twice, unless it is one sample written twice.

    A file that joins a second root to the rest by giving that root again, with a parent, says all
    that is needed.
    """
    order = np.argsort(table.id, kind="stable")
    again = np.flatnonzero(np.diff(table.id[order]) == 0)
    if again.size == 0:
        return table
    keep = np.ones(len(table.id), bool)
    parent = table.parent.copy()
    for one, two in zip(order[again], order[again + 1], strict=True):
        same = np.array_equal(table.points[one], table.points[two])
        if not (same and table.type[one] == table.type[two] and -1 in parent[[one, two]]):
            raise table.error(
                two, f"id {table.id[two]} is used twice, here and in line {table.line[one]}."
            )
        parent[two] = parent[[one, two]].max()
        keep[one] = False
    return table._replace(
        line=table.line[keep],
        id=table.id[keep],
        type=[t for t, kept in zip(table.type, keep, strict=True) if kept],
        points=table.points[keep],
        radius=table.radius[keep],
        parent=parent[keep],
    )


def _radii(table: _Table, min_radius: Any) -> np.ndarray:
    if min_radius is not None:
        floor = to_numbers(min_radius, um, "min_radius", "rb.io.read_swc(path, min_radius={})")
        return np.maximum(table.radius, float(floor))
    bad = np.flatnonzero(table.radius <= 0)
    if bad.size:
        more = f" So have {bad.size - 1} others." if bad.size > 1 else ""
        raise table.error(
            bad[0],
            f"sample {table.id[bad[0]]} has the radius {table.radius[bad[0]]:g}, and a neurite of "
            f"no width conducts nothing.{more} Write rb.io.read_swc(path, min_radius=0.1*um) to "
            "set a smallest radius.",
        )
    return table.radius


def _parents(table: _Table) -> np.ndarray:
    """The index of the parent of each sample, -1 for roots."""
    order = np.argsort(table.id)
    found = np.searchsorted(table.id, table.parent, sorter=order)
    index = order[np.minimum(found, len(order) - 1)]
    root = table.parent < 0
    for sample in np.flatnonzero(~root & (table.id[index] != table.parent))[:1]:
        raise table.error(
            sample,
            f"sample {table.id[sample]} has the parent {table.parent[sample]}, which does not "
            "exist. The parent of a root is -1.",
        )
    if not root.any():
        raise table.error(0, "no sample is a root, with the parent -1: the parents go in a circle.")
    return np.where(root, -1, index)


def _pieces(parent: np.ndarray) -> np.ndarray:
    """The root of each sample, -1 where the parents go in a circle."""
    above = np.where(parent < 0, np.arange(len(parent)), parent)
    for _ in range(int(np.log2(len(parent))) + 2):
        above = above[above]
    return np.where(parent[above] < 0, above, -1)


def _check_connected(table: _Table, parent: np.ndarray) -> None:
    for sample in np.flatnonzero(_pieces(parent) < 0)[:1]:
        raise table.error(
            sample, f"sample {table.id[sample]} has no way to a root: the parents go in a circle."
        )


def _joined(table: _Table, radii: np.ndarray, parent: np.ndarray, join: Any) -> np.ndarray:
    """One tree: further roots joined to the nearest sample of the rest, if that is near enough."""
    roots = np.flatnonzero(parent < 0)
    if len(roots) == 1:
        return parent
    reach = 0.0
    if join is not None:
        reach = float(to_numbers(join, um, "join", "rb.io.read_swc(path, join={})"))
    piece = _pieces(parent)
    somatic = [piece[i] for i, kind in enumerate(table.type) if kind == SOMA]
    main = somatic[0] if somatic else roots[0]
    inside = piece == main
    parent = parent.copy()
    waiting = [root for root in roots if root != main]
    while waiting:
        gaps = []
        for root in waiting:
            rest = np.flatnonzero(inside)
            away = np.linalg.norm(table.points[rest] - table.points[root], axis=1)
            nearest = int(np.argmin(away - radii[rest]))
            gaps.append((away[nearest] - radii[rest[nearest]] - radii[root], rest[nearest], root))
        gap, sample, root = min(gaps)
        if gap > reach:
            gap, sample, root = next(g for g in gaps if g[2] == waiting[0])
            raise table.error(
                root,
                f"sample {table.id[root]} is another root, {gap:.4g} um away from the nearest "
                f"part of the rest, {table.called(sample)}. Give it a parent in the file, or write "
                f"rb.io.read_swc(path, join={np.ceil(gap):g}*um) to join it there.",
            )
        parent[root] = sample
        inside |= piece == root
        waiting.remove(root)
    return parent


def _check_soma(table: _Table, parent: np.ndarray) -> None:
    """Refuse a soma in several pieces."""
    somatic = np.array([kind == SOMA for kind in table.type])
    if not somatic.any():
        return
    turned = rooted(parent, int(np.flatnonzero(somatic)[0]))
    loose = np.flatnonzero(somatic & (turned >= 0) & ~somatic[np.maximum(turned, 0)])
    for sample in loose[:1]:
        raise table.error(
            sample,
            f"sample {table.id[sample]} is soma, but between it and the rest of the soma lies "
            f"{table.called(int(turned[sample]))} of type {table.type[turned[sample]]}. A neuron "
            "has one soma: correct the type of one of the two.",
        )


def write_swc(tree: Tree, path: str | Path) -> None:
    """Write a neuron to an SWC file, from which `read_swc` makes the same tree.

    Regions that are not of the standard get a type of their own, named in a comment that
    `read_swc` understands. Where a section grows from within another, a sample is set there. SWC
    joins every sample to its parent: a section that begins thinner than its parent there gains the
    ring between the two, and a gap between a neurite and a soma that is no sphere is bridged.

    **Raises:** `OSError` where the file cannot be written.

    **Example:**

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import rheobase as rb
        >>> tree = rb.morphology.ball_and_stick()
        >>> with TemporaryDirectory() as folder:
        ...     rb.io.write_swc(tree, Path(folder) / "cell.swc")
        ...     rb.io.read_swc(Path(folder) / "cell.swc") == tree
        True
    """
    atomic.require_path(path, 'rb.io.write_swc(tree, "cell.swc"), the path last')
    codes = _codes(tree.region)
    lines = [f"# written by rheobase {__version__}", "# " + " ".join(COLUMNS)]
    lines += [f"# region {code} {name}" for name, code in codes.items() if TYPES.get(code) != name]
    marks = [_marked(tree, i) for i in range(len(tree))]
    ball = tree.region[0] == TYPES[SOMA] and _is_ball(*marks[0][1:])
    number: list[dict[float, int]] = []
    last = 0
    for i, (share, points, radii) in enumerate(marks):
        own: dict[float, int] = {}
        above = -1 if i == 0 else number[tree.parent[i]][float(tree.attach[i])]
        begins = int(i > 0 and _is_told(tree, i, ball))
        if begins:
            own[0.0] = above
        order = list(range(begins, len(share)))
        if i == 0 and ball:
            order = [1, 0, 2]  # the centre first, as the three samples of a sphere are written
        for k in order:
            last += 1
            x, y, z = points[k].tolist()
            row = (last, codes[tree.region[i]], x, y, z, float(radii[k]), above)
            lines.append("{} {} {!r} {!r} {!r} {!r} {}".format(*row))
            own[float(share[k])] = last
            above = 1 if i == 0 and ball else last
        number.append(own)
    atomic.write(path, "\n".join(lines) + "\n")


def _codes(regions: tuple[str, ...]) -> dict[str, int]:
    """A type for each region: that of the standard, or one above."""
    standard = {name: code for code, name in TYPES.items()}
    codes = {name: standard[name] for name in regions if name in standard}
    for name in dict.fromkeys(regions):
        if name in codes:
            continue
        wanted = re.fullmatch(r"custom(\d+)", name)
        free = (k for k in range(5, 5 + len(regions)) if k not in codes.values())
        if name == "dendrite" and "basal" not in regions:
            codes[name] = standard["basal"]
        elif wanted and int(wanted[1]) not in codes.values():
            codes[name] = int(wanted[1])
        else:
            codes[name] = next(free)
    return codes


def _marked(tree: Tree, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of the path, points and radii of a section, with a sample where others grow."""
    rows = slice(tree.first[i], tree.first[i + 1])
    points, radii = tree.samples(i)
    share = tree.tube.path[rows] / tree.lengths[i]
    extra = np.setdiff1d(tree.attach[1:][tree.parent[1:] == i], share)
    at = np.searchsorted(share, extra)
    return (
        np.insert(share, at, extra),
        np.insert(points, at, tree.xyz(i, extra), axis=0) if extra.size else points,
        np.insert(radii, at, tree.radius(i, extra)) if extra.size else radii,
    )


def _is_told(tree: Tree, i: int, ball: bool) -> bool:
    """Whether the first sample of a section follows from the one that it grows from."""
    above, share = int(tree.parent[i]), float(tree.attach[i])
    points, radii = tree.samples(i)
    if not np.allclose(points[0], tree.xyz(above, share)[0], rtol=0, atol=1e-9):
        return False
    if tree.region[above] == TYPES[SOMA] != tree.region[i]:
        centre = ball and above == 0 and share == 0.5
        return bool(radii[0] == radii[1]) and (len(points) == 2 or not centre)
    return bool(np.isclose(radii[0], tree.radius(above, share)[0], rtol=1e-12))


def _is_ball(points: np.ndarray, radii: np.ndarray) -> bool:
    """Whether three samples of a soma stand for a sphere."""
    if len(points) != 3:
        return False
    one, two = points[[0, 2]] - points[1]
    as_wide = np.ptp(radii) == 0 and np.isclose(np.linalg.norm(one), radii[0])
    return bool(as_wide and np.allclose(one, -two))
