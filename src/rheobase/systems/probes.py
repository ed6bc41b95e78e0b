"""What is read of a cell in a step: voltages, variables and currents, by place."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.kernels.tree import laplacian
from rheobase.neurons import variables
from rheobase.systems.cable import Assembly, Held, Stepped, current_of
from rheobase.systems.imposed import Clamps
from rheobase.units import Unit


class Probe(NamedTuple):
    """Where one variable is read: the voltage, a variable of a mechanism, or a clamp's current.

    Of a kind of synapses `nodes` are their places among its sites.
    """

    nodes: tuple[int, ...]
    mechanism: int | None = None
    variable: str = "v"
    clamp: int | None = None
    kind: int | None = None


class Probes(eqx.Module):
    """What is recorded: for each name the probes whose values stand side by side."""

    groups: tuple[tuple[str, tuple[Probe, ...]], ...] = eqx.field(static=True)
    units: tuple[tuple[str, Unit], ...] = eqx.field(static=True)
    every: int = eqx.field(static=True, default=1)
    spikes: Any = eqx.field(static=True, default="raster")
    indices: None = eqx.field(static=True, default=None)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of what is recorded."""
        return tuple(name for name, _ in self.groups)

    @property
    def widest(self) -> int:
        """Places of the variable that has most."""
        counts = [sum(len(p.nodes) for p in group) for _, group in self.groups]
        return max(counts, default=1)

    def bytes_of_step(self, cells: int, itemsize: int) -> float:
        """What a step of so many cells adds to the recording."""
        places = sum(len(p.nodes) for _, group in self.groups for p in group)
        return cells * itemsize * (places / self.every + (self.spikes == "raster"))


class Imposed(NamedTuple):
    """What is imposed on a cell in a step."""

    clamps: Clamps
    held: Held
    values: tuple[Array, ...]
    """Currents (nA) from outside, then the commands of clamps."""


def read(
    wanted: Probes,
    assembly: Assembly,
    imposed: Imposed,
    done: Stepped,
    synaptic: Callable[[Probe], Array] | None = None,
) -> dict[str, Array]:
    """What is recorded of a step, (places,) of each variable; `synaptic`: of synapses."""
    state = done.reached

    def values_at(probe: Probe) -> Array:
        if probe.kind is not None and synaptic is not None:
            return synaptic(probe)
        if probe.clamp is not None:
            held, values = imposed.clamps, imposed.values
            one = held.all[probe.clamp]
            if one.resistance is None:
                return jnp.asarray(done.clamped)[np.asarray(probe.nodes)]
            command = values[len(values) - len(held.all) + probe.clamp]
            resistance = jnp.asarray(one.resistance, state.v.dtype)
            return (command - state.v[one.node])[None] / resistance
        if probe.mechanism is None:
            found, nodes = state.v, np.asarray(probe.nodes)
            if probe.variable == "i_membrane":
                found = -laplacian(assembly.tree, assembly.coupling, done.middle)
                current = imposed.held.current
                found = found if current is None else found + current
        else:
            inside = state.mechanisms[probe.mechanism]
            found = dict(variables.items(inside)).get(probe.variable)
            if found is None:
                found = current_of(assembly, probe.mechanism, state)
            nodes = np.asarray(probe.nodes) - assembly.parts[probe.mechanism].low
        whole = len(nodes) == found.shape[-1]
        return found if whole and np.array_equal(nodes, np.arange(len(nodes))) else found[nodes]

    return {name: jnp.concatenate(list(map(values_at, group))) for name, group in wanted.groups}
