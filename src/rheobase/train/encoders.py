"""Encoders: from numbers to what a network receives in time.

`encoder(x)` takes x (batch, n), or (n,), from 0 to 1 and gives (time, batch, n); `encoder(x, key)`
where it is random. `Delta` takes a series and gives one of the same shape.
"""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.typing import ArrayLike

from rheobase.declared import AbstractDeclared
from rheobase.errors import KeyRequired, ShapeError
from rheobase.time import whole_steps
from rheobase.train.arguments import positive_number
from rheobase.units import DomainError, Hz, Quantity, dimensionless, ms


class AbstractEncoder(AbstractDeclared):
    """What turns numbers into a series of inputs."""

    @property
    @abstractmethod
    def random(self) -> bool:
        """Whether it draws random numbers and needs a key."""

    @abstractmethod
    def check(self, x: ArrayLike) -> None:
        """Refuse numbers that it cannot encode; their values are not known inside jit."""

    @abstractmethod
    def __call__(self, x: ArrayLike, key: Array | None = None) -> Array:
        """The series (time, batch, n) of the numbers x (batch, n)."""


class Direct(AbstractEncoder):
    """A constant current: x in every step.

    - `duration`, `dt`: `duration/dt` steps; dt is that of the network.

    Errors: `ShapeError`, `DomainError` for numbers outside 0 to 1.

    >>> import numpy as np, rheobase as rb
    >>> from rheobase.units import ms
    >>> rb.encoders.Direct(20 * ms)(np.full((8, 64), 0.5)).shape
    (20, 8, 64)
    """

    steps: int = eqx.field(static=True)

    def __init__(self, duration: Quantity, dt: Quantity = 1 * ms):
        self.steps = _steps(duration, dt, "Direct")[0]

    @property
    def random(self) -> bool:
        return False

    def check(self, x: ArrayLike) -> None:
        _require_unit_interval(x)

    def __call__(self, x: ArrayLike, key: Array | None = None) -> Array:
        self.check(x)
        x = _real(x)
        return jnp.broadcast_to(x, (self.steps, *x.shape))


class Poisson(AbstractEncoder):
    r"""Spikes at a rate proportional to x: in each step one with probability 1 - exp(-x rate dt).

    That is whether a Poisson process of this rate has a spike in the step.

    - `duration`, `dt`: `duration/dt` steps; dt is that of the network.
    - `rate`: that of x = 1.

    Errors: `KeyRequired`, `ShapeError`, `DomainError` for numbers outside 0 to 1.

    >>> import jax, numpy as np, rheobase as rb
    >>> from rheobase.units import DomainError, Hz, ms
    >>> encoder = rb.encoders.Poisson(50 * ms, rate=200 * Hz)
    >>> encoder(np.full((8, 64), 0.5), key=jax.random.key(0)).shape
    (50, 8, 64)
    """

    steps: int = eqx.field(static=True)
    dt: float = eqx.field(static=True)
    rate: float = eqx.field(static=True)

    def __init__(self, duration: Quantity, dt: Quantity = 1 * ms, rate: Quantity = 100 * Hz):
        self.steps, self.dt = _steps(duration, dt, "Poisson")
        self.rate = positive_number(rate, Hz, "rate", "Poisson(..., rate={})")

    @property
    def random(self) -> bool:
        return True

    def check(self, x: ArrayLike) -> None:
        _require_unit_interval(x)

    def __call__(self, x: ArrayLike, key: Array | None = None) -> Array:
        if key is None:
            raise KeyRequired(
                "Poisson draws random numbers. Write encoder(x, key=jax.random.key(0))."
            )
        self.check(x)
        x = _real(x)
        chance = -jnp.expm1(-x * self.rate * self.dt)
        drawn = jax.random.uniform(key, (self.steps, *x.shape), x.dtype)
        return (drawn < chance[None]).astype(x.dtype)


class Latency(AbstractEncoder):
    r"""One spike each, the earlier the larger x: in step round((1 - x) (steps - 1)).

    - `duration`, `dt`: `duration/dt` steps; dt is that of the network.
    - `threshold`: numbers below it give no spike; 0.01 by default, so that zeros are silent.

    Errors: `ShapeError`, `DomainError` for numbers outside 0 to 1.

    >>> import numpy as np, rheobase as rb
    >>> from rheobase.units import ms
    >>> rb.encoders.Latency(5 * ms)(np.array([1.0, 0.5, 0.0])).T.tolist()
    [[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]]
    """

    steps: int = eqx.field(static=True)
    threshold: float = eqx.field(static=True)

    def __init__(self, duration: Quantity, dt: Quantity = 1 * ms, threshold: float = 0.01):
        self.steps = _steps(duration, dt, "Latency")[0]
        self.threshold = positive_number(
            threshold, dimensionless, "threshold", "Latency(..., threshold={})"
        )

    @property
    def random(self) -> bool:
        return False

    def check(self, x: ArrayLike) -> None:
        _require_unit_interval(x)

    def __call__(self, x: ArrayLike, key: Array | None = None) -> Array:
        self.check(x)
        x = _real(x)
        when = whole_steps((1 - x) * (self.steps - 1), 1.0)
        steps = jnp.arange(self.steps).reshape(-1, *(1,) * x.ndim)
        return ((steps == when[None]) & (x >= self.threshold)[None]).astype(x.dtype)


class Delta(AbstractEncoder):
    r"""Send on delta: by how many thresholds a series rose (+) or fell (-) since the last event.

    x (time, batch, n) of any size in; e of the same shape out, whole numbers with
    |x(k) - x(0) - threshold sum_{j <= k} e(j)| < threshold. The first step gives none.

    - `threshold`: the change that is one event.

    Errors: `ShapeError`.

    >>> import numpy as np, rheobase as rb
    >>> rb.encoders.Delta(0.1)(np.array([0.0, 0.05, 0.12, 0.35, 0.0])[:, None])[:, 0].tolist()
    [0.0, 0.0, 1.0, 2.0, -3.0]
    """

    threshold: float = eqx.field(static=True)

    def __init__(self, threshold: float = 0.1):
        self.threshold = positive_number(threshold, dimensionless, "threshold", "Delta({})")

    @property
    def random(self) -> bool:
        return False

    def check(self, x: ArrayLike) -> None:
        if np.ndim(x) < 2:
            raise ShapeError(
                f"Delta takes a series (time, batch, n), got shape {np.shape(x)}. For numbers "
                f"without time write rb.encoders.Latency(20*ms)."
            )

    def __call__(self, x: ArrayLike, key: Array | None = None) -> Array:
        self.check(x)
        x = _real(x)

        def body(level: Array, now: Array) -> tuple[Array, Array]:
            events = jnp.trunc(now - level)
            return level + events, events

        # In thresholds, so that the level is a whole number and nothing drifts.
        heights = (x - x[:1]) / self.threshold
        return jax.lax.scan(body, heights[0], heights)[1]


def _steps(duration: Quantity, dt: Quantity, owner: str) -> tuple[int, float]:
    each = positive_number(dt, ms, "dt", f"{owner}(..., dt={{}})")
    steps = round(positive_number(duration, ms, "duration", f"{owner}({{}})") / each)
    if steps < 1:
        raise ShapeError(f"{owner}({duration}) is shorter than a step of {dt}. Make it longer.")
    return steps, each


def _real(x: ArrayLike) -> Array:
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.result_type(float))


def _require_unit_interval(x: ArrayLike) -> None:
    if np.ndim(x) not in (1, 2):
        raise ShapeError(
            f"an encoder takes numbers of shape (batch, n), got {np.shape(x)}. Images are "
            f"x.reshape(len(x), -1); a series needs no encoder."
        )
    if isinstance(x, Tracer):
        return
    low, high = float(np.min(x)), float(np.max(x))
    if not (low >= 0 and high <= 1):
        raise DomainError(
            f"an encoder takes numbers from 0 to 1, got {low:g} to {high:g}. "
            f"Write (x - x.min()) / (x.max() - x.min()), or x / 255 for images."
        )
