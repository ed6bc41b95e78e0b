"""Voltage-dependent rates of gates, in the shapes of Hodgkin and Huxley.

Value and derivative are finite at every voltage: arguments of exponentials are bounded before the
exponential, and x/(1 - e^-x) is 1 where it would be 0/0.
"""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.declared import AbstractDeclared
from rheobase.phi import phi
from rheobase.units import anything, ms, mV, positive, quantity

_FASTEST = 10.0
"""exp(10) = 22,000 times a rate at its reference voltage is at once for every membrane."""

_FARTHEST = 1e4
"""In spans from rest to threshold: a voltage that no membrane has."""


class AbstractRate(AbstractDeclared):
    """A rate (1/ms) as a function of voltage (mV): rate shape((v - v_0)/width)."""

    rate: eqx.AbstractVar[Array]
    v_0: eqx.AbstractVar[Array]
    width: eqx.AbstractVar[Array]

    @staticmethod
    @abstractmethod
    def shape(x: Array) -> Array:
        """The rate over `rate`, dimensionless."""

    def __call__(self, v: Array) -> Array:
        """The rate at voltage v."""
        return self.rate * self.shape((v - self.v_0) / self.width)


class ExponentialRate(AbstractRate):
    """rate exp(-(v - v_0)/width): falls with the voltage.

    >>> from rheobase.neurons.rates import ExponentialRate
    >>> from rheobase.units import ms, mV
    >>> ExponentialRate(4 / ms, -65 * mV, 18 * mV)(-65.0).item()
    4.0
    """

    rate: Array = quantity(ms**-1, positive, "rate at v_0")
    v_0: Array = quantity(mV, anything, "reference voltage")
    width: Array = quantity(mV, positive, "voltage of one e-fold")

    @staticmethod
    def shape(x: Array) -> Array:
        return jnp.exp(jnp.minimum(-x, _FASTEST))


class SigmoidRate(AbstractRate):
    """rate/(1 + exp(-(v - v_0)/width)): rises with the voltage up to `rate`.

    >>> from rheobase.neurons.rates import SigmoidRate
    >>> from rheobase.units import ms, mV
    >>> SigmoidRate(1 / ms, -35 * mV, 10 * mV)(-35.0).item()
    0.5
    """

    rate: Array = quantity(ms**-1, positive, "largest rate")
    v_0: Array = quantity(mV, anything, "voltage of half the largest rate")
    width: Array = quantity(mV, positive, "voltage of one e-fold")

    @staticmethod
    def shape(x: Array) -> Array:
        return jax.nn.sigmoid(x)


class ExpLinearRate(AbstractRate):
    """rate x/(1 - exp(-x)), x = (v - v_0)/width: rises with the voltage, at last in a line.

    >>> from rheobase.neurons.rates import ExpLinearRate
    >>> from rheobase.units import ms, mV
    >>> ExpLinearRate(1 / ms, -40 * mV, 10 * mV)(-40.0).item()
    1.0
    """

    rate: Array = quantity(ms**-1, positive, "rate at v_0")
    v_0: Array = quantity(mV, anything, "reference voltage")
    width: Array = quantity(mV, positive, "voltage of one e-fold")

    @staticmethod
    def shape(x: Array) -> Array:
        return exp_linear(x)


class FallingLinearRate(AbstractRate):
    """rate x/(exp(x) - 1), x = (v - v_0)/width: falls with the voltage, at first in a line.

    >>> from rheobase.neurons.rates import FallingLinearRate
    >>> from rheobase.units import ms, mV
    >>> FallingLinearRate(2 / ms, -23 * mV, 5 * mV)(-23.0).item()
    2.0
    """

    rate: Array = quantity(ms**-1, positive, "rate at v_0")
    v_0: Array = quantity(mV, anything, "reference voltage")
    width: Array = quantity(mV, positive, "voltage of one e-fold")

    @staticmethod
    def shape(x: Array) -> Array:
        return exp_linear(-x)


class Curve(NamedTuple):
    """A rate of the literature, by its numbers alone: an import must not start JAX."""

    kind: type[AbstractRate]
    rate: float
    """1/ms."""
    v_0: float
    """mV."""
    width: float
    """mV."""

    def __call__(self, v: Array) -> Array:
        """The rate (1/ms) at voltage v (mV)."""
        return self.rate * self.kind.shape((v - self.v_0) / self.width)

    def field(self) -> Any:
        """A field of a neuron that has this rate by default."""
        kind: Any = self.kind
        return eqx.field(
            default_factory=lambda: kind(self.rate / ms, self.v_0 * mV, self.width * mV)
        )


class Gating(NamedTuple):
    """The rates at which a gate opens and closes."""

    alpha: Curve
    beta: Curve

    def __call__(self, v: Array) -> tuple[Array, Array]:
        """Both rates (1/ms) at voltage v (mV)."""
        return self.alpha(v), self.beta(v)


def exp_linear(x: Array) -> Array:
    """x/(1 - e^-x) = 1/phi(-x), with its derivatives, for any x."""
    return 1 / phi(-x)


def within_reach(v: Array, v_rest: Array, v_th: Array) -> Array:
    """The voltage that channels see: v, at most `_FARTHEST` times as far from rest as threshold.

    So their currents stay bounded where an explicit step is too long.
    """
    far = _FARTHEST * (v_th - v_rest)
    return _between(v, v_rest - far, v_rest + far)


def gate(x: Array) -> Array:
    """A gating variable, bounded a little outside of 0 to 1.

    Nothing inside: a gate stays between 0 and 1. But an explicit step that is too long throws it
    out, and unbounded it would grow from step to step.
    """
    return _between(x, -1e-3, 1 + 1e-3)


@jax.custom_jvp
def _between(x: Array, low: Any, high: Any) -> Array:
    """x from low to high, as `jnp.clip`, whose derivative costs as much as a rate.

    Here it is 1. Outside it should be 0, but no state of use is there, and with a slope an
    exponential rule comes back at any step.
    """
    return jnp.minimum(jnp.maximum(x, low), high)


@_between.defjvp
def _between_jvp(primals, tangents):
    return _between(*primals), tangents[0]
