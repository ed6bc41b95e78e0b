"""Units as .mod files write them: (mA/cm2), (mho/cm2), (/ms), (1)."""

import re
from typing import Any

from rheobase.units import (
    A,
    F,
    Hz,
    MOhm,
    S,
    Unit,
    V,
    cm,
    dimensionless,
    kHz,
    m,
    mA,
    mM,
    mm,
    mS,
    ms,
    mV,
    nA,
    nF,
    nS,
    ohm,
    pA,
    pF,
    pS,
    s,
    uA,
    uF,
    uM,
    um,
    uS,
)

SYMBOLS = {
    "mV": mV, "millivolt": mV, "V": V, "volt": V,
    "ms": ms, "millisec": ms, "s": s, "sec": s, "Hz": Hz, "kHz": kHz,
    "S": S, "siemens": S, "mho": S, "mS": mS, "mmho": mS, "uS": uS, "umho": uS, "nS": nS, "pS": pS,
    "A": A, "amp": A, "mA": mA, "milliamp": mA, "uA": uA, "nA": nA, "nanoamp": nA, "pA": pA,
    "m": m, "cm": cm, "mm": mm, "um": um, "micron": um,
    "F": F, "uF": uF, "microfarad": uF, "nF": nF, "pF": pF, "ohm": ohm, "megohm": MOhm,
    "mM": mM, "milli/liter": mM, "uM": uM, "1": dimensionless,
}  # fmt: skip

_CONSTANTS = {
    "faraday": (96485.33212, ("coulomb", "coulombs", "coul")),
    "k-mole": (8.314462618, ("joule/degC", "joule/degK", "joule/K")),
    "k": (1.380649e-23, ("joule/degC", "joule/degK", "joule/K")),
    "pi": (3.141592653589793, ("1",)),
    "avogadro": (6.02214076e23, ()),
    "e": (1.602176634e-19, ("coulomb", "coulombs", "coul")),
}
"""Constants by their names in UNITS, and the units in which they have this value."""
_FACTORS = {"": 1.0, "kilo": 1e3, "milli": 1e-3, "micro": 1e-6}


def constant(what: str, unit: str) -> float | None:
    """The constant in a unit as `10000coulomb`; None where one of them is not known."""
    value, units = _CONSTANTS.get(what, (0.0, ()))
    found = re.fullmatch(r"(\d*\.?\d*(?:e[-+]?\d+)?)(kilo|milli|micro|)([A-Za-z].*|1|)", unit)
    if what == "k-mole" and unit == "mV-coul/degC":
        found, value = re.fullmatch("()()()", ""), value * 1e3
    if not value or found is None or found[3] not in ("", *units):
        return None
    return value / (float(found[1] or 1) * _FACTORS[found[2]])


def unit_of(text: str) -> Unit:
    """The unit, or `dimensionless` for one that is not known, as (degC): a number then."""
    above, _, below = text.partition("/")
    top, bottom = _product(above), _product(below)
    if top is None or bottom is None:
        return dimensionless
    return top / bottom


def _product(text: str) -> Any:
    """The product of `cm2-s`; None where a factor is not known."""
    unit = dimensionless
    for factor in re.split(r"[-*]", text) if text else []:
        found = re.fullmatch(r"([A-Za-z]+|1)(?:\^?(\d))?", factor)
        if found is None or found[1] not in SYMBOLS:
            return None
        unit = unit * SYMBOLS[found[1]] ** int(found[2] or 1)
    return unit
