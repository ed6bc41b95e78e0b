"""What a network carries from step to step, and how it begins."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase import printed
from rheobase.compilation import Compiled
from rheobase.inputs import memories
from rheobase.network import clamps
from rheobase.network.known import rest
from rheobase.network.network import Network
from rheobase.network.steps import Steps
from rheobase.neurons import variables
from rheobase.origin import require_like
from rheobase.synapses import Coupled
from rheobase.systems.cells import CellsState
from rheobase.systems.imposed import Clamps
from rheobase.systems.point import Timed, form
from rheobase.systems.projection import Projection


class NetworkState(NamedTuple):
    """Everything that a network carries from step to step."""

    systems: dict[str, Any]
    """Neurons and synapses of each population."""
    projections: tuple[Any, ...]
    """The `ProjectionState` of each."""
    memories: tuple[Any, ...]
    """Memory of each drive, and of each clamp."""

    def __repr__(self) -> str:
        return printed.table("NetworkState", printed.leaves(self))


def begin(
    network: Network, lengths: Steps, init: Any, held: dict[str, Clamps], dtype: Any
) -> NetworkState:
    """The state at the start, nothing on its way; in numpy, as JAX would compile each piece."""

    def full(x, n):
        one = x if isinstance(x, Tracer) else np.asarray(x)
        kind = dtype if jnp.issubdtype(one.dtype, jnp.floating) else one.dtype
        wide = jnp.broadcast_to if isinstance(x, Tracer) else np.broadcast_to
        return wide(one.astype(kind), (n,))

    systems = {}
    for name, system in network.systems.items():
        if not isinstance(system, Coupled):
            v = (init or {}).get(name, {}).get("v")
            systems[name] = system.start(network.populations[name].n, dtype, v)
            continue
        state = rest(system)
        for variable, value in (init or {}).get(name, {}).items():
            state = variables.replace(state, variable, variables.typed(state, variable, value))
        n = network.populations[name].n
        systems[name] = jax.tree.map(lambda x, n=n: full(x, n), state)
    return NetworkState(
        systems,
        tuple(
            p.begin(seen_voltage(systems[p.pre], p), lengths.each(p.post), dtype)
            if p.voltages
            else p.start(lengths.each(p.post), dtype)
            for p in network.projections
        ),
        tuple(
            d.stimulus.start((network.populations[d.population].n,), dtype) for d in network.drives
        )
        + clamps.start(network, held, dtype),
    )


def continued(
    network: Network, lengths: Steps, held: dict[str, Clamps], state: Any, dtype: Any
) -> NetworkState:
    """The state that a run left, if this network can go on from it.

    Drives and clamps may be others than those of that run: what is new begins to remember now.
    """
    late = [i for i, p in enumerate(network.projections) if isinstance(p.delay, Tracer)]
    known = eqx.tree_at(
        lambda n: [n.projections[i].delay for i in late], network, [None] * len(late)
    ) if late else network  # fmt: skip
    like = jax.eval_shape(lambda: begin(known, lengths, None, held, dtype))
    if not isinstance(state, NetworkState):
        require_like("`state`", state, like)
    for i in late:  # how long the ring of a traced delay must be is not known
        ring = state.projections[i].ring if i < len(state.projections) else None
        one = like.projections[i]._replace(ring=ring)
        like = like._replace(projections=(*like.projections[:i], one, *like.projections[i + 1 :]))
    require_like("`state`", state[:2], like[:2])
    # What follows from the network is taken from there: indices are no part of what moves.
    sending = tuple(
        s._replace(terminals=p.terminals(lengths.each(p.post))) if p.by_terminal else s
        for p, s in zip(network.projections, state.projections, strict=True)
    )
    state = state._replace(projections=sending)
    sizes = [(network.populations[d.population].n,) for d in network.drives]
    pairs = clamps.stimuli(held)
    stimuli = [*(d.stimulus for d in network.drives), *(one for _, one in pairs)]
    shapes = [*sizes, *((network.populations[name].n,) for name, _ in pairs)]
    return state._replace(memories=memories(stimuli, state.memories, shapes, dtype))


def is_located(system: Any) -> bool:
    """Whether spikes of a population can be located in their steps, and sent in parts."""
    return isinstance(system, Coupled) and system.continuous


def timed(network: Network, state: NetworkState, was: NetworkState | None) -> NetworkState:
    """The same of neurons whose spikes are located in their steps, with what `was` waiting."""
    systems = dict(state.systems)
    for name, system in network.systems.items():
        if is_located(system):
            one = systems[name]
            shape, dtype = form(one)
            waiting = jnp.zeros(shape, dtype) if was is None else was.systems[name].waiting
            systems[name] = Timed(one, waiting)
    return state._replace(systems=systems)


def untimed(state: Any) -> Any:
    """The state of the neurons alone, where there are parts of spikes that wait beside it."""
    if not isinstance(state, NetworkState):
        return state
    systems = {n: s.neurons if isinstance(s, Timed) else s for n, s in state.systems.items()}
    return state._replace(systems=systems)


begin_at_once = Compiled(begin)
"""For cells, whose start is more work than the compilation of one program."""


def seen_voltage(state: Any, p: Projection) -> Array:
    """The presynaptic voltages that a connection sees, (n_pre,)."""
    if isinstance(state, CellsState):
        return state.neuron.v[:, p.source]
    return variables.get(state, "v")
