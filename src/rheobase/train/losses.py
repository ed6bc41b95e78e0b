"""Losses: one number for each sample, from the course of the last layer and a target.

`loss(output, target)` takes output (time, batch, n), the spikes or the voltage (mV) of the last
layer, and gives shape (batch,); take its mean to train. A plain function of this form is a loss
too. Regularisers take the spikes of all populations and give one number.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.declared import AbstractDeclared
from rheobase.errors import ArgumentError, ParameterError, ShapeError, UnknownName, brief
from rheobase.train import readouts
from rheobase.train.arguments import positive_number
from rheobase.units import DomainError, Hz, Quantity, dimensionless, in_unit, ms

Code = Literal["rate", "membrane", "max", "first_spike"]

_SCORES: dict[Code, Callable[[Array], Array]] = {
    "rate": readouts.spike_count,
    "membrane": readouts.mean,
    "max": readouts.maximum,
    "first_spike": lambda spikes: -readouts.first_spike(spikes),
}


class AbstractLoss(AbstractDeclared):
    """How far an output is from its target, one number for each sample."""

    @abstractmethod
    def __call__(self, output: Array, target: Array) -> Array:
        """The loss of each sample, shape (batch,), of an output (time, batch, n)."""

    @abstractmethod
    def correct(self, output: Array, target: Array) -> Array | None:
        """Whether each sample was classified rightly, (batch,); None where that has no meaning."""

    @abstractmethod
    def check(self, targets: np.ndarray, shape: tuple[int, ...]) -> None:
        """Refuse targets that do not fit an output of `shape` (time, batch, n)."""


class CrossEntropy(AbstractLoss):
    r"""Cross entropy of labels: -log softmax(y/temperature)[label].

    y (batch, n) is one score a class; by `code`

    - `"rate"`: the number of its spikes;
    - `"membrane"`: its mean voltage over time (mV), for a readout `LI`;
    - `"max"`: its largest voltage over time (mV);
    - `"first_spike"`: minus the number of steps before its first spike.

    Targets are whole numbers from 0 to n - 1, shape (batch,). `temperature` is in the unit of y.
    `smoothing` is the part of the target that is spread over all classes (Szegedy et al. 2016).
    Made by `rb.losses.cross_entropy("max")`.
    """

    code: Code = eqx.field(static=True)
    temperature: float = eqx.field(static=True)
    smoothing: float = eqx.field(static=True)

    def __init__(self, code: Code = "max", temperature: float = 1.0, smoothing: float = 0.0):
        if code not in _SCORES:
            raise UnknownName("code of a cross entropy", code, _SCORES)
        self.code = code
        self.temperature = positive_number(
            temperature, dimensionless, "temperature", "cross_entropy(temperature={})"
        )
        if not 0 <= smoothing < 1:
            raise DomainError(
                f"`smoothing` is a part of the target, from 0 to below 1, got {brief(smoothing)}. "
                f'Write cross_entropy("{code}", smoothing=0.1).'
            )
        self.smoothing = float(smoothing)

    def scores(self, output: Array) -> Array:
        """One number a class, (batch, n); the largest is the prediction."""
        return _SCORES[self.code](output) / self.temperature

    def __call__(self, output: Array, target: Array) -> Array:
        logarithm = jax.nn.log_softmax(self.scores(output), axis=-1)
        right = jnp.take_along_axis(logarithm, target[:, None], axis=-1)[:, 0]
        return -(1 - self.smoothing) * right - self.smoothing * logarithm.mean(axis=-1)

    def correct(self, output: Array, target: Array) -> Array:
        return self.scores(output).argmax(axis=-1) == target

    def check(self, targets: np.ndarray, shape: tuple[int, ...]) -> None:
        if not np.issubdtype(targets.dtype, np.integer):
            raise ShapeError(
                f"labels are whole numbers, got {targets.dtype}. Write targets.astype(int); "
                f"one-hot targets are targets.argmax(-1)."
            )
        if targets.ndim != 1:
            raise ShapeError(
                f"labels have shape (samples,), got {targets.shape}. One-hot targets are "
                f"targets.argmax(-1)."
            )
        low, high, classes = int(targets.min()), int(targets.max()), shape[-1]
        if low < 0 or high >= classes:
            raise ShapeError(
                f"labels go from {low} to {high}, but the last layer has {classes} outputs, for "
                f"labels from 0 to {classes - 1}. Write Linear(..., {max(high + 1, 1)}) before it"
                f"{', or labels from 0' if low else ''}."
            )


class VanRossum(AbstractLoss):
    r"""Van Rossum distance between spike trains, summed over neurons.

    D² = (1/tau) ∫ (f - g)² dt with f(t) = sum over spikes t_i <= t of exp(-(t - t_i)/tau) of the
    output, g of the target; the integral is exact for spikes on the grid and runs on after the end.
    One spike too many counts 1/2, a spike shifted by d 1 - exp(-|d|/tau).

    Targets are spikes of the shape of the output. Source: van Rossum 2001, Neural Computation
    13:751. Made by `rb.losses.van_rossum(10*ms)`.
    """

    tau: float = eqx.field(static=True)
    dt: float = eqx.field(static=True)

    def __init__(self, tau: Quantity = 10 * ms, dt: Quantity = 1 * ms):
        self.tau = positive_number(tau, ms, "tau", "van_rossum({})")
        self.dt = positive_number(dt, ms, "dt", "van_rossum(..., dt={})")

    def __call__(self, output: Array, target: Array) -> Array:
        difference = output - target
        decay = math.exp(-self.dt / self.tau)

        def body(h: Array, d: Array) -> tuple[Array, Array]:
            h = decay * h + d
            return h, h

        last, h = jax.lax.scan(body, jnp.zeros_like(difference[0]), difference)
        squares = (1 - decay**2) * jnp.sum(h[:-1] ** 2, axis=0) + last**2
        return 0.5 * squares.sum(axis=-1)

    def correct(self, output: Array, target: Array) -> None:
        return None

    def check(self, targets: np.ndarray, shape: tuple[int, ...]) -> None:
        _require_trains("van_rossum", targets, shape)


class VictorPurpura(AbstractLoss):
    r"""Victor-Purpura distance between spike trains, summed over neurons: for evaluation.

    The least cost of making one train of the other, where it costs 1 to add or to delete a spike
    and q |d| to move one by d. Exact, by the recursion over the spikes t_i of one and u_j of the
    other,

        G_ij = min(G_(i-1)j + 1, G_i(j-1) + 1, G_(i-1)(j-1) + q |t_i - u_j|).

    With q = 0 it would be the difference of spike counts; spikes further apart than 2/q are not
    moved. It counts, and so has no derivative: `ArgumentError` where one is asked for.

    Targets are spikes of the shape of the output; time grows with the spikes of the busiest neuron
    times the steps. Source: Victor & Purpura 1996, J Neurophysiol 76:1310. Made by
    `rb.losses.victor_purpura(0.1/ms)`.
    """

    cost: float = eqx.field(static=True)
    """q, per ms."""
    dt: float = eqx.field(static=True)

    def __init__(self, cost: Quantity = 0.1 / ms, dt: Quantity = 1 * ms):
        self.cost = positive_number(cost, ms**-1, "cost", "victor_purpura({})")
        self.dt = positive_number(dt, ms, "dt", "victor_purpura(..., dt={})")

    def __call__(self, output: Array, target: Array) -> Array:
        return _least_cost(output, target, self.cost * self.dt).sum(axis=-1)

    def correct(self, output: Array, target: Array) -> None:
        return None

    def check(self, targets: np.ndarray, shape: tuple[int, ...]) -> None:
        _require_trains("victor_purpura", targets, shape)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _least_cost(one: Array, two: Array, cost: float) -> Array:
    """The distance of spikes (time, ...) in each place, with the cost of a step."""
    (times, count), (others, number) = _in_front(one), _in_front(two)
    column = jnp.arange(len(two) + 1, dtype=one.dtype).reshape(-1, *(1,) * (two.ndim - 1))

    def add(i: Array, row: Array) -> Array:
        moved = row[:-1] + cost * jnp.abs(times[i][None] - others)
        better = jnp.minimum(row + 1, jnp.concatenate([row[:1] + 1, moved]))
        # The least of G_ik + (j - k) over all k <= j, in steps of 1, 2, 4, ...
        reach = 1
        while reach < len(better):
            after = jnp.minimum(better[reach:], better[:-reach] + reach)
            better = jnp.concatenate([better[:reach], after])
            reach *= 2
        return jnp.where(i < count, better, row)

    begin = jnp.broadcast_to(column, (len(column), *one.shape[1:]))
    end = jax.lax.fori_loop(0, count.max(), add, begin)
    return jnp.take_along_axis(end, number[None], axis=0)[0]


@_least_cost.defjvp
def _(cost: float, primals: Any, tangents: Any) -> Any:
    raise ArgumentError(
        "victor_purpura counts what must be changed and has no derivative by a spike. Train with "
        "loss=rb.losses.van_rossum(10*ms), and judge by rb.train.evaluate(model, data, "
        "loss=rb.losses.victor_purpura(0.1/ms))."
    )


def _in_front(spikes: Array) -> tuple[Array, Array]:
    """Steps of the spikes in each place, these first; and how many there are."""
    fired = spikes > 0
    steps = jnp.arange(len(spikes), dtype=spikes.dtype).reshape(-1, *(1,) * (spikes.ndim - 1))
    times = jnp.sort(jnp.where(fired, steps, len(spikes)), axis=0)
    return times, fired.sum(axis=0, dtype=jnp.int32)


def _require_trains(name: str, targets: np.ndarray, shape: tuple[int, ...]) -> None:
    if targets.ndim != 3 or targets.shape[1:] != (shape[0], shape[2]):
        raise ShapeError(
            f"{name} compares spike trains: targets have shape (samples, time, n) = "
            f"(samples, {shape[0]}, {shape[2]}), got {targets.shape}."
        )


class MeanSquareRate(AbstractLoss):
    r"""Mean over neurons of (r - r*)², r the number of spikes divided by the duration, in Hz.

    Targets are rates r* in Hz, shape (batch, n) or (batch,) for all alike.
    Made by `rb.losses.mean_square_rate()`.
    """

    dt: float = eqx.field(static=True)

    def __init__(self, dt: Quantity = 1 * ms):
        self.dt = positive_number(dt, ms, "dt", "mean_square_rate(dt={})")

    def __call__(self, output: Array, target: Array) -> Array:
        rate = in_unit(readouts.spike_count(output) / (len(output) * self.dt), Hz)
        target = target[:, None] if target.ndim == 1 else target
        return jnp.mean((rate - target) ** 2, axis=-1)

    def correct(self, output: Array, target: Array) -> None:
        return None

    def check(self, targets: np.ndarray, shape: tuple[int, ...]) -> None:
        if targets.ndim not in (1, 2) or (targets.ndim == 2 and targets.shape[1] != shape[2]):
            raise ShapeError(
                f"mean_square_rate takes rates (Hz) of shape (samples, {shape[2]}) or (samples,), "
                f"got {targets.shape}."
            )


class SpikeBounds(eqx.Module):
    r"""Keeps the activity of hidden neurons between bounds: too silent, nothing is learned from.

    strength * mean over neurons of [max(0, lower - c)² + max(0, c - upper)²], summed over
    populations; c is the neuron's number of spikes in a run, averaged over the batch.

    Source: Zenke & Vogels 2021, Neural Computation 33:899. Made by
    `rb.losses.spike_bounds(lower=0.5, upper=20)`.
    """

    lower: float = eqx.field(static=True)
    upper: float = eqx.field(static=True)
    strength: float = eqx.field(static=True)

    def __init__(self, lower: float = 0.0, upper: float = math.inf, strength: float = 1e-3):
        if not 0 <= lower < upper:
            raise ParameterError(
                f"bounds on spikes are 0 <= lower < upper, got lower = {lower} and "
                f"upper = {upper}. Write spike_bounds(lower=0.5, upper=20)."
            )
        self.lower, self.upper = float(lower), float(upper)
        self.strength = positive_number(
            strength, dimensionless, "strength", "spike_bounds(strength={})"
        )

    def __call__(self, spikes: tuple[Array, ...]) -> Array:
        total = jnp.zeros(())
        for raster in spikes:
            c = raster.sum(axis=0).mean(axis=0)
            few, many = jnp.maximum(self.lower - c, 0), jnp.maximum(c - self.upper, 0)
            total = total + jnp.mean(few**2 + many**2)
        return self.strength * total


def cross_entropy(
    code: Code = "max", temperature: float = 1.0, smoothing: float = 0.0
) -> CrossEntropy:
    """Cross entropy of labels on the rate, the mean or largest voltage, or the first spike.

    - `code`: `"rate"`, `"membrane"`, `"max"` or `"first_spike"`, see `CrossEntropy`.
    - `temperature`: by which the scores are divided.
    - `smoothing`: part of the target that is spread over all classes, from 0 to below 1.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> loss = rb.losses.cross_entropy("rate")
    >>> round(loss(jnp.zeros((20, 1, 10)), jnp.array([3])).item(), 4)
    2.3026
    """
    return CrossEntropy(code, temperature, smoothing)


def van_rossum(tau: Quantity = 10 * ms, dt: Quantity = 1 * ms) -> VanRossum:
    """Van Rossum distance to target spike trains, see `VanRossum`.

    - `tau`: time constant of the kernel; `dt`: time step of the network.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> from rheobase.units import ms
    >>> one = jnp.zeros((30, 1, 1)).at[12].set(1)
    >>> round(rb.losses.van_rossum(10 * ms)(one, jnp.zeros((30, 1, 1))).item(), 4)
    0.5
    """
    return VanRossum(tau, dt)


def victor_purpura(cost: Quantity = 0.1 / ms, dt: Quantity = 1 * ms) -> VictorPurpura:
    """Victor-Purpura distance to target spike trains, for evaluation, see `VictorPurpura`.

    - `cost`: of moving a spike by a time; `dt`: time step of the network.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> from rheobase.units import ms
    >>> early, late = (jnp.zeros((30, 1, 1)).at[step].set(1) for step in (12, 15))
    >>> round(rb.losses.victor_purpura(0.1 / ms)(early, late).item(), 4)
    0.3
    """
    return VictorPurpura(cost, dt)


def mean_square_rate(dt: Quantity = 1 * ms) -> MeanSquareRate:
    """Mean-square distance of firing rates (Hz) to target rates, see `MeanSquareRate`.

    - `dt`: time step of the network.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> rb.losses.mean_square_rate()(jnp.ones((10, 1, 1)), jnp.array([[990.0]])).item()
    100.0
    """
    return MeanSquareRate(dt)


def spike_bounds(
    lower: float = 0.0, upper: float = math.inf, strength: float = 1e-3
) -> SpikeBounds:
    """Regulariser on the number of spikes of hidden neurons, see `SpikeBounds`.

    - `lower`, `upper`: bounds on the spikes of a neuron in a run; `strength`: weight in the loss.

    >>> import jax.numpy as jnp, rheobase as rb
    >>> rb.losses.spike_bounds(lower=1, strength=2)((jnp.zeros((10, 4, 3)),)).item()
    2.0
    """
    return SpikeBounds(lower, upper, strength)
