"""Quantities of other packages, recognised by what they offer, without importing any of them."""

import math
from fractions import Fraction
from typing import Any

import jax
import numpy as np

from rheobase.units.errors import UnitError
from rheobase.units.symbols import A, V, kelvin, m, mM, s
from rheobase.units.unit import DIMENSIONLESS, Quantity, Unit

_kg = V * A * s**3 / m**2
_SI = {
    "m": m,
    "kg": _kg,
    "s": s,
    "A": A,
    "K": kelvin,
    "mol": mM * m**3,
}
"""The SI base units that have a meaning here, in ours. The candela and the rest are refused."""

_PINT = {
    "[length]": "m",
    "[mass]": "kg",
    "[time]": "s",
    "[current]": "A",
    "[temperature]": "K",
    "[substance]": "mol",
}


def from_foreign(value: Any) -> Quantity | None:
    """A quantity of pint, astropy, saiunit or brian2 as one of ours; `None` for anything else.

    **Raises:** `UnitError` for a quantity with a dimension that has no unit here (candela).
    """
    if isinstance(value, int | float | str | list | tuple | jax.Array | Quantity | Unit):
        return None
    for read in (_pint, _astropy, _saiunit, _brian2):
        found = read(value)
        if found is not None:
            return found
    return None


def _pint(value: Any) -> Quantity | None:
    if not _offers(value, "magnitude", "units", "dimensionality", "to_root_units"):
        return None
    # Degrees have an offset, which only the value itself can be freed of.
    if dict(value.dimensionality) == {"[temperature]": 1}:
        return Quantity(value.to_root_units().magnitude, kelvin)
    scale = float((1 * value.units).to_root_units().magnitude)
    dimension = dict(value.dimensionality)
    powers = {_PINT[name] if name in _PINT else name: dimension[name] for name in dimension}
    scale *= 1e-3 ** float(powers.get("kg", 0))  # the root unit of mass is the gram
    return Quantity(value.magnitude, _unit(str(value.units), scale, powers))


def _astropy(value: Any) -> Quantity | None:
    unit: Any = getattr(value, "unit", None)
    if not (_offers(value, "value") and _offers(unit, "decompose", "physical_type")):
        return None
    base = unit.decompose()
    powers = {str(b): power for b, power in zip(base.bases, base.powers, strict=True)}
    return Quantity(value.value, _unit(str(unit), float(base.scale), powers))


def _saiunit(value: Any) -> Quantity | None:
    unit: Any = getattr(value, "unit", None)
    if not (_offers(value, "mantissa") and _offers(unit, "dim", "magnitude")):
        return None
    return Quantity(value.mantissa, _unit(str(unit), float(unit.magnitude), _powers(unit.dim)))


def _brian2(value: Any) -> Quantity | None:
    dimension = getattr(value, "dim", None)
    if not (isinstance(value, np.ndarray) and _offers(dimension, "get_dimension")):
        return None
    # The array holds SI base units whatever was written, so the unit is of our choice.
    quantity = Quantity(np.asarray(value), _unit("SI", 1.0, _powers(dimension)))
    return quantity.to(quantity.unit.internal())


def _offers(value: Any, *names: str) -> bool:
    return all(hasattr(value, name) for name in names)


def _powers(dimension: Any) -> dict[str, Any]:
    """The exponents of SI base units of a dimension of brian2 or saiunit."""
    names = ("m", "kg", "s", "A", "K", "mol", "cd")
    return {name: dimension.get_dimension(name) for name in names}


def _unit(name: str, scale: float, powers: dict[str, Any]) -> Unit:
    """The unit that is `scale` times a product of powers of SI base units."""
    unit = DIMENSIONLESS
    for base, power in powers.items():
        if power == 0:
            continue
        if base not in _SI:
            raise UnitError(f"no quantity here is measured in {name}: it has the dimension {base}.")
        unit *= _SI[base] ** float(power)
    # Other packages multiply floats: 0.9999999999999999 stands for one.
    ten = round(math.log10(scale))
    exact = math.isclose(scale, 10.0**ten, rel_tol=1e-12)
    factor = Fraction(1) if exact else Fraction(scale)
    return Unit(
        ((name, Fraction(1)),),
        unit.dimension,
        unit.ten + (ten if exact else 0),
        unit.factor * factor,
    )
