"""The geometry of traced neurites: frusta between samples, integrated along the path.

Between two samples the radius is linear in the path. A frustum of radii a, b and length h has the
lateral area pi (a + b) sqrt(h^2 + (a - b)^2), the volume pi h (a^2 + a b + b^2)/3 and the axial
integral of ds/(pi r^2) of h/(pi a b). Along its membrane the integral of ds/(2 pi r), of a shell
below it, is sqrt(h^2 + (a - b)^2) ln(a/b)/(2 pi (a - b)).
"""

from typing import NamedTuple, final

import numpy as np

_ROUNDING = 1e-12
"""A place nearer to an end of its section than this part of it is the end."""


@final
class Frusta(NamedTuple):
    """Many sections side by side: running integrals from the first sample of the first one."""

    first: np.ndarray
    """Where the samples of each section begin, (sections + 1,)."""
    path: np.ndarray
    """Path (um) of each sample from the beginning of its section."""
    points: np.ndarray
    radii: np.ndarray
    area: np.ndarray
    """Running lateral area (um^2), volume (um^3), axial integral (1/um), radius ds (um^2)."""
    volume: np.ndarray
    axial: np.ndarray
    mean: np.ndarray
    shell: np.ndarray
    """Running integral of ds/(2 pi r) along the membrane."""

    @property
    def lengths(self) -> np.ndarray:
        """Path length (um) of each section."""
        return self.path[self.first[1:] - 1]


class Totals(NamedTuple):
    """Running integrals at some places of sections."""

    area: np.ndarray
    volume: np.ndarray
    axial: np.ndarray
    mean: np.ndarray
    shell: np.ndarray
    radius: np.ndarray
    points: np.ndarray


def frustum(a: np.ndarray, b: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, ...]:
    """Lateral area, volume, axial integral, radius ds and integral along the shell of frusta."""
    slant, wider = np.hypot(h, a - b), (b - a) / a
    even = wider == 0
    logarithm = np.where(even, 1, np.log1p(wider) / np.where(even, 1, wider))
    return (
        np.pi * (a + b) * slant,
        np.pi / 3 * h * (a * a + a * b + b * b),
        h / (np.pi * a * b),
        h * (a + b) / 2,
        slant * logarithm / (2 * np.pi * a),
    )


def frusta(points: np.ndarray, radii: np.ndarray, first: np.ndarray) -> Frusta:
    """The running integrals over sections whose samples follow each other."""
    step = np.linalg.norm(np.diff(points, axis=0), axis=1)
    step[first[1:-1] - 1] = 0  # from one section to the next leads nothing
    pieces = frustum(radii[:-1], radii[1:], step)
    for slanted in (pieces[0], pieces[-1]):
        slanted[first[1:-1] - 1] = 0
    total = [np.concatenate([[0.0], np.cumsum(piece)]) for piece in (step, *pieces)]
    path = total[0] - np.repeat(total[0][first[:-1]], np.diff(first))
    return Frusta(first, path, points, radii, *total[1:])


def at(tube: Frusta, section: np.ndarray, path: np.ndarray) -> Totals:
    """The running integrals at path lengths (um) in sections, and where that is."""
    begin, end = tube.first[section], tube.first[section + 1] - 1
    # One sorted axis for all sections: apart by one, so that no end meets the next beginning.
    lengths = tube.lengths
    shift = np.concatenate([[0.0], np.cumsum(lengths[:-1] + 1)])
    axis = tube.path + np.repeat(shift, np.diff(tube.first))
    left = np.searchsorted(axis, path + shift[section], side="right") - 1
    left = np.clip(left, begin, end - 1)
    step = tube.path[left + 1] - tube.path[left]
    part = np.divide(path - tube.path[left], step, out=np.zeros_like(path), where=step > 0)
    part = np.clip(part, 0, 1)
    # A beginning or an end has what lies there on its inner side, steps of radius included.
    whole = lengths[section]
    low, high = path <= _ROUNDING * whole, path >= (1 - _ROUNDING) * whole
    part = np.where(low, 0, np.where(high, 1, part))
    left = np.where(low, begin, np.where(high, end - 1, left))
    step = tube.path[left + 1] - tube.path[left]
    a = tube.radii[left]
    b = a + part * (tube.radii[left + 1] - a)
    area, volume, axial, mean, shell = frustum(a, b, part * step)
    points = tube.points[left] + part[:, None] * (tube.points[left + 1] - tube.points[left])
    return Totals(
        tube.area[left] + area,
        tube.volume[left] + volume,
        tube.axial[left] + axial,
        tube.mean[left] + mean,
        tube.shell[left] + shell,
        b,
        points,
    )
