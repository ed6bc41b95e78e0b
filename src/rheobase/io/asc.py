"""ASC, the format of Neurolucida: contours and trees of points. Parsed by MorphIO."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.errors import MorphologyError
from rheobase.io.swc import TYPES
from rheobase.morphology.samples import Samples, from_samples
from rheobase.morphology.tree import Tree
from rheobase.units import um
from rheobase.units.fields import to_numbers

_NUMBER = r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)"
SLICES = 21
"""Into so many slices a contour is cut, as NEURON does."""


def read_asc(path: str | Path, *, min_radius: Any = None) -> Tree:
    """Read a neuron from an ASC file of Neurolucida.

    The contour of the soma becomes a row of frusta along its longest axis, as wide as the contour
    is there. Neurites grow from its middle and begin at their own first points; a branch begins
    where its parent ends, with its own first diameter.

    **Arguments:**

    - `path`: of the file.
    - `min_radius`: smaller radii (um) are set to it; without it a width of zero is refused.

    **Raises:** `MorphologyError` for what MorphIO cannot read, with the line, for a point without
    width, and for several neurites without a soma.

    **Example:**

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import rheobase as rb
        >>> text = '''("CellBody" (CellBody) (0 5 0 1) (5 0 0 1) (0 -5 0 1) (-5 0 0 1))
        ... ((Axon) (0 -5 0 1) (0 -85 0 1))'''
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder) / "cell.asc"
        ...     _ = file.write_text(text)
        ...     rb.io.read_asc(file)
        Tree(2 sections, 23 samples: soma 10 um, axon 80 um)
    """
    path = Path(path)
    shape = _parsed(path)
    points, widths, parent, region = _body(path, shape.soma.points)
    begin = [np.nan] * len(points)
    last: dict[int, int] = {}
    written = _Written(path)
    for section in shape.iter():
        kind = int(section.type)
        rows, diameters = section.points.astype(float), section.diameters.astype(float)
        above = _root(path, points, rows[0]) if section.is_root else last[section.parent.id]
        told = not section.is_root and np.array_equal(rows[0], points[above])
        own = written.begins(rows)
        for k in range(1 if told and len(rows) > 1 else 0, len(rows)):
            points.append(rows[k])
            widths.append(diameters[k])
            # Where the file does not repeat the end of the parent, its diameter stands there.
            begin.append(diameters[0 if own else 1] / 2 if told and k == 1 else np.nan)
            parent.append(above)
            region.append(TYPES.get(kind, f"custom{kind}"))
            above = len(points) - 1
        last[section.id] = above
    if not points:
        raise MorphologyError(f"{path} has neither a soma nor a neurite.")
    place = np.array(points)
    radii = _radii(path, place, np.array(widths) / 2, min_radius)
    low = 0.0 if min_radius is None else float(radii.min())
    start = np.maximum(np.array(begin), low)
    return from_samples(Samples(place, radii, np.array(parent), region, apart=True, begin=start))


class _Written:
    """The points of a file in their order, to tell which of them a section has for itself."""

    def __init__(self, path: Path):
        text = re.sub(r";[^\n]*", "", path.read_text(errors="replace"))
        found = re.findall(rf"\(\s*{_NUMBER}[\s,]+{_NUMBER}[\s,]+{_NUMBER}", text)
        self.points = np.array(found, np.float32).reshape(-1, 3)
        self.at = 0

    def begins(self, rows: np.ndarray) -> bool:
        """Whether the next section in the file, of these points, has the first among its own."""
        wanted = rows.astype(np.float32)
        here = self.at
        while here < len(self.points):
            if np.array_equal(self.points[here], wanted[0]):
                self.at = here + len(wanted)
                return True
            if len(wanted) > 1 and np.array_equal(self.points[here], wanted[1]):
                self.at = here + len(wanted) - 1
                return False
            here += 1
        return True


def _parsed(path: Path) -> Any:
    """What MorphIO reads, its warnings unprinted and its errors without colours."""
    # Imported where it is needed: `import rheobase` stays fast.
    import morphio  # noqa: PLC0415

    if not path.exists():
        raise FileNotFoundError(path)
    try:
        quiet = morphio.WarningHandlerCollector()
        return morphio.Morphology(path, warning_handler=quiet)
    except morphio.MorphioError as error:
        text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
        line = re.search(re.escape(path.name) + r":(\d+):\w+", text)
        text = re.sub(r"^.*" + re.escape(path.name) + r"(:\d+)?:\w+$", "", text, flags=re.MULTILINE)
        where = f"{path}, line {line[1]}" if line else str(path)
        raise MorphologyError(f"{where}: {' '.join(text.split())}") from None


def _body(path: Path, contour: np.ndarray) -> tuple[list, list, list, list]:
    """Samples of the soma: the row of frusta in its contour."""
    if len(contour) == 0:
        return [], [], [], []
    if len(contour) < 3:
        raise MorphologyError(
            f"{path}: the contour of the soma has {len(contour)} points, it needs three or more."
        )
    points, widths = slices(contour.astype(float))
    parent = list(range(-1, len(points) - 1))
    return list(points), widths.tolist(), parent, [TYPES[1]] * len(points)


def slices(contour: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (slices, 3) along the longest axis of a closed contour, and its widths there (um)."""
    ring = np.concatenate([contour, contour[:1]])
    path = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(ring, axis=0), axis=1))])
    # Evenly spaced, so that many points on one side do not draw the centre there.
    even = np.linspace(0, path[-1], 50 * len(contour), endpoint=False)
    ring = np.stack([np.interp(even, path, ring[:, axis]) for axis in range(3)], axis=1)
    centre = ring.mean(axis=0)
    major, minor = np.linalg.svd(ring - centre, full_matrices=False)[2][:2]
    along, across = (ring - centre) @ major, (ring - centre) @ minor
    low, high = along.min(), along.max()
    place = low + (high - low) * (np.arange(SLICES) + 0.5) / SLICES
    # Where each slice crosses the contour: the outermost crossings are its width.
    a, b = along, np.roll(along, -1)
    here = place[:, None]
    crosses = (np.minimum(a, b) <= here) & (here <= np.maximum(a, b)) & (a != b)
    part = np.divide(here - a, b - a, out=np.zeros(crosses.shape), where=crosses)
    height = across + part * (np.roll(across, -1) - across)
    widths = np.max(height, axis=1, where=crosses, initial=-np.inf) - np.min(
        height, axis=1, where=crosses, initial=np.inf
    )
    place[[0, -1]] = low, high
    return centre + place[:, None] * major, widths


def _root(path: Path, points: list, begin: np.ndarray) -> int:
    """The sample from which a neurite grows that has no parent: the middle of the soma."""
    if not points:
        return -1
    if len(points) >= SLICES:
        return SLICES // 2
    if np.array_equal(points[0], begin):
        return 0
    x, y, z = begin
    raise MorphologyError(
        f"{path}{_line(path, begin)}: a second neurite begins at ({x:g}, {y:g}, {z:g}), and there "
        "is no soma to join it to the first. Add a CellBody to the file."
    )


def _radii(path: Path, points: np.ndarray, radii: np.ndarray, min_radius: Any) -> np.ndarray:
    if min_radius is not None:
        floor = to_numbers(min_radius, um, "min_radius", "rb.io.read_asc(path, min_radius={})")
        return np.maximum(radii, float(floor))
    for sample in np.flatnonzero(radii <= 0)[:1]:
        x, y, z = points[sample]
        raise MorphologyError(
            f"{path}{_line(path, points[sample])}: the point ({x:g}, {y:g}, {z:g}) has no width. "
            "Write rb.io.read_asc(path, min_radius=0.1*um) to set a smallest radius."
        )
    return radii


def _line(path: Path, point: np.ndarray) -> str:
    """`, line 12`: where a point stands in the file."""
    row = re.compile(rf"\(\s*{_NUMBER}[\s,]+{_NUMBER}[\s,]+{_NUMBER}")
    for line, text in enumerate(path.read_text(errors="replace").splitlines(), 1):
        for found in row.findall(text):
            if np.array_equal(np.array(found, np.float32), point.astype(np.float32)):
                return f", line {line}"
    return ""
