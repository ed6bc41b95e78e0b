"""The potential that a cell makes around it."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.cable.cell import Cell
from rheobase.errors import ShapeError
from rheobase.units import cm, ohm, to_internal, um


def line_source(
    cell: Cell, i_membrane: Array, electrodes: Any, *, resistivity: Any = 300 * ohm * cm
) -> Array:
    r"""Extracellular potential at electrodes (mV), (time, electrodes), by the line source.

    phi = sum over compartments of resistivity/(4 pi L) I ln((r + r' + L)/(r + r' - L))

    I the current out through the membrane of a compartment (nA), L its length, r and r' the
    distances from its ends to the electrode, neither of them less than its radius.

    - `i_membrane` (time, compartments): `run["i_membrane"]` of a run with `record="i_membrane"`:
      that of channels and capacitance, in the middle of each step.
    - `electrodes` (electrodes, 3): positions (um).
    - `resistivity`: of the medium.

    Source: Holt & Koch 1999, J Comput Neurosci 6:169.
    Errors: `ShapeError` unless all compartments were recorded, or for positions that are none;
    `UnitError`.

    >>> import rheobase as rb
    >>> from rheobase import channels as ch
    >>> from rheobase.units import ms, nA, um
    >>> cell = rb.Cell(rb.morphology.ball_and_stick(length=300 * um)).insert(ch.HH(), at="soma")
    >>> run = rb.simulate(cell, current={cell.at("soma"): 2 * nA}, record="i_membrane",
    ...                   duration=5 * ms, dt=0.025 * ms)
    >>> near_and_far = [[50, 0, 0], [50, 300, 0]] * um
    >>> rb.cable.line_source(cell, run["i_membrane"], near_and_far).shape
    (200, 2)
    """
    inside = np.flatnonzero(cell.compartments.membrane)
    if i_membrane.ndim != 2 or i_membrane.shape[1] != len(inside):
        raise ShapeError(
            f"`i_membrane` has shape {i_membrane.shape}, but the cell has {len(inside)} "
            'compartments. Write simulate(..., record="i_membrane").'
        )
    example = "line_source(cell, run['i_membrane'], {})"
    points = to_internal(electrodes, um, "electrodes", example)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ShapeError(f"`electrodes` are points (electrodes, 3), got the shape {points.shape}.")
    medium = to_internal(resistivity, ohm * cm, "resistivity", "line_source(..., resistivity={})")
    reach = _reach(cell, inside, points)
    return i_membrane @ (medium * reach).T.astype(i_membrane.dtype)


def _reach(cell: Cell, inside: np.ndarray, points: Array) -> Array:
    """Potential of unit current and resistivity, 1/um, (electrodes, compartments)."""
    cut = cell.compartments
    half = 0.5 / np.asarray(cut.tree.lengths)[cut.section] * cut.length
    begin, end = (cut.tree.xyz(cut.section, np.clip(cut.at + side * half, 0, 1))[inside]
                  for side in (-1, 1))  # fmt: skip
    radius = jnp.asarray(cut.radius[inside], points.dtype)
    length = jnp.asarray(np.linalg.norm(end - begin, axis=1), points.dtype)

    def distance(place: np.ndarray) -> Array:
        away = points[:, None, :] - jnp.asarray(place, points.dtype)[None]
        # A floor below the root: an electrode may stand on the very place.
        square = jnp.sum(away**2, axis=-1)
        return jnp.sqrt(jnp.maximum(square, jnp.broadcast_to(radius**2, square.shape)))

    both = distance(begin) + distance(end)
    wide = jnp.broadcast_to(length, both.shape)
    near = jnp.maximum(both - wide, 1e-6 * wide)
    logarithm = jnp.log((both + wide) / near)
    return logarithm / (4 * jnp.pi * wide)
