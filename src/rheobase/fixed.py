"""Products of times and rates with dt, exact where float32 has no digits left: integers only."""

from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.time import Clock

_LIMB = 16
"""Bits of a digit, so that the product of two fits a word."""
_OWN, _GIVEN, _MADE = 8, 10, 9
"""Digits of a number, of a factor and of a product. The first one of each counts 2**48."""
_MOST = 2.0**62


class Fixed(NamedTuple):
    """A number with 64 bits before the point and 64 behind it."""

    whole: Clock
    high: Array
    """The bits behind the point, uint32: the first 32, and the rest."""
    low: Array

    def fraction(self, dtype: Any) -> Array:
        """What is behind the point, as a float."""
        return self.high.astype(dtype) / 2.0**32 + self.low.astype(dtype) / 2.0**64


def product(x: Array, factor: Fraction) -> Fixed:
    """x (zero or more, float32 or float64) times a factor below 2**64, which is known.

    Every digit of x counts down to 2**-64; a product beyond 2**62 is taken as 2**62.
    """
    x = jnp.minimum(jnp.asarray(x), min(_MOST / float(factor), _MOST))
    wide = (-1,) + (1,) * x.ndim
    # Scaling by powers of two, floor and the difference are exact.
    scales = np.asarray(2.0 ** (_LIMB * np.arange(_OWN) - 48), x.dtype).reshape(wide)
    above = jnp.floor(x[None] * scales)
    carried = jnp.concatenate([jnp.zeros_like(above[:1]), above[:-1] * 2**_LIMB])
    own = (above - carried).astype(jnp.uint32)

    number = round(factor * 2 ** (_LIMB * _GIVEN - 64))
    digits = [(number >> _LIMB * (_GIVEN - 1 - k)) & (2**_LIMB - 1) for k in range(_GIVEN)]
    given = np.asarray(digits, np.uint32).reshape(1, -1, *wide[1:])
    pairs = (own[:, None] * given).reshape(_OWN * _GIVEN, *x.shape)
    low, high = pairs & np.uint32(2**_LIMB - 1), pairs >> _LIMB
    place = np.add.outer(np.arange(_OWN), np.arange(_GIVEN)).ravel() - 3
    one_each = np.arange(_MADE)[:, None]
    sums = jnp.tensordot(np.asarray(place == one_each, np.uint32), low, 1)
    sums = sums + jnp.tensordot(np.asarray(place - 1 == one_each, np.uint32), high, 1)

    found, carry = [], jnp.zeros_like(sums[0])
    for total in reversed(list(sums)):
        total = total + carry
        carry = total >> _LIMB
        found.append(total & np.uint32(2**_LIMB - 1))
    made = list(reversed(found))
    words = [(made[k] << _LIMB) | made[k + 1] for k in range(0, 8, 2)]
    return Fixed(Clock(*words[:2]), *words[2:])


def step_at(time: Array, dt: float) -> Clock:
    """The step that begins at a time (ms), rounded as by `time.whole_steps`, without its limit."""
    found = product(time, 1 / Fraction(dt))
    half = np.uint32(round((0.5 + 1e-4) * 2**32))
    up = (found.high + half < half).astype(jnp.uint32)
    return found.whole.after(up)


def phase(clock: Clock, half: Fixed, dtype: Any) -> Array:
    """Where in a turn the middles of some steps are, -1/2 to 1/2, of which half takes `half`.

    What is before the point of `half` is whole turns, or half ones that come twice.
    """
    odd = Clock((clock.high << 1) | (clock.low >> 31), clock.low << 1).after(1)
    low = odd.low * half.low
    high = _upper(odd.low, half.low) + odd.high * half.low + odd.low * half.high
    signed = jax.lax.bitcast_convert_type(high, jnp.int32)
    return signed.astype(dtype) / 2.0**32 + low.astype(dtype) / 2.0**64


def _upper(a: Array, b: Array) -> Array:
    """The upper word of the product of two words."""
    mask = np.uint32(2**_LIMB - 1)
    a1, a0, b1, b0 = a >> _LIMB, a & mask, b >> _LIMB, b & mask
    middle = a1 * b0 + ((a0 * b0) >> _LIMB)
    return a1 * b1 + (middle >> _LIMB) + ((a0 * b1 + (middle & mask)) >> _LIMB)
