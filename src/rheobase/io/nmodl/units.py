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
