"""Units and quantities: what the user writes, `20*ms`, before it is converted and stripped.

The internal system is coherent: ms, mV, nA, um, amol (so that mM = amol/um**3) and kelvin have
scale one, and so have their products nF = nA*ms/mV, uS = nA/mV and MOhm = mV/nA.
"""

import functools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self, final

import equinox as eqx
import jax
import numpy as np
from jax.tree_util import GetAttrKey

from rheobase.errors import brief
from rheobase.units.errors import UnitError
from rheobase.units.values import numeric, rescale, show

Exponents = tuple[Fraction, ...]

BASE = ("ms", "mV", "nA", "um", "amol", "kelvin")
"""The internal unit of time, voltage, current, length, amount and temperature."""

_COHERENT = {
    "nF": (1, -1, 1, 0, 0, 0),
    "uS": (0, -1, 1, 0, 0, 0),
    "MOhm": (0, 1, -1, 0, 0, 0),
    "mM": (0, 0, 0, -3, 1, 0),
}
"""Internal units with a symbol of their own, by their exponents."""

NO_DIMENSION: Exponents = (Fraction(0),) * len(BASE)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """A unit of measurement: a dimension and an exact scale.

    One of this unit is `factor * 10**ten` internal units of the same dimension. Two units are equal
    when dimension and scale are, however they are written: `kHz == 1/ms`.

    **Arguments:**

    - `factors`: the symbols it is written with and their exponents, for printing.
    - `dimension`: exponents of time, voltage, current, length, amount and temperature.
    - `ten`: exponent of ten of the scale.
    - `factor`: what the scale has beyond a power of ten.

    **Example:**

        >>> from rheobase.units import cm, uF
        >>> uF / cm**2
        uF/cm**2
        >>> 2 * uF / cm**2
        2 uF/cm**2
    """

    factors: tuple[tuple[str, Fraction], ...]
    dimension: Exponents = NO_DIMENSION
    ten: Fraction = Fraction(0)
    factor: Fraction = Fraction(1)

    # An array at the left hands the product over: `np.arange(3)*ms` is one quantity.
    __array_ufunc__ = None

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Unit):
            powers = dict(self.factors)
            for symbol, exponent in other.factors:
                powers[symbol] = powers.get(symbol, Fraction(0)) + exponent
            return Unit(
                tuple((s, e) for s, e in powers.items() if e != 0),
                tuple(a + b for a, b in zip(self.dimension, other.dimension, strict=True)),
                self.ten + other.ten,
                self.factor * other.factor,
            )
        if isinstance(other, Quantity):
            return _collapsed(other.value, self * other.unit)
        return Quantity(other, self)

    def __rmul__(self, other: Any) -> "Quantity":
        return Quantity(other, self)

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, Unit):
            return self * other**-1
        if isinstance(other, Quantity):
            return 1 * self / other
        return Quantity(1 / numeric(other), self)

    def __rtruediv__(self, other: Any) -> "Quantity":
        return Quantity(other, self**-1)

    def __pow__(self, exponent: int | float | Fraction) -> "Unit":
        power = _exponent(exponent)
        return Unit(
            tuple((s, e * power) for s, e in self.factors if power != 0),
            tuple(e * power for e in self.dimension),
            self.ten * power,
            _rational_power(self.factor, power),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Unit):
            return NotImplemented
        return self.same_dimension(other) and self._scale() == other._scale()

    def __hash__(self) -> int:
        return hash((self.dimension, self._scale()))

    def _scale(self) -> tuple[Fraction, Fraction]:
        """Factor and power of ten, the whole powers of ten moved into the factor."""
        whole = math.floor(self.ten)
        return self.factor * Fraction(10) ** whole, self.ten - whole

    def same_dimension(self, other: "Unit") -> bool:
        """Whether quantities in the two units can be added."""
        return self.dimension == other.dimension

    def internal(self) -> "Unit":
        """The internal unit of the same dimension."""
        return internal_unit(self.dimension)

    def __str__(self) -> str:
        if not self.factors:
            return "dimensionless"
        above = [_power(s, e) for s, e in self.factors if e > 0]
        below = [_power(s, -e) for s, e in self.factors if e < 0]
        text = "*".join(above) or "1"
        if below:
            text += "/" + ("*".join(below) if len(below) == 1 else f"({'*'.join(below)})")
        return text

    __repr__ = __str__


def _power(symbol: str, exponent: Fraction) -> str:
    if exponent == 1:
        return symbol
    if exponent.denominator in (1, 2, 4, 8):
        return f"{symbol}**{float(exponent):g}"
    return f"{symbol}**({exponent})"


def _exponent(exponent: int | float | Fraction) -> Fraction:
    if isinstance(exponent, np.integer):
        exponent = int(exponent)
    if isinstance(exponent, bool) or not isinstance(exponent, int | float | Fraction):
        raise UnitError(
            f"a unit is raised to a plain number, got {brief(exponent)}. "
            "Write for example cm**2 or ms**0.5."
        )
    power = Fraction(exponent).limit_denominator(64)
    if float(power) != float(exponent):
        raise UnitError(f"a unit is raised to a simple fraction, got {brief(exponent)}.")
    return power


def _rational_power(base: Fraction, power: Fraction) -> Fraction:
    if base == 1:
        return base
    if power.denominator == 1:
        return base**power.numerator
    return Fraction(float(base) ** float(power))


@functools.cache
def internal_unit(dimension: Exponents) -> Unit:
    """The unit of scale one with this dimension, written as shortly as the symbols allow."""
    plain = tuple((s, e) for s, e in zip(BASE, dimension, strict=True) if e)
    for symbol, exponents in _COHERENT.items():
        rest = (d - e for d, e in zip(dimension, exponents, strict=True))
        beside = tuple((s, Fraction(e)) for s, e in zip(BASE, rest, strict=True) if e)
        if len(beside) + 1 < len(plain):
            return Unit(((symbol, Fraction(1)), *beside), dimension)
    return Unit(plain, dimension)


def _collapsed(value: Any, unit: Unit) -> Any:
    """A quantity, or the plain number where the dimensions cancel."""
    result = Quantity(value, unit)
    return result.value_in(DIMENSIONLESS) if unit.dimension == NO_DIMENSION else result


def convert(value: Any, source: Unit, target: Unit) -> Any:
    """`value`, measured in `source`, as a number of `target`s."""
    if not source.same_dimension(target):
        raise UnitError(f"{source} cannot be converted to {target}: they measure different things.")
    if source.ten == target.ten and source.factor == target.factor:
        return value
    ten = source.ten - target.ten
    power = Fraction(10) ** ten.numerator if ten.denominator == 1 else Fraction(10.0 ** float(ten))
    return rescale(value, source.factor / target.factor * power)


@final
class Quantity:
    """A number or an array with a unit. A pytree: the value is its leaf, the unit is structure.

    Sums and comparisons need the same dimension and are in the unit of the left operand; a product
    whose dimensions cancel is a plain number, `20*ms / (0.1*ms) == 200`. To differentiate, take the
    gradient with respect to the number: `jax.grad` with respect to a quantity returns the unit of
    the quantity, not its inverse, as it does for every pytree.

    **Arguments:**

    - `value`: a real number, an array, or a list of numbers.
    - `unit`: a `Unit`.

    **Raises:** `UnitError` where dimensions do not fit or the value is no number.

    **Example:**

        >>> from rheobase.units import ms, us
        >>> (5 * us).to(ms)
        0.005 ms
        >>> (20 * ms + 500 * us).value_in(us)
        20500.0
    """

    __slots__ = ("unit", "value")
    value: Any
    unit: Unit

    __array_ufunc__ = None

    def __init__(self, value: Any, unit: Unit):
        object.__setattr__(self, "value", numeric(value))
        object.__setattr__(self, "unit", as_unit(unit))

    def __setattr__(self, name: str, value: Any):
        raise AttributeError(f"a quantity is immutable, `{name}` cannot be set.")

    def __reduce__(self):
        return Quantity, (self.value, self.unit)

    def to(self, unit: Unit) -> "Quantity":
        """The same quantity in another unit of the same dimension."""
        unit = as_unit(unit)
        return Quantity(self.value_in(unit), unit)

    def value_in(self, unit: Unit) -> Any:
        """The number of `unit`s this is."""
        return convert(self.value, self.unit, as_unit(unit))

    def _same(self, other: Any, verb: str) -> Any:
        """The value of `other` in the unit of `self`."""
        if not isinstance(other, Quantity):
            raise UnitError(
                f"cannot {verb} {self} and {brief(other)}, which is no quantity. "
                f"Write for example 1*{self.unit}."
            )
        if not self.unit.same_dimension(other.unit):
            raise UnitError(
                f"cannot {verb} {self} and {other}: {self.unit} and {other.unit} measure "
                "different things."
            )
        return other.value_in(self.unit)

    def __add__(self, other: Any) -> "Quantity":
        if isinstance(other, eqx.Module):  # a stimulus, which knows how to add a quantity to itself
            return NotImplemented
        return Quantity(self.value + self._same(other, "add"), self.unit)

    def __sub__(self, other: Any) -> "Quantity":
        return Quantity(self.value - self._same(other, "subtract"), self.unit)

    # Only reached with something that is no quantity at the left: always an error.
    __radd__ = __add__
    __rsub__ = __sub__

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, eqx.Module):
            return NotImplemented
        if isinstance(other, Unit):
            return _collapsed(self.value, self.unit * other)
        if isinstance(other, Quantity):
            return _collapsed(self.value * other.value, self.unit * other.unit)
        return Quantity(self.value * numeric(other), self.unit)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, Unit):
            return _collapsed(self.value, self.unit / other)
        if isinstance(other, Quantity):
            return _collapsed(self.value / other.value, self.unit / other.unit)
        return Quantity(self.value / numeric(other), self.unit)

    def __rtruediv__(self, other: Any) -> "Quantity":
        return Quantity(numeric(other) / self.value, self.unit**-1)

    def __pow__(self, exponent: int | float | Fraction) -> Any:
        unit = self.unit**exponent
        return _collapsed(self.value**exponent, unit)

    def __neg__(self) -> "Quantity":
        return Quantity(-self.value, self.unit)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> "Quantity":
        return Quantity(abs(self.value), self.unit)

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, Quantity):
            return NotImplemented
        if not self.unit.same_dimension(other.unit):
            return False
        return self.value == other.value_in(self.unit)

    def __hash__(self) -> int:
        return hash(self.unit.dimension)

    def __lt__(self, other: Any) -> Any:
        return self.value < self._same(other, "compare")

    def __le__(self, other: Any) -> Any:
        return self.value <= self._same(other, "compare")

    def __gt__(self, other: Any) -> Any:
        return self.value > self._same(other, "compare")

    def __ge__(self, other: Any) -> Any:
        return self.value >= self._same(other, "compare")

    def __getitem__(self, index: Any) -> "Quantity":
        return Quantity(self.value[index], self.unit)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator["Quantity"]:
        return (Quantity(value, self.unit) for value in self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        """The rank of the value."""
        return len(self.shape)

    def __array__(self, *_: Any, **__: Any):
        what = str(self) if self.ndim < 2 else f"a quantity of shape {self.shape}"
        raise UnitError(f"{what} has a unit, an array has none. Write .value_in({self.unit}).")

    def __str__(self) -> str:
        number = show(self.value)
        return number if not self.unit.factors else f"{number} {self.unit}"

    __repr__ = __str__


def as_unit(value: Any) -> Unit:
    """`value` as a unit; `1/ms`, which is a quantity of value one, counts as one."""
    if isinstance(value, Unit):
        return value
    if isinstance(value, Quantity) and type(value.value) is int and value.value == 1:
        return value.unit
    raise UnitError(f"expected a unit such as ms, got {brief(value)}.")


def _flatten_with_keys(quantity: Quantity):
    return ((GetAttrKey("value"), quantity.value),), quantity.unit


def _flatten(quantity: Quantity):
    return (quantity.value,), quantity.unit


def _unflatten(unit: Unit, leaves: Iterable[Any]) -> Quantity:
    # Transforms put things that are no numbers in the place of a leaf: no checks here.
    quantity = object.__new__(Quantity)
    object.__setattr__(quantity, "value", next(iter(leaves)))
    object.__setattr__(quantity, "unit", unit)
    return quantity


jax.tree_util.register_pytree_with_keys(Quantity, _flatten_with_keys, _unflatten, _flatten)

DIMENSIONLESS = Unit(())
