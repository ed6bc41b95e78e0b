"""Distributions from which weights and delays are drawn, one for each synapse."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import numpy as np
from jax.core import Tracer

from rheobase.declared import AbstractDeclared
from rheobase.errors import brief
from rheobase.units import DomainError, Quantity, Unit, UnitError, to_internal


class AbstractDistribution(AbstractDeclared):
    """A distribution of a quantity over synapses."""

    @property
    @abstractmethod
    def unit(self) -> Unit:
        """The unit in which it is measured."""

    @property
    def lowest(self) -> float | None:
        """No value lies below it, in internal units; None where that is not known."""
        return None

    @abstractmethod
    def draw(self, size: int, random: np.random.Generator) -> Quantity:
        """`size` independent values."""


def _number(value: Any, unit: Unit, name: str) -> float:
    array = to_internal(value, unit, name, f"rb.Normal(..., {name}={{}})")
    if isinstance(array, Tracer) or array.ndim or not np.isfinite(array):
        raise DomainError(f"`{name}` of a distribution is one finite number, got {brief(value)}.")
    return float(array)


def _unit_of(value: Any, name: str) -> Unit:
    if not isinstance(value, Quantity):
        raise UnitError(
            f"`{name}` of a distribution needs a unit, got {brief(value)}. Write {name}=1*nA."
        )
    return value.unit.internal()


def _require_spread(name: str, value: float) -> None:
    if value < 0:
        raise DomainError(f"`{name}` of a distribution must not be negative, got {value:g}.")


class Normal(AbstractDistribution):
    """Normal with a mean and a standard deviation; values outside `low` to `high` are drawn again.

    `low=0*nA` keeps excitatory weights positive, `low=dt` delays possible.

    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> delay = rb.Normal(1.5 * ms, 0.75 * ms, low=0.1 * ms)
    """

    mean: float = eqx.field(static=True)
    std: float = eqx.field(static=True)
    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)
    measured: Unit = eqx.field(static=True)

    def __init__(self, mean: Any, std: Any, low: Any = None, high: Any = None):
        unit = self.measured = _unit_of(mean, "mean")
        self.mean, self.std = _number(mean, unit, "mean"), _number(std, unit, "std")
        self.low = -np.inf if low is None else _number(low, unit, "low")
        self.high = np.inf if high is None else _number(high, unit, "high")
        _require_spread("std", self.std)
        if not self.low <= self.mean <= self.high:
            raise DomainError(
                f"the mean of a normal distribution, {self.mean:g} {unit}, must lie between `low` "
                f"and `high`, got {self.low:g} and {self.high:g}."
            )

    @property
    def unit(self) -> Unit:
        return self.measured

    @property
    def lowest(self) -> float:
        return self.low if self.std > 0 else self.mean

    def draw(self, size: int, random: np.random.Generator) -> Quantity:
        values = random.normal(self.mean, self.std, size)
        while (bad := np.flatnonzero((values < self.low) | (values > self.high))).size:
            values[bad] = random.normal(self.mean, self.std, bad.size)
        return Quantity(values, self.measured)


class LogNormal(AbstractDistribution):
    """Log-normal with a given mean and standard deviation (of the value, not of its logarithm).

    >>> import rheobase as rb
    >>> from rheobase.units import nS
    >>> weight = rb.LogNormal(1 * nS, 0.5 * nS)
    """

    mean: float = eqx.field(static=True)
    std: float = eqx.field(static=True)
    measured: Unit = eqx.field(static=True)

    def __init__(self, mean: Any, std: Any):
        unit = self.measured = _unit_of(mean, "mean")
        self.mean, self.std = _number(mean, unit, "mean"), _number(std, unit, "std")
        _require_spread("std", self.std)
        if self.mean <= 0:
            raise DomainError(f"the mean of a log-normal must be > 0, got {self.mean:g} {unit}.")

    @property
    def unit(self) -> Unit:
        return self.measured

    @property
    def lowest(self) -> float:
        return 0.0

    def draw(self, size: int, random: np.random.Generator) -> Quantity:
        variance = np.log1p((self.std / self.mean) ** 2)
        values = random.lognormal(np.log(self.mean) - variance / 2, np.sqrt(variance), size)
        return Quantity(values, self.measured)


class Uniform(AbstractDistribution):
    """Uniform between two values.

    >>> import rheobase as rb
    >>> from rheobase.units import ms
    >>> delay = rb.Uniform(0.5 * ms, 2 * ms)
    """

    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)
    measured: Unit = eqx.field(static=True)

    def __init__(self, low: Any, high: Any):
        unit = self.measured = _unit_of(low, "low")
        self.low, self.high = _number(low, unit, "low"), _number(high, unit, "high")
        if self.low > self.high:
            raise DomainError(f"`low` must not exceed `high`, got {self.low:g} and {self.high:g}.")

    @property
    def unit(self) -> Unit:
        return self.measured

    @property
    def lowest(self) -> float:
        return self.low

    def draw(self, size: int, random: np.random.Generator) -> Quantity:
        return Quantity(random.uniform(self.low, self.high, size), self.measured)
