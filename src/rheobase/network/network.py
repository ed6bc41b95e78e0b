"""Networks: populations and connections, a plain pytree."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.adaptors.base import chain, kinds_of
from rheobase.arguments import require_parameters, require_positive, require_width, whole
from rheobase.cable import Cell
from rheobase.cable.cell import kinds_of as cable_kinds
from rheobase.connectivity import Sides
from rheobase.connectivity.base import generator
from rheobase.errors import ArgumentError, ShapeError, UnknownName, brief
from rheobase.morphology import Location
from rheobase.network.cells import CoupledCells, require_output, sites_of
from rheobase.network.connection import (
    bytes_of,
    jump_unit,
    kind,
    measured_in,
    projection,
    require_synapse,
)
from rheobase.network.projection import Projection
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane, AbstractNeuron
from rheobase.origin import Origin
from rheobase.steppers import AbstractImplicit, AbstractStepper
from rheobase.stimulus import AbstractStimulus, Constant
from rheobase.synapses import AbstractSynapse, Coupled, Delta
from rheobase.units import Quantity, Unit, UnitError, nA, to_internal, um


def _positions(value: Any) -> Array | None:
    if value is None:
        return None
    return to_internal(value, um, "positions", "rb.Population(neuron, n, positions={})")


def _require_positions(positions: Array, n: int) -> None:
    if positions.ndim != 2 or positions.shape[0] != n:
        raise ShapeError(
            f"`positions` has shape {positions.shape}, but {n} neurons need ({n}, dimensions). "
            f"Write positions=[[0, 0], [10, 0], ...]*um."
        )
    if not isinstance(positions, Tracer) and not np.all(np.isfinite(positions)):
        k = int(np.argmin(np.isfinite(positions).all(axis=1)))
        raise ShapeError(
            f"`positions` of neuron {k} is {np.asarray(positions[k]).tolist()}. Replace the NaN "
            "or inf."
        )


def _size(value: Any) -> int:
    return whole(value, "n", "rb.Population(neuron, 100)")


class Population(eqx.Module):
    """`n` neurons of one kind; a parameter of shape (n,) gives each its own.

    >>> import rheobase as rb
    >>> excitatory = rb.Population(rb.LIF(), 3200)
    >>> from rheobase.units import um
    >>> in_a_row = rb.Population(rb.LIF(), 3, positions=[[0], [10], [20]] * um)
    """

    neuron: AbstractMembrane | Cell
    n: int = eqx.field(static=True, converter=_size)
    positions: Array | None = eqx.field(default=None, converter=_positions)
    """(n, dimensions), um; for rules of connectivity that go by distance."""

    def __check_init__(self):
        if not isinstance(self.neuron, AbstractMembrane | Cell):
            raise ArgumentError(
                f"a population is made of neurons, got {brief(self.neuron)}. "
                f"Write rb.Population(rb.LIF(), 100)."
            )
        if isinstance(self.neuron, AbstractMembrane):
            if "v" not in variables.units(jax.eval_shape(self.neuron.init)):
                raise ArgumentError(
                    f"{type(self.neuron).__name__} has no voltage `v` on which synapses could act, "
                    "so that it cannot be in a Network. Neurons of DYNAP-SE2 make up networks of "
                    "their own: write rheobase.devices.dynapse2.Network(...)."
                )
            require_parameters(self.neuron, (self.n,), "the population")
        if self.positions is not None:
            _require_positions(self.positions, self.n)


def _stimulus(value: Any) -> Any:
    """A stimulus; a quantity stands for a constant one."""
    return Constant(value) if isinstance(value, Quantity) else value


class Drive(eqx.Module):
    """External input of a population: a current (nA) or a delta input, as in `simulate`.

    - `stimulus`: in the unit of the current that the neurons receive (nA), or in that of the
      variable to which delta inputs add (mV, or nA for `CubaLIF`, then with `rb.Delta()`). A
      quantity stands for a constant current: one for all neurons, or one for each.
    - `synapse`: through which it acts, so that its value in a step is the weight that arrives;
      `rb.Delta()` adds it to the neuron at once.
    - `at`: on which compartment of a cell it acts, by default the root.

    Errors: `UnitError` for a unit in which the neurons take no input, `ShapeError` for values that
    do not fit the population, both where the network is built.

    >>> import rheobase as rb
    >>> from rheobase.units import Hz, mV, ms, nA
    >>> barrage = rb.Drive("e", rb.stimulus.Poisson(1000 * Hz, 0.1 * mV))
    >>> slow = rb.Drive("e", rb.stimulus.Poisson(1000 * Hz, 0.1 * nA), rb.Exponential(2 * ms))
    >>> steady = rb.Drive("e", 0.5 * nA)
    """

    population: str = eqx.field(static=True)
    stimulus: AbstractStimulus = eqx.field(converter=_stimulus)
    synapse: AbstractSynapse | Delta | None = None
    at: Location | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        if not isinstance(self.stimulus, AbstractStimulus):
            raise ArgumentError(
                "`stimulus` is one such as rb.stimulus.Constant(1*nA), got "
                f"{brief(self.stimulus)}. "
                f"Write rb.Drive({brief(self.population)}, 1*nA)."
            )
        if not isinstance(self.synapse, AbstractSynapse | Delta | None):
            raise ArgumentError(
                f"`synapse` is one such as rb.Exponential(tau=5*ms), got {brief(self.synapse)}."
            )
        _require_conductance(self)

    @property
    def name(self) -> str:
        """What it is called in an error."""
        return f"the stimulus of the drive of {self.population!r}"

    def is_current(self, receives: Unit) -> bool:
        """Whether it is a current of a neuron that receives this unit, and no delta input."""
        return self.synapse is None and self.stimulus.unit.same_dimension(receives)


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
                require_synapse(c, post, populations[c.pre].n, _wide(populations[post], sites))
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

        They go by presynaptic neuron, then by postsynaptic neuron; plastic synapses with a delay
        each go by their delay in between.

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

    def origin(self, stepper: AbstractStepper, rule: AbstractImplicit, dt: float) -> Origin:
        """What the state at the end of a run knows of it."""
        cells = [isinstance(p.neuron, Cell) for p in self.populations.values()]
        used = [stepper] * (not all(cells)) + [rule] * any(cells)
        parts = [
            (f"population {name!r}", f"{p.n} of {_kinds(p.neuron, self.systems[name].synapses)}")
            for name, p in self.populations.items()
        ]
        parts += [(f"connection {i} from {p.pre!r} to {p.post!r}", p.kinds)
                  for i, p in enumerate(self.projections)]  # fmt: skip
        synapses = tuple(p.connected for p in self.projections)
        return Origin(dt, ", ".join(type(s).__name__ for s in used), tuple(parts), synapses)

    def check(self, dt: float) -> None:
        """Refuse a time step (ms) that delays, rules or drives cannot take.

        Drives are looked at again: `equinox.tree_at` may have put others there.
        """
        for drive in self.drives:
            population = self.populations[drive.population]
            _check_drive(drive, population.neuron, population.n)
            drive.stimulus.check(dt)
        for synapses in self.projections:
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


def _kinds(neuron: AbstractMembrane | Cell, synapses: tuple[AbstractSynapse, ...]) -> str:
    """A neuron or a cell with the synapses on it, by the names of their classes."""
    own = cable_kinds(neuron.cable) if isinstance(neuron, Cell) else kinds_of(neuron)
    return " with ".join([own, *(type(s).__name__ for s in synapses)])


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


def _require_conductance(drive: Drive) -> None:
    """Refuse a drive that would make a conductance negative."""
    if not isinstance(drive.synapse, AbstractSynapse) or not drive.synapse.conducts:
        return
    extent = drive.stimulus.extent()
    if extent is not None:
        require_positive(extent[0], f"the lowest value of {drive.name}", drive.stimulus.unit)


def _check_drive(drive: Drive, neuron: AbstractMembrane | Cell, n: int) -> None:
    """Refuse a drive that does not fit the population: its width, and its unit without a synapse.

    That of a drive through a synapse is checked where the synapse gets its place.
    """
    _require_conductance(drive)
    require_width(drive.name, drive.stimulus.shape, (n,), f"population {drive.population!r}")
    if drive.synapse is not None:
        return
    unit = drive.stimulus.unit
    if isinstance(neuron, Cell):
        if not unit.same_dimension(nA):
            raise UnitError(
                f"{drive.name} is {measured_in(unit)}, but a cell receives a current, measured in "
                "nA. Write ...*nA, or give a synapse with a time course for spikes that arrive."
            )
        return
    receives, jump = neuron.receives, jump_unit(neuron)
    if unit.same_dimension(receives) or unit.same_dimension(jump):
        return
    raise UnitError(
        f"{drive.name} is {measured_in(unit)}, but {type(neuron).__name__} receives a current, "
        f"measured in {receives}, or a delta input to {neuron.target!r}, measured in {jump}. Write "
        f"...*{receives}."
    )


def _driven(drive: Drive, population: Population, kinds: dict[str, list]) -> int | None:
    _check_drive(drive, population.neuron, population.n)
    if drive.synapse is None:
        return None
    unit, known = drive.stimulus.unit, kinds[drive.population]
    sites = _sites(population.neuron, drive.at)
    if isinstance(drive.synapse, AbstractSynapse):
        whose = f"population {drive.population!r}"
        require_parameters(drive.synapse, _wide(population, sites), whose)
    return kind(drive.synapse, unit, drive.name, population.neuron, sites, known)


def _wide(population: Population, sites: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the states of the synapses on a population."""
    n = population.n
    return (n, len(sites)) if isinstance(population.neuron, Cell) else (n,)


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
