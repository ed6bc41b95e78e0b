"""The bias generator: coarse and fine codes, and the current that each gives.

A code is one of 6 coarse ranges and 256 fine steps. The measured current is not monotonic in the
fine code (it dips at 32, 64, ... 224 in every range), so a code for a current is searched among
all of them.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple, final

import numpy as np

from rheobase.errors import ArgumentError, ParameterError, UnknownName, brief

COARSE, FINE = 6, 256

_FITS = {
    "N": (
        (2.7866e-13, 3.85e-13), (2.2552e-12, 8.92e-13), (1.8143e-11, 1.08e-12),
        (1.4527e-10, 1.08e-12), (1.1591e-9, 1.08e-12), (9.0200e-9, 1.08e-12),
    ),
    "P": (
        (2.6017e-13, 2.99e-13), (2.1113e-12, 6.48e-13), (1.7046e-11, 7.55e-13),
        (1.3716e-10, 7.60e-13), (1.1016e-9, 7.61e-13), (8.7702e-9, 7.61e-13),
    ),
}  # fmt: skip
"""Current (A) = slope * fine + offset, by transistor type and coarse range: fits to the chip
maker's characterisation, the public `parametergen_current_levels.csv` of the laboratory scripts of
INI Zurich; within 11 % of it for fine codes from 8."""


class Code(NamedTuple):
    """A code of the bias generator and what it gives."""

    coarse: int
    fine: int
    current: float
    """A."""
    wanted: float
    """A."""

    @property
    def error(self) -> float:
        """Relative, of the current that it gives."""
        return self.current / self.wanted - 1

    def scaled(self, factor: float) -> "Code":
        """The same code of a parameter whose currents are scaled by `factor`."""
        return self._replace(current=self.current * factor, wanted=self.wanted * factor)


@final
@dataclass(frozen=True, eq=False)
class BiasTable:
    """Current (A) of every code, arrays (6, 256), of n- and p-channel transistors.

    Errors: `ParameterError` for a table of another shape or with currents that are not positive;
    `ArgumentError` for a current that is no positive number.

    >>> from rheobase.devices.dynapse2 import BiasTable
    >>> table = BiasTable.fitted()
    >>> table.nearest("N", 1e-9).coarse
    2
    """

    N: np.ndarray
    P: np.ndarray
    source: str

    def __post_init__(self):
        for name, array in (("N", self.N), ("P", self.P)):
            if array.shape != (COARSE, FINE) or not np.all(array > 0):
                raise ParameterError(
                    f"`{name}` holds a positive current (A) for each of {COARSE} coarse and {FINE} "
                    f"fine codes, got shape {array.shape}. Write BiasTable.fitted()."
                )

    @classmethod
    def fitted(cls) -> "BiasTable":
        """The affine fits to the published characterisation."""
        return _fitted()

    @classmethod
    def read(cls, file: str | Path) -> "BiasTable":
        """A measured table: CSV with a header and columns type, coarse, fine, current (A).

        Errors: `ParameterError` where a code is missing or given twice.
        """
        rows = np.genfromtxt(file, delimiter=",", names=True, dtype=None, encoding="utf8")
        tables = {kind: np.full((COARSE, FINE), np.nan) for kind in "NP"}
        for kind, coarse, fine, current in rows.tolist():
            here = tables.get(str(kind).strip().upper())
            if here is None or not (0 <= coarse < COARSE and 0 <= fine < FINE):
                raise ParameterError(f"{file}: there is no code {kind}, {coarse}, {fine}.")
            if not np.isnan(here[coarse, fine]):
                raise ParameterError(f"{file}: code {kind}, {coarse}, {fine} stands there twice.")
            here[coarse, fine] = current
        for kind, table in tables.items():
            if np.isnan(table).any():
                coarse, fine = np.argwhere(np.isnan(table))[0]
                raise ParameterError(f"{file}: code {kind}, {coarse}, {fine} is missing.")
        return cls(tables["N"], tables["P"], str(Path(file).name))

    def of(self, transistor: str) -> np.ndarray:
        """The currents of a type of transistor."""
        if transistor not in ("N", "P"):
            raise UnknownName("type of transistor", transistor, ("N", "P"))
        return self.N if transistor == "N" else self.P

    def current(self, transistor: str, coarse: int, fine: int) -> float:
        """Current (A) of a code."""
        if not (0 <= coarse < COARSE and 0 <= fine < FINE):
            raise ParameterError(
                f"a code is coarse 0 to {COARSE - 1} and fine 0 to {FINE - 1}, got "
                f"({coarse}, {fine})."
            )
        return float(self.of(transistor)[coarse, fine])

    def range(self, transistor: str) -> tuple[float, float]:
        """Smallest and largest current (A)."""
        table = self.of(transistor)
        return float(table.min()), float(table.max())

    def nearest(self, transistor: str, current: float, absolute: bool = False) -> Code:
        """The code whose current comes nearest, among all of them.

        - `absolute`: first the fine code of the least absolute error in each coarse range, then the
          best range, as the peer does; without it the least relative error, |ln(I/current)|.
        """
        if not 0 < current < float("inf"):
            raise ArgumentError(f"`current` is a positive number of A, got {brief(current)}.")
        table = self.of(transistor)
        error = np.abs(table - current) if absolute else np.abs(np.log(table / current))
        coarse, fine = np.unravel_index(int(np.argmin(error)), table.shape)
        return Code(int(coarse), int(fine), float(table[coarse, fine]), float(current))

    def with_dips(self, depth: float = 0.05) -> "BiasTable":
        """The table with currents `depth` lower at fine codes 32, 64, ... 224 and the 3 after them.

        A stand-in for the dips of the measurement, of which the fits know nothing.
        """
        factor = np.ones(FINE)
        for start in range(32, FINE, 32):
            factor[start : start + 4] = 1 - depth
        return replace(self, N=self.N * factor, P=self.P * factor, source=f"{self.source}, dips")


@cache
def _fitted() -> BiasTable:
    fine = np.arange(FINE)
    tables = {k: np.array([s * fine + o for s, o in fits]) for k, fits in _FITS.items()}
    return BiasTable(tables["N"], tables["P"], "affine fits to the published characterisation")
