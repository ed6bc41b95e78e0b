"""Cells with a shape in a network: what arrives at their compartments, and one step of all."""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.cable import Cell
from rheobase.cable import run as cable_run
from rheobase.cable.arguments import Clamps, Probe, Probes
from rheobase.cable.cell import Cable
from rheobase.cable.step import CellState, Held, assemble, settled, step
from rheobase.channels import AbstractFiring
from rheobase.channels.base import exponential_euler
from rheobase.errors import ArgumentError
from rheobase.morphology import Location
from rheobase.steppers import AbstractImplicit
from rheobase.synapses import AbstractSynapse
from rheobase.units import Unit, nA


class CellsState(NamedTuple):
    """Cells (n, nodes), and the state of each kind of synapse on them, (n, sites)."""

    neuron: CellState
    synapses: tuple[Any, ...]


class Advanced(NamedTuple):
    """What came of a step: spikes (n,), what is recorded, the state to go on from."""

    spike: Array | None
    traces: dict[str, Array]
    state: CellsState


class CoupledCells(eqx.Module):
    """The cells of a population with the synapses on them."""

    cable: Cable
    synapses: tuple[AbstractSynapse, ...]
    sites: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    """The nodes of each kind of synapse."""
    receives: Unit = eqx.field(static=True, default=nA)
    random: bool = eqx.field(static=True, default=False)

    def start(self, n: int, dtype: Any, v: Array | None = None) -> CellsState:
        """n cells where everything has settled, and synapses at rest.

        `v`: at which voltage (mV), for all, (), or for each of them, (n,); None for `v_init`.
        """
        assembly = assemble(self.cable, dtype)

        def begun(v: Array) -> CellState:
            cable = eqx.tree_at(lambda c: c.v_init, self.cable, v)
            return settled(cable, assembly, dtype)

        v = self.cable.v_init if v is None else v
        each = v is not self.cable.v_init and v.ndim > 0
        one = jax.vmap(begun)(v) if each else begun(v)

        def full(x: Any, *shape: int) -> Array:
            x = jnp.asarray(x)
            kind = dtype if jnp.issubdtype(x.dtype, jnp.floating) else x.dtype
            return jnp.broadcast_to(x.astype(kind), shape)

        synapses = tuple(
            jax.tree.map(lambda x, sites=sites: full(x, n, len(sites)), synapse.init())
            for synapse, sites in zip(self.synapses, self.sites, strict=True)
        )
        wide = one if each else jax.tree.map(lambda x: full(x, n, *x.shape), one)
        return CellsState(wide, synapses)

    def check(self, dt: float) -> None:
        """Refuse a time step (ms) that it cannot take."""
        for one in self.cable.mechanisms:
            if isinstance(one.channel, AbstractFiring):
                one.channel.check(dt)

    def arrive(self, state: CellsState, arrived: tuple[Array, ...]) -> CellsState:
        """The state after these total weights have arrived at each kind of synapse."""
        triples = zip(self.synapses, state.synapses, arrived, self.sites, strict=True)
        moved = tuple(
            s.arrive(x, w.reshape(*w.shape[:-1], -1, len(sites))) for s, x, w, sites in triples
        )
        return state._replace(synapses=moved)

    def advance(
        self,
        state: CellsState,
        currents: list[tuple[int, Array]],
        clamps: Clamps,
        commands: list[Array],
        dt: float,
        wanted: Any,
        rule: AbstractImplicit,
    ) -> Advanced:
        """One step of dt (ms) under currents (nA) into nodes and under clamps, with their commands.

        Each is one for all cells or one for each. A synapse acts with the conductance that it has
        in the middle of the step.
        """
        n = state.neuron.v.shape[0]
        assembly = assemble(self.cable, state.neuron.v.dtype)
        middle = tuple(map(_relaxed(dt / 2), self.synapses, state.synapses))
        end = tuple(map(_relaxed(dt), self.synapses, state.synapses))
        values = tuple(
            jnp.broadcast_to(value, (n,)) for value in (*(x for _, x in currents), *commands)
        )
        injection = cable_run.Injection(tuple(node for node, _ in currents), ())

        def one(cell: CellState, synapses: tuple, ended: tuple, values: tuple[Array, ...]) -> Any:
            given, forced = cable_run.imposed(assembly, injection, clamps, cell.v, values)
            held = self._with_synapses(given, cell.v, synapses)
            done = step(assembly, rule.share, cell, held, forced, dt)
            traces = {}
            if isinstance(wanted, Probes):
                synaptic = partial(self._read, ended, done.reached.v)
                traces = cable_run.read(wanted, assembly, clamps, held, done, values, synaptic)
            return done.state, done.spikes, traces

        cells, spikes, traces = jax.vmap(one)(state.neuron, middle, end, values)
        return Advanced(cable_run.output(spikes), traces, CellsState(cells, end))

    def _read(self, states: tuple, v: Array, probe: Probe) -> Array:
        """A variable of the synapses of one kind on one cell, and what follows from it."""
        kind = probe.kind or 0
        synapse, state, places = self.synapses[kind], states[kind], np.asarray(probe.nodes)
        if probe.variable in state._fields:
            return getattr(state, probe.variable)[places]
        if probe.variable == "g":
            return synapse.output(state)[places]
        return synapse.current(state, v[np.asarray(self.sites[kind])])[places]

    def _with_synapses(self, held: Held, v: Array, synapses: tuple) -> Held:
        """Also the currents of synapses into the nodes of one cell, linear in their voltages."""
        places: list[int] = []
        currents: list[Array] = []
        slopes: list[Array] = []
        for synapse, state, sites in zip(self.synapses, synapses, self.sites, strict=True):
            here = v[np.asarray(sites)]
            i, g = jax.jvp(lambda v, s=synapse, x=state: s.current(x, v), (here,),
                           (jnp.ones_like(here),))  # fmt: skip
            for k, node in enumerate(sites):
                places.append(node)
                currents.append(i[k])
                slopes.append(-g[k])
        return held._replace(
            current=_sum(held.current, cable_run.spread(places, currents, v.shape[0])),
            slope=_sum(held.slope, cable_run.spread(places, slopes, v.shape[0])),
        )


def _sum(one: Array | None, other: Array | None) -> Array | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def _relaxed(dt: float) -> Any:
    def relax(synapse: AbstractSynapse, state: Any) -> Any:
        return exponential_euler(synapse.derivative, state, dt)

    return relax


def sites_of(cell: Cell, at: Any) -> tuple[int, ...]:
    """The nodes of a location, of several, or of all compartments of a region."""
    if at is None:
        return (cell.node(cell.compartments.tree.origin),)
    if isinstance(at, Location):
        return (cell.node(at),)
    if isinstance(at, str):
        return tuple(int(i) for i in np.flatnonzero(cell.compartments.where(at)))
    return tuple(node for one in at for node in sites_of(cell, one))


def require_output(cell: Cell, name: str) -> None:
    """Refuse a presynaptic cell unless exactly one of its compartments fires."""
    firing = [len(m.nodes) for m in cell.mechanisms if isinstance(m.channel, AbstractFiring)]
    if sum(firing) != 1:
        raise ArgumentError(
            f"population {name!r} sends the spikes of one compartment of each cell, but "
            f"{sum(firing)} of them fire. Write cell.insert(ch.SpikeDetector(), at='soma'), or "
            "ch.Fire()."
        )
