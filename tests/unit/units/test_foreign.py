"""Quantities of four packages: the real ones where they are installed, and small doubles of the
parts of their interfaces that are relied upon.
"""  # noqa: D205

import warnings
from types import SimpleNamespace

import equinox as eqx
import jax
import numpy as np
import pytest
from jax import Array

from rheobase.units import (
    MOhm,
    UnitError,
    cm,
    dimensionless,
    kelvin,
    mM,
    ms,
    mV,
    positive,
    quantity,
    to_internal,
    uF,
)
from rheobase.units.foreign import from_foreign


class Cell(eqx.Module):
    tau: Array = quantity(ms, positive, "membrane time constant", default=20 * ms)


def package(name):
    """The package, or a skip; what it warns of while it is imported is not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # brian2 2.9 fails with an AttributeError on a NumPy newer than it knows.
        return pytest.importorskip(name, exc_type=Exception)


def check(cases):
    for theirs, unit, number in cases:
        found = to_internal(theirs, unit, "x", "f(x={})")
        expected = to_internal(number * unit, unit, "x", "f(x={})")
        np.testing.assert_allclose(found, expected, rtol=1e-7)


def refuse(wrong, luminous):
    with pytest.raises(
        UnitError, match=r"`tau` is measured in ms, got 5.*\. Write Cell\(tau=5\*ms"
    ):
        Cell(tau=wrong)
    with pytest.raises(UnitError, match="no quantity here is measured in"):
        from_foreign(luminous)


def test_pint():
    u = package("pint").UnitRegistry()
    check(
        [
            (5 * u.ms, ms, 5),
            (5 * u.us, ms, 0.005),
            (2 * u.uF / u.cm**2, uF / cm**2, 2),
            (1 * u.mmol / u.L, mM, 1),
            (3 * u.minute, ms, 180000),
            (u.Quantity(20, "degC"), kelvin, 293.15),
            (u.Quantity(np.arange(3.0), "mV"), mV, np.arange(3)),
            (30 * u.percent, dimensionless, 0.3),
        ]
    )
    refuse(5 * u.mV, 1 * u.cd)


def test_astropy():
    u = package("astropy.units")
    check(
        [
            (5 * u.ms, ms, 5),
            (5 * u.us, ms, 0.005),
            (2 * u.uF / u.cm**2, uF / cm**2, 2),
            (1 * u.mmol / u.l, mM, 1),
            (3 * u.min, ms, 180000),
            (3 * u.mV / u.ms**0.5, mV / ms**0.5, 3),
            (np.arange(3.0) * u.mV, mV, np.arange(3)),
            (30 * u.percent, dimensionless, 0.3),
        ]
    )
    refuse(5 * u.mV, 1 * u.cd)


def test_saiunit():
    u = package("saiunit")
    check(
        [
            (5 * u.ms, ms, 5),
            (5 * u.us, ms, 0.005),
            (2 * u.uF / u.cm**2, uF / cm**2, 2),
            (1 * u.mM, mM, 1),
            (3 * u.minute, ms, 180000),
            (np.arange(3) * u.mV, mV, np.arange(3)),
        ]
    )
    refuse(5 * u.mV, 1 * u.candle)
    assert jax.jit(lambda x: Cell(tau=x * u.ms).tau)(3.0) == 3


def test_brian2():
    u = package("brian2")
    check(
        [
            (5 * u.ms, ms, 5),
            (u.ms, ms, 1),
            (2 * u.uF / u.cm**2, uF / cm**2, 2),
            (1 * u.mmolar, mM, 1),
            (10 * u.Mohm, MOhm, 10),
            (np.arange(3) * u.mV, mV, np.arange(3)),
            (u.Quantity(0.3), dimensionless, 0.3),
        ]
    )
    refuse(5 * u.mV, u.Quantity.with_dimensions(1.0, luminosity=1))


class FakePint:
    """Of pint: a magnitude, units that build quantities, root units of gram and metre."""

    def __init__(self, magnitude, units, factor, dimensionality, offset=0):
        self.magnitude = magnitude
        self.dimensionality = dimensionality
        self._parts = units, factor, offset
        self.units = self

    def __rmul__(self, number):
        return FakePint(number, *self._parts[:2], self.dimensionality, self._parts[2])

    def to_root_units(self):
        units, factor, offset = self._parts
        return SimpleNamespace(magnitude=self.magnitude * factor + offset)

    def __str__(self):
        return self._parts[0]


class FakeDimension:
    """Of brian2 and saiunit: exponents by the symbol of the SI base unit."""

    def __init__(self, **powers):
        self.powers = powers

    def get_dimension(self, name):
        return self.powers.get(name, 0)


class FakeBrian(np.ndarray):
    """Of brian2: an array in SI base units with a dimension."""

    dim: FakeDimension


def fake_brian(value, **powers):
    array = np.asarray(value, float).view(FakeBrian)
    array.dim = FakeDimension(**powers)
    return array


class FakeAstropyUnit:
    """Of astropy: decomposition into a scale and powers of base units."""

    physical_type = "of some kind"

    def __init__(self, name, scale, **powers):
        self.name = name
        self.base = SimpleNamespace(scale=scale, bases=list(powers), powers=list(powers.values()))

    def decompose(self):
        return self.base

    def __str__(self):
        return self.name


class FakeSaiunitUnit(FakeDimension):
    """Of saiunit: a dimension and the size in SI units."""

    def __init__(self, name, magnitude, **powers):
        self.name, self.magnitude, self.dim = name, magnitude, FakeDimension(**powers)

    def __str__(self):
        return self.name


VOLT = {"m": 2, "kg": 1, "s": -3, "A": -1}
PINT_VOLT = {"[length]": 2, "[mass]": 1, "[time]": -3, "[current]": -1}


@pytest.mark.parametrize(
    ("theirs", "unit", "number", "text"),
    [
        (FakePint(5, "millisecond", 1e-3, {"[time]": 1}), ms, 5, "5 millisecond"),
        (FakePint(5, "millivolt", 1.0, PINT_VOLT), mV, 5, "5 millivolt"),
        (FakePint(1, "odd", 0.9999999999999999, {"[time]": 1}), ms, 1000, "1 odd"),
        (FakePint(20, "degC", 1, {"[temperature]": 1}, 273.15), kelvin, 293.15, "293.15 kelvin"),
        (
            SimpleNamespace(value=np.arange(2.0), unit=FakeAstropyUnit("mV", 1e-3, **VOLT)),
            mV,
            np.arange(2),
            "[0., 1.] mV",
        ),
        (
            SimpleNamespace(mantissa=3, unit=FakeSaiunitUnit("min", 60.0, s=1)),
            ms,
            180000,
            "3 min",
        ),
        (fake_brian(0.005, **VOLT), mV, 5, "5 mV"),
        (fake_brian([1e7], m=2, kg=1, s=-3, A=-2), MOhm, [10], "[10.] MOhm"),
        (fake_brian(3), dimensionless, 3, "3"),
    ],
)
def test_doubles(theirs, unit, number, text):
    found = from_foreign(theirs)
    assert str(found) == text
    np.testing.assert_allclose(found.value_in(unit), number, rtol=1e-15)


def test_a_foreign_quantity_is_checked_as_ours_is():
    assert Cell(tau=fake_brian(0.02, s=1)).tau == 20
    refuse(FakePint(5, "millivolt", 1.0, PINT_VOLT), FakePint(1, "candela", 1, {"[luminosity]": 1}))
    refuse(fake_brian(0.005, **VOLT), fake_brian(1, cd=1))


@pytest.mark.parametrize(
    "other", [3, "x", None, np.ones(2), np.float64(3), 5 * ms, ms, [1], object()]
)
def test_everything_else_is_left_alone(other):
    assert from_foreign(other) is None
