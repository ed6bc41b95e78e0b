"""Connections as a run forwards in time has them: what is under way, its traces, their sum.

With delays a neuron j receives sum over slots m of w_ij h_ijm y_i(k - m), h the part of a spike
that arrives after m steps. So the source of a trace is the delayed input: for the weight w_ij
sum over m of h_ijm y_i(k - m), and for the delay d_ij w_ij sum over m of dh_ijm/dd_ij y_i(k - m).
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.gradients.traces import AbstractTrace, Jacobian, blank
from rheobase.train.dense import masked


class Held(NamedTuple):
    """What a connection takes from step to step."""

    inputs: Array
    """The last input (batch, n_in); with delays the last ones, the newest first (slots, ...)."""
    traces: tuple[AbstractTrace, ...]
    """Of the weights; then, where traces with delays are whole, of the delays."""


class Line(eqx.Module):
    """The connection from n_in inputs to the n neurons of a population."""

    weight: Array
    taps: Array | None
    """(slots, n_in, n or 1); None without delays."""
    slopes: Array | None
    """Their derivative by the delay."""
    decay: float | None = eqx.field(static=True)
    """Of traces of rank one; None for whole ones."""

    def begin(self, batch: int, variables: int, dtype: Any) -> Held:
        """Before the first step of a population of so many variables, its spike included."""
        n_in, n = self.weight.shape
        if self.taps is None:
            trace = blank(batch, n_in, n, variables, self.decay, dtype)
            return Held(jnp.zeros((batch, n_in), dtype), (trace,))
        inputs = jnp.zeros((len(self.taps), batch, n_in), dtype)
        if self.decay is None:
            trace = blank(batch, n_in, n, variables, None, dtype)
            return Held(inputs, (trace, trace))
        trace = blank(batch, len(self.taps) * n_in, n, variables, self.decay, dtype)
        return Held(inputs, (trace,))

    def pushed(self, held: Held, now: Array) -> Held:
        """With the input of another step, (batch, n_in)."""
        if self.taps is None:
            return held._replace(inputs=now)
        return held._replace(inputs=jnp.concatenate([now[None], held.inputs[:-1]]))

    def received(self, held: Held) -> Array:
        """What arrives at the neurons, (batch, n)."""
        if self.taps is None:
            return held.inputs @ self.weight
        weight = self.taps * self.weight[None]
        return _flat(held.inputs) @ weight.reshape(-1, weight.shape[-1])

    def advanced(self, held: Held, jacobian: Jacobian) -> Held:
        """With its traces one step later."""
        moved = zip(held.traces, self._sources(held.inputs), strict=True)
        return held._replace(traces=tuple(trace.advanced(jacobian, y) for trace, y in moved))

    def sums(self, held: Held, signal: Array) -> tuple[Array, ...]:
        """What a step adds to the gradient of each trace, `signal` being dL/ds (batch, n)."""
        return tuple(trace.gradient(signal) for trace in held.traces)

    def gradient(self, sums: tuple[Array, ...], mask: Array | None) -> tuple[Array, Array | None]:
        """The gradients of the weights and of the delays, from the sums over all steps."""
        if self.taps is None or self.slopes is None:
            return _present(sums[0], mask), None
        if self.decay is None:
            weight, time = sums
        else:
            slots = sums[0].reshape(-1, *self.weight.shape)
            weight, time = (jnp.sum(part * slots, axis=0) for part in (self.taps, self.slopes))
        time = _present(self.weight * time, mask)
        return _present(weight, mask), time.sum(1, keepdims=True) if self._axons else time

    def _sources(self, inputs: Array) -> tuple[Array, ...]:
        if self.taps is None or self.slopes is None:
            return (inputs,)
        if self.decay is not None:
            # Rank one over all slots: the delay acts on the sum, since a mean of delayed inputs
            # is a delayed mean.
            return (_flat(inputs),)
        if self._axons:
            parts = (self.taps[:, :, 0], self.slopes[:, :, 0])
            return tuple(jnp.einsum("mbi,mi->bi", inputs, part) for part in parts)
        parts = (self.taps, self.slopes)
        return tuple(jnp.einsum("mbi,mij->bij", inputs, part) for part in parts)

    @property
    def _axons(self) -> bool:
        return self.taps is not None and self.taps.shape[-1] != self.weight.shape[-1]


def line_of(layer: Any, dt: float, least: int, decay: float | None) -> Line:
    """The connection of a `Linear` or `Recurrent`, whose delays are of `least` steps at least."""
    weight = jnp.asarray(masked(layer.weight, layer.mask))
    delays = layer.delays
    if delays is None:
        return Line(weight, None, None, decay)

    def taps(time: Array) -> Array:
        return eqx.tree_at(lambda d: d.time, delays, time).taps(dt, least)

    found, slopes = jax.jvp(taps, (delays.time,), (jnp.ones_like(delays.time),))
    return Line(weight, found, slopes, decay)


def filled(layer: Any, weight: Array, time: Array | None) -> Any:
    """The gradient of a layer, with those of its weights and delays in it."""
    none = jax.tree.map(jnp.zeros_like, eqx.filter(layer, eqx.is_inexact_array))
    empty = eqx.tree_at(lambda l: l.weight, none, weight)
    if time is None:
        return empty
    return eqx.tree_at(lambda l: l.delays.time, empty, time)


def _present(gradient: Array, mask: Array | None) -> Array:
    return gradient if mask is None else jnp.where(mask, gradient, 0)


def _flat(inputs: Array) -> Array:
    """(slots, batch, n) as (batch, slots n)."""
    return jnp.moveaxis(inputs, 0, 1).reshape(inputs.shape[1], -1)
