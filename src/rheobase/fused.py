"""The time loop of a network of linear neurons as one compiled function, many steps a call.

The same program as `network_run.run`, up to rounding: the state stays in the processor's caches
from step to step, and spikes leave as events.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.compilation import Compiled
from rheobase.kernels import library
from rheobase.linear import is_linear, numbers
from rheobase.network import Network
from rheobase.network_inputs import drives, series, summed
from rheobase.neurons import variables
from rheobase.record import Record, RunState
from rheobase.steppers import AbstractStepper
from rheobase.time import whole_steps


def takes(network: Network, stepper: AbstractStepper, dtype: Any) -> bool:
    """Whether the compiled loop can run this network."""
    return (
        library.serves(dtype)
        and all(p.release is None and not p.rules and p.to.native for p in network.projections)
        and all(is_linear(system, stepper) for system in network.systems.values())
    )


class Course(eqx.Module):
    """What a call recorded of a population, in arrays with room for more than there was."""

    step: Array
    neuron: Array
    spikes: Array
    """(1,), their number."""
    traces: Array
    """(steps, variables, neurons)."""


class _Call:
    """Operands and results of the call, in the order in which kernels/network.cpp reads them."""

    def __init__(self):
        self.operands: list = []
        self.results: list = []
        self.aliases: dict[int, int] = {}

    def give(self, *arrays: Array) -> None:
        self.operands += arrays

    def take(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.results.append(jax.ShapeDtypeStruct(shape, dtype))

    def go_on(self, array: Array) -> None:
        """An operand that the call changes in place."""
        self.aliases[len(self.operands)] = len(self.results)
        self.operands.append(array)
        self.take(array.shape, array.dtype)


@Compiled
def advance(
    network: Network,
    stepper: AbstractStepper,
    records: dict[str, Record],
    start: RunState,
    steps: Array,
    dt: float,
    most: int,
    room: int,
) -> tuple[RunState, Array, dict[str, Course]]:
    """The state after `steps` steps or less, how many they were, and what was recorded of them.

    At most `most`, and as many as leave room for `room` spikes of a population.
    """
    state = start.neuron
    dtype = jax.tree.leaves(eqx.filter(state.systems, eqx.is_inexact_array))[0].dtype
    names, call = list(network.systems), _Call()
    layout = [len(names), len(network.projections)]
    clock = start.step + jnp.arange(most if network.drives else 1, dtype=jnp.int32)
    inputs = drives(network, clock, dt, dtype, start.key)
    values, memories = series(inputs, state.memories, clock, steps)
    call.give(jnp.stack([start.step, steps]))
    call.take((1,), jnp.int32)

    for name, system in network.systems.items():
        n, kinds = network.populations[name].n, len(system.synapses)
        leaves, counters = _split(state.systems[name])
        layout += [len(leaves), kinds]
        call.give(*numbers(system, stepper, dt, dtype))
        call.go_on(jnp.stack(leaves))
        call.go_on(counters[0] if counters else jnp.zeros(n, jnp.int32))
        call.go_on(_arriving(network, state.projections, name, kinds))
        nothing = jnp.zeros((1, 1), dtype)
        current, delta = summed(network, name, values, nothing)
        call.give(current, nothing if delta is None else delta)
        record = records.get(name, Record(spikes=None))
        shown = _shown(system.init(), record.variables)
        neurons = range(n) if record.indices is None else np.asarray(record.indices) % n
        probed = np.asarray(neurons if shown else (), np.int32)
        call.give(jnp.asarray(probed), jnp.asarray(shown, jnp.int32))
        for shape in ((room + n,), (room + n,), (1,)):
            call.take(shape, jnp.int32)
        call.take((most if shown else 1, len(shown), len(probed)), dtype)
    for p, sending in zip(network.projections, state.projections, strict=True):
        ring, delays = jnp.zeros((0, 0), dtype), jnp.zeros(1, jnp.int32)
        late = 0
        if p.delay is not None and sending.ring is not None:
            ring, delays = sending.ring, whole_steps(p.delay, dt)
            late = 1 if p.delay.shape == (1,) else 2
        kind = -1 if p.kind is None else p.kind
        layout += [names.index(p.pre), names.index(p.post), kind, late]
        call.give(p.to.start, p.to.target, p.weight.astype(dtype), delays)
        call.go_on(ring)

    found = iter(library.run(call.operands, call.results, call.aliases, layout, dt, dtype))
    systems, courses, arrived = {}, {}, {}
    done = next(found)[0]
    for name in names:
        moved, remaining, arrived[name] = next(found), next(found), next(found)
        systems[name] = _joined(state.systems[name], list(moved), remaining)
        courses[name] = Course(next(found), next(found), next(found), next(found))
    projections = []
    for p, sending in zip(network.projections, state.projections, strict=True):
        # What arrives next is known by its kind: the first projection of the kind carries it.
        row = len(network.systems[p.post].synapses) if p.kind is None else p.kind
        arriving = arrived[p.post][row]
        arrived[p.post] = arrived[p.post].at[row].set(0)
        ring = next(found)
        projections.append(
            sending._replace(arriving=arriving, ring=None if sending.ring is None else ring)
        )
    after = state._replace(systems=systems, projections=tuple(projections), memories=memories)
    return start._replace(neuron=after, step=start.step + done), done, courses


def _split(state: Any) -> tuple[list[Array], list[Array]]:
    """The continuous variables of a state, and its counters."""
    leaves = jax.tree.leaves(state)
    continuous = [x for x in leaves if eqx.is_inexact_array(x)]
    return continuous, [x for x in leaves if not eqx.is_inexact_array(x)]


def _joined(state: Any, continuous: list[Array], counter: Array) -> Any:
    """A state with other continuous variables and another counter."""
    leaves, structure = jax.tree.flatten(state)
    moved = iter(continuous)
    return jax.tree.unflatten(
        structure, [next(moved) if eqx.is_inexact_array(x) else counter for x in leaves]
    )


def _arriving(network: Network, sending: tuple, name: str, kinds: int) -> Array:
    """(kinds + 1, n): total weight at each kind of synapse, and the delta inputs behind them."""
    n = network.populations[name].n
    rows: list = [jnp.zeros(n)] * (kinds + 1)
    for p, state in zip(network.projections, sending, strict=True):
        if p.post == name:
            row = kinds if p.kind is None else p.kind
            rows[row] = rows[row] + state.arriving
    dtype = jnp.result_type(*rows)
    return jnp.stack([x.astype(dtype) for x in rows])


def _shown(rest: Any, names: tuple[str, ...]) -> list[int]:
    """Places of the recorded variables among the continuous ones."""
    places = []
    for name in names:
        marked = jax.tree.map(lambda x: np.zeros(()) if eqx.is_inexact_array(x) else None, rest)
        marked = variables.replace(marked, name, np.ones(()))
        places.append(int(np.argmax(jax.tree.leaves(marked))))
    return places
