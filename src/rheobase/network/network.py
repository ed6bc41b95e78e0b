"""Networks: populations and connections, a plain pytree."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.adaptors.base import chain
from rheobase.cable import Cell
from rheobase.connectivity import Sides
from rheobase.connectivity.base import generator
from rheobase.errors import ArgumentError, ShapeError, UnknownName
from rheobase.morphology import Location
from rheobase.network.cells import CoupledCells, require_output, sites_of
from rheobase.network.connection import bytes_of, kind, projection
from rheobase.network.projection import Projection
from rheobase.neurons.base import AbstractMembrane, AbstractNeuron
from rheobase.stimulus import AbstractStimulus
from rheobase.synapses import AbstractSynapse, Coupled
from rheobase.units import to_internal, um


def _positions(value: Any) -> Array | None:
    if value is None:
        return None
    return to_internal(value, um, "positions", "rb.Population(neuron, n, positions={})")


class Population(eqx.Module):
    """`n` neurons of one kind; a parameter of shape (n,) gives each its own.

    >>> import rheobase as rb
    >>> excitatory = rb.Population(rb.LIF(), 3200)
    >>> from rheobase.units import um
    >>> in_a_row = rb.Population(rb.LIF(), 3, positions=[[0], [10], [20]] * um)
    """

    neuron: AbstractMembrane | Cell
    n: int = eqx.field(static=True)
    positions: Array | None = eqx.field(default=None, converter=_positions)
    """(n, dimensions), um; for rules of connectivity that go by distance."""

    def __check_init__(self):
        if not isinstance(self.neuron, AbstractMembrane | Cell):
            raise ArgumentError(
                f"a population is made of neurons, got {self.neuron!r}. "
                f"Write rb.Population(rb.LIF(), 100)."
            )
        if isinstance(self.n, bool) or not isinstance(self.n, int | np.integer) or self.n < 1:
            raise ShapeError(f"`n` is a number of neurons, at least 1, got {self.n!r}.")


class Drive(eqx.Module):
    """External input of a population: a current (nA) or a delta input, as in `simulate`.

    With `synapse` it acts through that synapse: its value in a step is the weight that arrives.
    `at`: on which compartment of a cell it acts, by default the root.

    >>> import rheobase as rb
    >>> from rheobase.units import Hz, mV, ms, nA
    >>> barrage = rb.Drive("e", rb.stimulus.Poisson(1000 * Hz, 0.1 * mV))
    >>> slow = rb.Drive("e", rb.stimulus.Poisson(1000 * Hz, 0.1 * nA), rb.Exponential(2 * ms))
    """

    population: str = eqx.field(static=True)
    stimulus: AbstractStimulus
    synapse: AbstractSynapse | None = None
    at: Location | None = eqx.field(static=True, default=None)


class Network(eqx.Module):
    """Populations, the connections between them and their external drives.

    Built once, from a key: the same key gives the same synapses. A pytree whose weights, delays and
    parameters are arrays, so that `jit`, `grad` and `vmap` work on it. `print(network)` shows a
    table of its neurons, synapses and memory.

    Errors: `UnknownName` for a population that does not exist, `UnitError` for a weight that does
    not fit the synapse and the neuron, `ShapeError` for arrays of the wrong length and for more
    synapses than fit into memory, all before anything is allocated.

    >>> import jax
    >>> import rheobase as rb
    >>> from rheobase.units import mV, ms, nA
    >>> net = rb.Network(
    ...     {"e": rb.Population(rb.LIF(), 100)},
    ...     [rb.Connection("e", "e", rb.FixedInDegree(10), rb.Delta(), weight=0.5 * mV)],
    ...     drives=[rb.Drive("e", rb.stimulus.Constant(2 * nA))],
    ...     key=jax.random.key(0),
    ... )
    >>> rb.simulate(net, duration=20 * ms, dt=0.1 * ms)["e"].counts.shape
    (100,)
    """

    populations: dict[str, Population]
    projections: tuple[Projection, ...]
    drives: tuple[Drive, ...]
    systems: dict[str, Any]
    """Each population's neuron with the synapses on it: `Coupled`, or `CoupledCells`."""
    driven: tuple[int | None, ...] = eqx.field(static=True)
    """Which of these synapses each drive acts through; None for none."""

    def __init__(
        self,
        populations: dict[str, Population],
        connections: Any = (),
        drives: Any = (),
        *,
        key: Array | None = None,
    ):
        self.populations = dict(populations)
        self.drives = tuple(drives)
        names = [c.pre for c in connections] + [d.population for d in self.drives]
        for name in names + [post for c in connections for post in c.post]:
            if name not in populations:
                raise UnknownName("population", name, populations)
        _require_spikes(populations, connections)
        kinds: dict[str, list] = {name: [] for name in populations}
        plans = []
        for c in connections:
            for post in c.post:
                what = f"`weight` of the connection from {c.pre!r} to {post!r}"
                neuron, unit = populations[post].neuron, c.weight.unit
                sites = _sites(neuron, c.at)
                of = kind(c.synapse, unit, what, neuron, sites, kinds[post])
                plans.append((c, post, of, len(sites)))
        self.driven = tuple(_driven(d, populations[d.population], kinds) for d in self.drives)
        _require_memory(populations, plans)
        self.projections = tuple(
            projection(
                c,
                post,
                of,
                many,
                _sites(populations[c.pre].neuron, c.source)[0],
                _sides(c.pre, post, populations),
                generator(key, i),
            )
            for i, (c, post, of, many) in enumerate(plans)
        )
        self.systems = {
            name: _coupled(population.neuron, kinds[name])
            for name, population in populations.items()
        }

    def pairs(self, pre: str, post: str, which: int = 0) -> tuple[Array, Array]:
        """The neurons (pre, post) of each synapse, (synapses,), in the order of its weights.

        `which` of several connections between the two, as they were given.

        Errors: `UnknownName` where the two are not connected.

        >>> import rheobase as rb
        >>> from rheobase.units import mV
        >>> ring = rb.Connection("e", "e", rb.Pairs([1, 0], [0, 1]), rb.Delta(), weight=1 * mV)
        >>> net = rb.Network({"e": rb.Population(rb.LIF(), 2)}, [ring])
        >>> [neurons.tolist() for neurons in net.pairs("e", "e")]
        [[0, 1], [1, 0]]
        """
        to = self.projections[self.find(pre, post, which)].to
        neurons = jnp.arange(to.start.shape[0] - 1, dtype=jnp.int32)
        count = to.target.shape[0]
        return jnp.repeat(neurons, jnp.diff(to.start), total_repeat_length=count), to.target

    def find(self, pre: str, post: str, which: int = 0) -> int:
        """The place of a connection among the projections."""
        ends = [(p.pre, p.post) for p in self.projections]
        places = [i for i, both in enumerate(ends) if both == (pre, post)]
        if not 0 <= which < len(places):
            known = dict.fromkeys(f"{a} -> {b}" for a, b in ends)
            number = f" number {which}" if places else ""
            raise UnknownName("connection" + number, f"{pre} -> {post}", known)
        return places[which]

    def check(self, dt: float) -> None:
        """Refuse a time step (ms) that delays or rules cannot take."""
        for synapses in self.projections:
            if synapses.delay is not None or synapses.rules:
                synapses.check(dt)

    def __str__(self) -> str:
        lines = [f"{'population':<24}{'neurons':>12}  neuron"]
        for name, p in self.populations.items():
            inner = [p.neuron] if isinstance(p.neuron, Cell) else chain(p.neuron)
            kinds = " > ".join(type(n).__name__ for n in inner)
            lines.append(f"{name:<24}{p.n:>12,}  {kinds}")
        lines.append(f"{'connection':<24}{'synapses':>12}  memory")
        for p in self.projections:
            arrays = [x for x in jax.tree.leaves(p) if isinstance(x, jax.Array)]
            size = sum(x.nbytes for x in arrays) / 1e6
            lines.append(f"{p.pre + ' -> ' + p.post:<24}{p.synapses:>12,}  {size:.1f} MB")
        return "\n".join(lines)


def _coupled(neuron: AbstractMembrane | Cell, kinds: list) -> Coupled | CoupledCells:
    """A neuron or a cell with the kinds of synapses on it."""
    synapses, resistances, sites = zip(*kinds, strict=True) if kinds else ((), (), ())
    if isinstance(neuron, Cell):
        return CoupledCells(neuron.cable, synapses, sites)
    return Coupled(neuron=neuron, synapses=synapses, resistances=resistances)


def _sites(neuron: AbstractMembrane | Cell, at: Any) -> tuple[int, ...]:
    """The nodes of a cell on which synapses end; a point neuron has one place."""
    if isinstance(neuron, Cell):
        return sites_of(neuron, at)
    if at is not None:
        raise ArgumentError("`at` is a place on a cell: leave it out for a point neuron.")
    return (0,)


def _require_spikes(populations: dict[str, Population], connections: Any) -> None:
    """Refuse connections from what never fires, and plastic ones to it."""
    for c in connections:
        if not c.voltages and not _fires(populations, c.pre):
            raise ArgumentError(f"population {c.pre!r} never fires and cannot be presynaptic.")
        for post in c.post if c.rules else ():
            if not _fires(populations, post):
                raise ArgumentError(
                    f"population {post!r} never fires, so that the plasticity of the "
                    f"connection from {c.pre!r} has no postsynaptic spikes."
                )
            if len(_sites(populations[post].neuron, c.at)) > 1:
                raise ArgumentError(
                    f"the plastic connection from {c.pre!r} ends on several compartments of "
                    f"{post!r}: give one location, at=cell.at('soma')."
                )


def _fires(populations: dict[str, Population], name: str) -> bool:
    neuron = populations[name].neuron
    if isinstance(neuron, Cell):
        require_output(neuron, name)
        return True
    return isinstance(neuron, AbstractNeuron)


def _driven(drive: Drive, population: Population, kinds: dict[str, list]) -> int | None:
    if drive.synapse is None:
        return None
    what = f"the stimulus of the drive of {drive.population!r}"
    unit, known = drive.stimulus.unit, kinds[drive.population]
    sites = _sites(population.neuron, drive.at)
    return kind(drive.synapse, unit, what, population.neuron, sites, known)


def _require_memory(populations: dict[str, Population], plans: list) -> None:
    """Refuse more synapses than there is memory for."""
    needed = 0.0
    for connection, post, *_ in plans:
        needed += bytes_of(connection, _sides(connection.pre, post, populations))
    free = _free_memory()
    if free is not None and needed > free:
        raise ShapeError(
            f"the synapses need about {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free. "
            f"Lower the probability or the size of the populations."
        )


def _free_memory() -> float | None:
    try:
        with open("/proc/meminfo") as file:
            rows = dict(line.split(":") for line in file)
        return float(rows["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):  # not a Linux machine
        return None


def _sides(pre: str, post: str, populations: dict[str, Population]) -> Sides:
    one, two = populations[pre], populations[post]
    return Sides(one.n, two.n, pre == post, one.positions, two.positions)
