"""Quantities of other packages, recognised by what they offer, without importing any of them."""

from typing import Any

from rheobase.units.unit import Quantity


def from_foreign(value: Any) -> Quantity | None:
    """`value` as a quantity of ours, or `None` where it is none that we know."""
    return None
