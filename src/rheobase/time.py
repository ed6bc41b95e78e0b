"""Time as whole steps: milliseconds are derived from an integer counter, never the other way."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

_FAR = 2**30
"""Steps beyond any run; keeps an infinite time inside 32 bits."""


def whole_steps(time: Any, dt: float) -> Any:
    """round(time/dt) as int32, halves upwards, the same in float32 and float64.

    The small shift keeps a time that is half a step more than a whole number of steps, up to the
    rounding of float32, on the same side in both precisions.
    """
    on = jnp if isinstance(time, Array) else np
    return on.floor(on.minimum(time / dt, _FAR) + (0.5 + 1e-4)).astype(np.int32)


def sample_times(start: Array, steps: int, dt: float, every: int = 1) -> Any:
    """End of each recorded step in ms; float64 on the host, an array of JAX inside a trace."""
    first = start if isinstance(start, Tracer) else np.asarray(start)
    return (first + np.arange(every, steps + 1, every)) * dt
