"""Currents as they are typed."""

import re

from rheobase.errors import ArgumentError, brief
from rheobase.units import A, Quantity, mA, nA, pA, uA

_UNITS = {"pA": pA, "nA": nA, "uA": uA, "mA": mA, "A": A}


def read_current(text: str) -> Quantity:
    """A positive current such as 5.3pA or 20nA."""
    found = re.fullmatch(r"\s*([0-9.]+(?:e[-+]?[0-9]+)?)\s*(pA|nA|uA|mA|A)\s*", text)
    try:
        value = 0.0 if found is None else float(found[1])
    except ValueError:
        value = 0.0
    if found is None or not 0 < value < float("inf"):
        raise ArgumentError(
            f"a current is a positive number with its unit, got {brief(text)}: 5.3pA."
        )
    return value * _UNITS[found[2]]
