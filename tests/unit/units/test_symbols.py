import pytest

from rheobase import units
from rheobase.units import Unit

# Each symbol in SI units and the exponents of m, kg, s, A, K, mol, from the SI brochure.
METRE, SECOND, AMPERE = (1, 0, 0, 0, 0, 0), (0, 0, 1, 0, 0, 0), (0, 0, 0, 1, 0, 0)
VOLT, OHM = (2, 1, -3, -1, 0, 0), (2, 1, -3, -2, 0, 0)
SIEMENS, FARAD = (-2, -1, 3, 2, 0, 0), (-2, -1, 4, 2, 0, 0)
HERTZ, MOLAR, KELVIN = (0, 0, -1, 0, 0, 0), (-3, 0, 0, 0, 0, 1), (0, 0, 0, 0, 1, 0)
SI = {
    **{"s": (1e0, SECOND), "ms": (1e-3, SECOND), "us": (1e-6, SECOND)},
    **{"V": (1e0, VOLT), "mV": (1e-3, VOLT)},
    **{"A": (1e0, AMPERE), "mA": (1e-3, AMPERE), "uA": (1e-6, AMPERE)},
    **{"nA": (1e-9, AMPERE), "pA": (1e-12, AMPERE)},
    **{"S": (1e0, SIEMENS), "mS": (1e-3, SIEMENS), "uS": (1e-6, SIEMENS)},
    **{"nS": (1e-9, SIEMENS), "pS": (1e-12, SIEMENS)},
    **{"Ohm": (1e0, OHM), "ohm": (1e0, OHM), "kOhm": (1e3, OHM)},
    **{"MOhm": (1e6, OHM), "GOhm": (1e9, OHM)},
    **{"F": (1e0, FARAD), "uF": (1e-6, FARAD), "nF": (1e-9, FARAD), "pF": (1e-12, FARAD)},
    **{"m": (1e0, METRE), "cm": (1e-2, METRE), "mm": (1e-3, METRE), "um": (1e-6, METRE)},
    **{"Hz": (1e0, HERTZ), "kHz": (1e3, HERTZ)},
    **{"mM": (1e0, MOLAR), "uM": (1e-3, MOLAR)},
    **{"kelvin": (1e0, KELVIN), "dimensionless": (1e0, (0, 0, 0, 0, 0, 0))},
}
# Internal units, whose scale is one by the definition of the internal system, in SI units.
BASE = ((1e-3, SECOND), (1e-3, VOLT), (1e-9, AMPERE), (1e-6, METRE), (1e-18, None), (1, KELVIN))


@pytest.mark.parametrize("name", SI)
def test_a_symbol_has_the_scale_and_the_dimension_of_the_si(name):
    unit = getattr(units, name)
    scale, exponents = SI[name]
    assert str(unit) == name

    found = [0.0] * 6
    base_scale = 1.0
    for power, (size, base) in zip(unit.dimension, BASE, strict=True):
        base = (0, 0, 0, 0, 0, 1) if base is None else base
        found = [f + float(power) * e for f, e in zip(found, base, strict=True)]
        base_scale *= size ** float(power)
    assert tuple(found) == exponents
    assert float(unit.factor) * 10.0 ** float(unit.ten) * base_scale == pytest.approx(scale)


def test_every_exported_symbol_is_in_the_table():
    exported = {name for name in units.__all__ if isinstance(getattr(units, name), Unit)}
    assert exported == set(SI)


def test_the_exports_are_sorted_and_public():
    assert sorted(units.__all__) == units.__all__
    assert "any" not in units.__all__
