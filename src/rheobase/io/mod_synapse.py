"""Synapses from .mod files: a POINT_PROCESS with NET_RECEIVE as a class of `AbstractSynapse`."""

import types
from typing import Any

import jax.numpy as jnp
from jax import Array

from rheobase.io.nmodl.declare import declare
from rheobase.io.nmodl.fields import identifier
from rheobase.io.nmodl.point import Point, slope
from rheobase.synapses import AbstractRelease, AbstractSynapse
from rheobase.units import in_unit


def synapse_of(point: Point) -> Any:
    """The class of the synapse in a file."""
    name, unit = point.source.name, point.unit

    def body(space: dict[str, Any]) -> None:
        space["__module__"] = __name__
        space["__doc__"] = (
            f"The synapse {name} of {point.file}; the weight of NEURON is the number in {unit}."
        )
        declare(space, name, point.fields)
        space["program"] = point
        space.update(_SYNAPSE)

    return types.new_class(name, (AbstractSynapse,), exec_body=body)


class Terminals(AbstractRelease):
    """The variables of the connections of a neuron, which its spikes change."""

    synapse: AbstractSynapse

    def init(self) -> Any:
        point: Point = self.synapse.program  # pyright: ignore[reportAttributeAccessIssue]
        first = point.first(point.begun(self.synapse))
        return point.released(*(jnp.asarray(x) for x in first.values()), jnp.zeros(()))

    def step(self, state: Any, spikes: Array, dt: float) -> tuple[Array, Any]:
        point: Point = self.synapse.program  # pyright: ignore[reportAttributeAccessIssue]
        names = point.begun(self.synapse)
        elapsed = state.elapsed + dt
        memory = dict(zip(point.memory, state[:-1], strict=True))
        after = point.event(names, memory, elapsed, 1.0)
        factor = point.added(names, memory, elapsed)[point.main]
        fired = spikes > 0
        moved = [
            jnp.where(fired, jnp.asarray(after[name], old.dtype), old)
            for name, old in memory.items()
        ]
        return factor * spikes, type(state)(*moved, jnp.where(fired, 0, elapsed))


def _like(value: Any, x: Array) -> Array:
    return jnp.broadcast_to(jnp.asarray(value, x.dtype), x.shape)


def _init(self: Any) -> Any:
    names = self.program.begun(self)
    return self.program.state(*(jnp.asarray(names[x]) for x in self.program.states))


def _arrive(self: Any, state: Any, weight: Array) -> Any:
    parts = self.program.parts(self.program.begun(self))
    number = in_unit(weight, self.program.unit)
    return type(state)(*(x + number * part for x, part in zip(state, parts, strict=True)))


def _derivative(self: Any, state: Any) -> Any:
    rates = self.program.rates(self.program.begun(self), state)
    return type(state)(*(_like(rate, x) for rate, x in zip(rates, state, strict=True)))


def _current(self: Any, state: Any, v: Array) -> Array:
    return -self.program.current(self.program.begun(self), state, v)


def _output(self: Any, state: Any) -> Array:
    if self.reversal is None:
        return _current(self, state, jnp.zeros_like(state[0]))
    return -slope(lambda v: _current(self, state, v), _like(self.reversal, state[0]))


def _reversal(self: Any) -> Array | None:
    name = self.program.reversal
    return None if name is None else getattr(self, identifier(name))


def _release(self: Any) -> AbstractRelease | None:
    return Terminals(self) if self.program.memory else None


_SYNAPSE = {
    "init": _init,
    "arrive": _arrive,
    "derivative": _derivative,
    "current": _current,
    "output": _output,
    "reversal": property(_reversal),
    "release": property(_release),
}
