"""Time as whole steps: milliseconds are derived from an integer counter, never the other way."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.errors import ArgumentError, brief

FAR = 2**30
"""Steps beyond any delay; keeps an infinite time inside 32 bits."""
_WORD = 2**32
_HALF = 2**31
_LAST = np.uint32(_WORD - 1)
_LATER = np.uint32(_HALF)
"""Set in what a key is folded with for the high word, so that it is no other number in use."""


def _require_count(steps: Any) -> None:
    known = np.asarray(steps)
    if known.dtype.kind not in "iu" or np.any(known < 0):
        raise ArgumentError(
            f"a run begins after a whole number of steps, 0 or more, got {brief(steps)}. Pass the "
            "state that a run left as it is."
        )


class Clock(NamedTuple):
    """A count of steps, of 64 bits in two words: JAX may have no longer integers than 32 bits.

    `int(clock)` is the count; `Clock.of(2**40)` sets one.

    >>> from rheobase.time import Clock
    >>> int(Clock.of(2**40 - 1).after(2))
    1099511627777
    """

    high: Any
    """uint32, of any shape."""
    low: Any
    """uint32, of the same shape."""

    @classmethod
    def of(cls, steps: Any) -> "Clock":
        """The clock after so many steps, an integer or an array of integers; a clock as it is.

        Errors: `ArgumentError` for what is no count.
        """
        if isinstance(steps, Clock):
            return steps
        if not isinstance(steps, Tracer):
            _require_count(steps)
        if isinstance(steps, Array):
            low = steps.astype(jnp.uint32)
            if steps.dtype.itemsize == 8:
                return cls((steps >> 32).astype(jnp.uint32), low)
            return cls(jnp.zeros_like(low), low)
        whole = np.asarray(steps, np.uint64)
        high, low = np.divmod(whole, np.uint64(_WORD))
        return cls(np.asarray(high, np.uint32), np.asarray(low, np.uint32))

    def __int__(self) -> int:
        return int(self.high) * _WORD + int(self.low)

    def after(self, steps: Any) -> "Clock":
        """The clock so many steps later, fewer than 2**32: an integer, or an array of integers."""
        on = jnp if any(isinstance(x, Array) for x in (*self, steps)) else np
        own = on.asarray(self.low)
        low = on.add(own, on.asarray(steps).astype(np.uint32))
        carry = on.asarray(low < own).astype(np.uint32)
        return Clock(on.asarray(on.add(on.asarray(self.high), carry)), on.asarray(low))

    def ahead(self, steps: int) -> "Clock":
        """The counts of so many steps from here on, (steps,) each."""
        return self.after(jnp.arange(steps, dtype=jnp.uint32))

    def times(self, factor: int) -> "Clock":
        """The count times a whole number below 2**16."""
        half = np.uint32(16)
        by, mask = np.uint32(factor), np.uint32(0xFFFF)
        low, high = jnp.asarray(self.low), jnp.asarray(self.high)
        first = (low & mask) * by
        second = (low >> half) * by + (first >> half)
        return Clock(high * by + (second >> half), (second << half) | (first & mask))

    def since(self, start: "Clock") -> Array:
        """Steps since `start`, int32; what does not fit is the largest or the smallest int32."""
        own, other = (jnp.asarray(x.low) for x in (self, start))
        low = own - other
        high = jnp.asarray(self.high) - start.high - (own < other).astype(jnp.uint32)
        signed = jax.lax.bitcast_convert_type(low, jnp.int32)
        fits = high == jnp.where(signed < 0, _LAST, np.uint32(0))
        far = jnp.where(high >= _LATER, np.int32(-_HALF), np.int32(_HALF - 1))
        return jnp.where(fits, signed, far)

    def difference(self, start: "Clock", dtype: Any) -> Array:
        """The same as a float, which has no bounds."""
        near = self.since(start)
        high, low = (x.astype(dtype) - y.astype(dtype) for x, y in zip(self, start, strict=True))
        far = abs(near) >= np.int32(_HALF - 1)
        return jnp.where(far, high * 2.0**32 + low, near.astype(dtype))

    def divided(self, divisor: Any, most: int) -> tuple["Clock", Array]:
        """The quotient and the remainder by a divisor from 1 to `most`, which is below 2**31."""
        by = jnp.asarray(divisor).astype(jnp.uint32)
        quotient, left = self.high // by, self.high % by
        low, bits, found = self.low, 32 - most.bit_length(), jnp.zeros_like(left)
        # As many bits of the low word at a time as the remainder leaves room for.
        done = 0
        while done < 32:
            some = min(bits, 32 - done)
            done += some
            left = (left << some) | ((low >> (32 - done)) & np.uint32(2**some - 1))
            found = (found << some) | (left // by)
            left = left % by
        return Clock(quotient, found), left

    def word(self) -> Array:
        """The low word as int32: what differences modulo 2**32 are taken of."""
        return jax.lax.bitcast_convert_type(jnp.asarray(self.low), jnp.int32)


def fold_in(key: Array, step: Clock) -> Array:
    """The key of a step; below 2**32 that of `jax.random.fold_in` with its number."""
    early = jax.random.fold_in(key, step.low)
    return jnp.where(step.high == 0, early, jax.random.fold_in(early, step.high | _LATER))


def whole_steps(time: Any, dt: float) -> Any:
    """round(time/dt) as int32, halves upwards, the same in float32 and float64.

    The small shift keeps a time that is half a step more than a whole number of steps, up to the
    rounding of float32, on the same side in both precisions.
    """
    on = jnp if isinstance(time, Array) else np
    return on.floor(on.minimum(time / dt, FAR) + (0.5 + 1e-4)).astype(np.int32)


def sample_times(start: Clock, steps: int, dt: float, every: int = 1) -> Any:
    """End of each recorded step in ms; float64 on the host, an array of JAX inside a trace."""
    ends = np.arange(every, steps + 1, every)
    if any(isinstance(x, Tracer) for x in start):
        whole = jnp.result_type(float)
        return (start.high.astype(whole) * float(_WORD) + start.low.astype(whole) + ends) * dt
    first = np.asarray(start.high, np.int64) * _WORD + np.asarray(start.low, np.int64)
    return (first + ends) * dt
