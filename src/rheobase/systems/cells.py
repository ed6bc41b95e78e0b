"""Cells with a shape and the synapses on them: what arrives, and one step of all."""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, PyTree

from rheobase.channels import AbstractFiring
from rheobase.channels.base import exponential_euler
from rheobase.steppers import AbstractImplicit
from rheobase.synapses import AbstractSynapse
from rheobase.synapses.coupled import labels
from rheobase.systems.base import AbstractSystem, Arriving, Moved
from rheobase.systems.cable import Cable, CellState, Held, assemble, settled, step
from rheobase.systems.imposed import Clamps, imposed, spread
from rheobase.systems.probes import Imposed, Probe, Probes, read
from rheobase.time import Clock
from rheobase.units import Unit, nA


class CellsState(NamedTuple):
    """Cells (n, nodes), and the state of each kind of synapse on them, (n, sites)."""

    neuron: CellState
    synapses: tuple[Any, ...]


class OnCell(NamedTuple):
    """A variable of the synapses of one kind on a cell, as a network has them."""

    kind: int
    variable: str
    sites: tuple[int, ...]
    """The node of each synapse."""
    unit: Unit


class CoupledCells(eqx.Module):
    """The cells of a population with the synapses on them."""

    cable: Cable
    synapses: tuple[AbstractSynapse, ...]
    sites: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    """The nodes of each kind of synapse."""
    receives: Unit = eqx.field(static=True, default=nA)
    random: bool = eqx.field(static=True, default=False)

    def start(self, n: int, dtype: DTypeLike, v: Array | None = None) -> CellsState:
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

        def full(x: Array, *shape: int) -> Array:
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

    def made_of(self, cell: Any) -> "CoupledCells":
        """The same synapses on other cells."""
        return CoupledCells(cell.cable, self.synapses, self.sites)

    def arrive(self, state: CellsState, arrived: tuple[Array, ...]) -> CellsState:
        """The state after these total weights have arrived at each kind of synapse."""
        triples = zip(self.synapses, state.synapses, arrived, self.sites, strict=True)
        moved = tuple(
            s.arrive(x, w.reshape(*w.shape[:-1], -1, len(sites))) for s, x, w, sites in triples
        )
        return state._replace(synapses=moved)

    def read(
        self, states: tuple, v: Float[Array, " nodes"], probe: Probe
    ) -> Float[Array, " places"]:
        """A variable of the synapses of one kind on one cell, and what follows from it."""
        kind = probe.kind or 0
        synapse, state, places = self.synapses[kind], states[kind], np.asarray(probe.nodes)
        if probe.variable in state._fields:
            return getattr(state, probe.variable)[places]
        if probe.variable == "g":
            return synapse.output(state)[places]
        return synapse.current(state, v[np.asarray(self.sites[kind])])[places]

    def readable(self) -> dict[str, OnCell]:
        """What can be recorded of the synapses, by name."""
        found = {}
        for kind, (label, one) in enumerate(zip(labels(self.synapses), self.synapses, strict=True)):
            for name, unit in one.readable(one.init(), one.weight_unit()).items():
                found[f"{label}.{name}"] = OnCell(kind, name, self.sites[kind], unit)
        return found

    def with_synapses(self, held: Held, v: Float[Array, " nodes"], synapses: tuple) -> Held:
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
            current=_sum(held.current, spread(places, currents, v.shape[0])),
            slope=_sum(held.slope, spread(places, slopes, v.shape[0])),
        )


class Cells(AbstractSystem):
    """Cells of any shape of population, with what is imposed on them and recorded of them.

    What is held in a step are currents (nA) into the nodes `into`, then the commands of `clamps`.
    """

    cells: CoupledCells
    rule: AbstractImplicit
    record: Probes | None
    into: tuple[int, ...] = eqx.field(static=True)
    clamps: Clamps

    def step(self, state: CellsState, arriving: Arriving, number: Clock, dt: float) -> Moved:
        # A synapse acts with the conductance that it has in the middle of the step.
        cells, ready = self.cells, self.cells.arrive(state, arriving.through)
        shape = ready.neuron.v.shape[:-1]
        assembly = assemble(cells.cable, ready.neuron.v.dtype)
        middle = tuple(map(_relaxed(dt / 2), cells.synapses, ready.synapses))
        end = tuple(map(_relaxed(dt), cells.synapses, ready.synapses))
        values = tuple(jnp.broadcast_to(value, shape) for value in arriving.held)

        def one(cell: CellState, synapses: tuple, ended: tuple, values: tuple[Array, ...]) -> Any:
            given, forced = imposed(assembly, self.into, self.clamps, cell.v, values)
            held = cells.with_synapses(given, cell.v, synapses)
            done = step(assembly, self.rule.share, cell, held, forced, dt)
            traces = {}
            if self.record is not None:
                synaptic = partial(cells.read, ended, done.reached.v)
                traces = read(
                    self.record, assembly, Imposed(self.clamps, held, values), done, synaptic
                )
            return done.state, done.spikes, traces

        each = one
        for _ in shape:
            each = jax.vmap(each)
        after, spikes, traces = each(ready.neuron, middle, end, values)
        return Moved(_output(spikes), None, traces, CellsState(after, end))

    def fires(self, state: CellsState) -> tuple[int, ...] | None:
        firing = [m for m in self.cells.cable.mechanisms if isinstance(m.channel, AbstractFiring)]
        sites, shape = sum(len(m.nodes) for m in firing), state.neuron.v.shape[:-1]
        if not sites:
            return None
        return shape if sites == 1 else (*shape, sites)

    def voltage(self, state: CellsState, node: int) -> Float[Array, "*n"]:
        return state.neuron.v[..., node]


def _sum(one: Array | None, other: Array | None) -> Array | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def _relaxed(dt: float) -> Any:
    def relax(synapse: AbstractSynapse, state: PyTree) -> Any:
        return exponential_euler(synapse.derivative, state, dt)

    return relax


def _output(spikes: tuple[Array, ...]) -> Array | None:
    """Spikes of all compartments that fire, (sites,), or () where there is one."""
    if not spikes:
        return None
    joined = jnp.concatenate(spikes, axis=-1)
    return joined[..., 0] if joined.shape[-1] == 1 else joined
