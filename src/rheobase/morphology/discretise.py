"""Into how many compartments each section is cut, and what lies between their centres."""

from typing import Any, NamedTuple

import numpy as np

from rheobase.errors import ArgumentError, ParameterError, ShapeError, brief
from rheobase.morphology.compartments import Compartments
from rheobase.morphology.frusta import at
from rheobase.morphology.tree import Tree
from rheobase.units import DomainError, Hz, Unit, cm, ohm, uF, um
from rheobase.units.fields import to_numbers

_RESISTIVITY = ohm * cm
_CAPACITANCE = uF / cm**2
_MANY = 10_000_000
_ROUNDING = 1e-9
"""A place nearer to a border than this part of a compartment is on it."""


def discretise(
    tree: Tree,
    *,
    max_length: Any = None,
    d_lambda: float | None = None,
    n: Any = None,
    axial_resistivity: Any = 100 * _RESISTIVITY,
    capacitance: Any = 1 * _CAPACITANCE,
    frequency: Any = 100 * Hz,
) -> Compartments:
    r"""Cut a tree into compartments: each section into pieces of equal path length.

    The rule of d_lambda (Hines & Carnevale 2001, Neuroscientist 7:123) makes no compartment longer
    than d_lambda of the length constant at `frequency`,

        lambda_f = 1/2 sqrt(d/(pi f R_a C_m)),  n = 2 int((L/(d_lambda lambda_f) + 0.9)/2) + 1

    for a section of length L, with L/lambda_f summed over its frusta. It always gives odd numbers,
    so that a section has a centre.

    **Arguments:** one of the first three; without any, `d_lambda=0.1`.

    - `max_length`: no compartment is longer than this (um).
    - `d_lambda`: largest length in units of lambda_f.
    - `n`: compartments a section, one number for all or one for each section.
    - `axial_resistivity`, `capacitance`, `frequency`: R_a, C_m and f of the rule.

    **Raises:** `ArgumentError` for more than one rule, `UnitError`, `DomainError` and `ShapeError`
    for values that are no length, not positive, or not one for each section.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.units import um
        >>> stick = rb.morphology.ball_and_stick(length=1000 * um)
        >>> rb.morphology.discretise(stick, d_lambda=0.1)
        Compartments(26 compartments and 0 branch points of 2 sections)
    """
    if not isinstance(tree, Tree):
        raise ArgumentError(
            f"`tree` is a morphology, got {brief(tree)}. "
            "Write rb.morphology.discretise(rb.io.read_swc('cell.swc'), max_length=20*um)."
        )
    if sum(rule is not None for rule in (max_length, d_lambda, n)) > 1:
        raise ArgumentError(
            "`max_length`, `d_lambda` and `n` are three rules for one thing: give one of them, as "
            "in discretise(tree, max_length=20*um)."
        )
    if max_length is not None:
        longest = _one(max_length, um, "max_length", "discretise(tree, max_length={})")
        counts = np.ceil(tree.lengths * (1 - 1e-9) / longest).astype(int)
    elif n is not None:
        counts = _given(n, len(tree))
    else:
        electric = _electric_lengths(tree, axial_resistivity, capacitance, frequency)
        share = 0.1 if d_lambda is None else float(d_lambda)
        if not share > 0:
            raise DomainError(f"`d_lambda` must be > 0, got {d_lambda}. Write d_lambda=0.1.")
        counts = 2 * ((electric / share + 0.9) / 2).astype(int) + 1
    counts = np.maximum(counts, 1)
    if counts.sum() > _MANY:
        raise ParameterError(
            f"that would be {counts.sum():,} compartments, of a tree {tree.lengths.sum():.4g} um "
            "long. Write a longer max_length, for example max_length=20*um."
        )
    return _cut(tree, counts)


def _one(value: Any, unit: Unit, name: str, example: str) -> float:
    number = to_numbers(value, unit, name, example)
    if number.ndim > 0:
        raise ShapeError(f"`{name}` is one number, got the shape {number.shape}.")
    if not number > 0:
        raise DomainError(
            f"`{name}` must be > 0, got {value}. Write {example.format(f'20*{unit}')}."
        )
    return float(number)


def _given(n: Any, sections: int) -> np.ndarray:
    counts = np.asarray(n)
    if counts.dtype.kind not in "iu":
        raise ArgumentError(
            f"`n` counts compartments, got {brief(n)}. Write discretise(tree, n=3)."
        )
    if counts.shape not in ((), (sections,)):
        raise ShapeError(
            f"`n` is one number, or one for each of the {sections} sections, got the shape "
            f"{counts.shape}."
        )
    if (counts < 1).any():
        raise DomainError(f"`n` must be >= 1, got {n}. Write discretise(tree, n=1).")
    return np.broadcast_to(counts, sections)


def _electric_lengths(
    tree: Tree, axial_resistivity: Any, capacitance: Any, frequency: Any
) -> np.ndarray:
    """Length of each section in units of lambda_f."""
    call = "discretise(tree, d_lambda=0.1, {}={{}})"
    resistivity = _one(
        axial_resistivity, _RESISTIVITY, "axial_resistivity", call.format("axial_resistivity")
    )
    specific = _one(capacitance, _CAPACITANCE, "capacitance", call.format("capacitance"))
    f = _one(frequency, Hz, "frequency", call.format("frequency"))
    step = np.diff(tree.tube.path)
    step[tree.first[1:-1] - 1] = 0
    diameter = tree.radii[:-1] + tree.radii[1:]
    constants = 0.5 * np.sqrt(diameter / (np.pi * f * resistivity * specific))
    return np.add.reduceat(np.append(step / constants, 0.0), tree.first[:-1])


def _cut(tree: Tree, counts: np.ndarray) -> Compartments:
    """Nodes and what lies between them, for a number of compartments a section."""
    section, place, centre, parent = _nodes(tree, counts)
    lengths = tree.lengths
    here = at(tree.tube, section, place)
    half = np.where(centre, 0.5 * lengths[section] / counts[section], 0.0)
    low = at(tree.tube, section, np.maximum(place - half, 0))
    high = at(tree.tube, section, np.minimum(place + half, lengths[section]))
    area = np.where(centre, high.area - low.area, 0.0)
    volume = np.where(centre, high.volume - low.volume, 0.0)
    spanned = np.where(centre, 2 * half, 1.0)
    radius = np.where(centre, (high.mean - low.mean) / spanned, here.radius)
    return Compartments(
        tree=tree,
        parent=parent.astype(np.int32),
        area=area,
        volume=volume,
        **_ways(tree, counts, section, place, centre, parent)._asdict(),
        length=2 * half,
        radius=radius,
        section=section.astype(np.int32),
        at=place / lengths[section],
        xyz=here.points,
        path_distance=np.abs(tree.begins[section] + place),
    )


class _Ways(NamedTuple):
    """What lies between each node and its parent; see `Compartments`."""

    axial: np.ndarray
    shell: np.ndarray
    owners: np.ndarray
    axial_share: np.ndarray
    shell_share: np.ndarray


def _ways(
    tree: Tree,
    counts: np.ndarray,
    section: np.ndarray,
    place: np.ndarray,
    centre: np.ndarray,
    parent: np.ndarray,
) -> _Ways:
    """The way from a node to its parent: to a border, and on from it.

    The border is that of two compartments of one section, or where a section begins; of the parent
    the way goes on from where the section is attached. Each part lies in one compartment.
    """
    above, width = np.maximum(parent, 0), tree.lengths / counts
    same = section == section[above]
    low, high = np.minimum(place, place[above]), np.maximum(place, place[above])
    border = np.ceil(low / width[section] - _ROUNDING) * width[section]
    border = np.where((border > low) & (border < high), border, place[above])
    border = np.where(same, border, 0.0)
    shares = np.round(tree.attach * _FINE) / _FINE
    beyond = np.where(same, border, shares[section] * tree.lengths[section[above]])

    members = np.flatnonzero(centre)
    members = members[np.lexsort((place[members], section[members]))]
    first = np.cumsum(counts) - counts

    def owner(section: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        number = np.floor((a + b) / 2 / width[section]).astype(int)
        return members[first[section] + np.clip(number, 0, counts[section] - 1)]

    here, end = at(tree.tube, section, place), at(tree.tube, section, border)
    on = at(tree.tube, section[above], beyond)

    def integral(name: str) -> tuple[np.ndarray, np.ndarray]:
        to, from_, running = (getattr(one, name) for one in (end, on, here))
        own, far = np.abs(running - to), np.abs(from_ - running[above])
        total = np.where(parent < 0, 0.0, own + far)
        share = np.divide(own, total, out=np.ones_like(own), where=total > 0)
        return total, share

    axial, axial_share = integral("axial")
    shell, shell_share = integral("shell")
    owners = owner(section, place, border), owner(section[above], beyond, place[above])
    return _Ways(axial, shell, np.stack(owners).astype(np.int32), axial_share, shell_share)


def _nodes(tree: Tree, counts: np.ndarray) -> tuple[np.ndarray, ...]:
    """Section, path in it (um), whether it is a compartment, and parent of each node.

    Along each section stand the centres of its compartments and the places from which other
    sections grow, unless only one does so, at an end: then it joins the last compartment.
    """
    joints = _joints(tree, counts)
    kept: list[tuple[np.ndarray, ...]] = []
    numbers: list[dict[int, int]] = []
    total = 0
    for i, count in enumerate(counts.tolist()):
        shares = [(k + 0.5) / count for k in range(count)]
        along = sorted([*((share, -1) for share in shares), *joints[i]])
        parent = list(range(total - 1, total + len(along) - 1))
        above = tree.parent[i]
        if above >= 0:
            key = _key(tree.attach[i])
            # Without a node of its own it is a centre, or joins the first or the last compartment.
            nearest = round(key / _FINE * int(counts[above]) - 0.5)
            nearest = min(max(nearest, 0), int(counts[above]) - 1)
            parent[0] = numbers[above].get(key, numbers[above][-1 - nearest])
        else:
            # The root is its first compartment; what lies before it hangs from it, backwards.
            before = next(k for k, (_, key) in enumerate(along) if key < 0)
            along = [*along[before::-1], *along[before + 1 :]]
            parent[0] = -1
            if before + 1 < len(along):
                parent[before + 1] = total
        own = {}
        compartment = 0
        for k, (_, key) in enumerate(along):
            if key < 0:
                compartment += 1
                key = -compartment
            own[key] = total + k
        numbers.append(own)
        share, key = (np.array(x) for x in zip(*along, strict=True))
        kept.append((np.full(len(along), i), share, key < 0, np.array(parent)))
        total += len(along)
    section, share, centre, parent = (np.concatenate(x) for x in zip(*kept, strict=True))
    return section, share * tree.lengths[section], centre, parent


_FINE = 10**7
"""Places of a section nearer to each other than a ten-millionth of it are one."""


def _key(share: float) -> int:
    return round(float(share) * _FINE)


def _joints(tree: Tree, counts: np.ndarray) -> list[list[tuple[float, int]]]:
    """Where along each section a node of its own is needed: its share of the path and its key."""
    found: list[dict[int, int]] = [{} for _ in counts]
    for above, share in zip(tree.parent[1:], tree.attach[1:], strict=True):
        key = _key(share)
        found[above][key] = found[above].get(key, 0) + 1
    return [
        [
            (key / _FINE, key)
            for key, how_many in places.items()
            if not (how_many == 1 and key in ((0, _FINE) if tree.parent[i] < 0 else (_FINE,)))
            and not _is_centre(key, counts[i])
        ]
        for i, places in enumerate(found)
    ]


def _is_centre(key: int, count: int) -> bool:
    number = key / _FINE * count - 0.5
    return abs(number - round(number)) * _FINE < count and 0 <= round(number) < count
