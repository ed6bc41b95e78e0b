"""Networks: populations and connections, a plain pytree."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase import printed
from rheobase.arguments import require_parameters, require_positions
from rheobase.cable.members import Member, Receiver, require_receiver
from rheobase.connectivity import AbstractDistribution
from rheobase.connectivity.base import generator_for
from rheobase.errors import ArgumentError, ShapeError, UnknownName, brief
from rheobase.given import require_random_key, whole
from rheobase.morphology import Location
from rheobase.network.checks import (
    arriving,
    check_drive,
    driven,
    require_conductance,
    require_memory,
    require_spikes,
    sides_of,
)
from rheobase.network.connection import (
    Connection,
    kind,
    projection,
    require_synapse,
)
from rheobase.network.source import SpikeSource
from rheobase.network.steps import Steps
from rheobase.neurons.base import AbstractMembrane
from rheobase.origin import Origin
from rheobase.provenance import versions
from rheobase.steppers import AbstractImplicit, AbstractStepper
from rheobase.stimulus import AbstractStimulus, Constant
from rheobase.stimulus.base import distributions, drawn
from rheobase.synapses import AbstractSynapse, Coupled, Delta
from rheobase.synapses.coupled import coupled
from rheobase.systems.projection import Projection
from rheobase.systems.source import AbstractSource
from rheobase.units import Quantity, Unit, to_internal, um


def _positions(value: Any) -> Array | None:
    if value is None:
        return None
    return to_internal(value, um, "positions", "rb.Population(neuron, n, positions={})")


def _size(value: Any) -> int:
    return whole(value, "n", "rb.Population(neuron, 100)")


class Population(eqx.Module):
    """`n` neurons of one kind; a parameter of shape (n,) gives each its own.

    >>> import rheobase as rb
    >>> excitatory = rb.Population(rb.LIF(), 3200)
    >>> from rheobase.units import um
    >>> in_a_row = rb.Population(rb.LIF(), 3, positions=[[0], [10], [20]] * um)
    """

    neuron: Member
    n: int = eqx.field(static=True, converter=_size)
    positions: Array | None = eqx.field(default=None, converter=_positions)
    """(n, dimensions), um; for rules of connectivity that go by distance."""

    def __check_init__(self):
        if not isinstance(self.neuron, AbstractSource):
            require_receiver(self.neuron, "a population takes", "rb.Population({}, 100)")
        if isinstance(self.neuron, AbstractMembrane):
            if not self.neuron.gated and "v" not in self.neuron.units:
                raise ArgumentError(
                    f"{type(self.neuron).__name__} has no voltage `v` on which synapses could act, "
                    "so that it cannot be in a Network."
                )
            require_parameters(self.neuron, (self.n,), "the population")
        if isinstance(self.neuron, AbstractSource) and self.neuron.n != self.n:
            raise ShapeError(
                f"the SpikeSource has {self.neuron.n} neurons, got n = {self.n}. Put it among the "
                'populations as it is: {"in": rb.SpikeSource(...)}.'
            )
        if self.positions is not None:
            require_positions(self.positions, self.n)

    def __repr__(self) -> str:
        return printed.shortly(self)

    @property
    def receiving(self) -> Receiver:
        """Its neurons, as something that receives input."""
        if isinstance(self.neuron, AbstractSource):
            raise ArgumentError("a SpikeSource fires at given times and receives nothing.")
        return self.neuron


def _stimulus(value: Any) -> Any:
    """A stimulus; a quantity or a distribution stands for a constant one."""
    given: Any = value
    return Constant(given) if isinstance(value, Quantity | AbstractDistribution) else value


class Drive(eqx.Module):
    """External input of a population: a current (nA) or a delta input, as in `simulate`.

    - `stimulus`: in the unit of the current that the neurons receive (nA), or in that of the
      variable to which delta inputs add (mV, or nA for `CubaLIF`, then with `rb.Delta()`). A
      quantity stands for a constant current: one for all neurons, or one for each. Where the
      value of a stimulus may be one for each neuron, a distribution such as `rb.Normal` draws
      them, from the key of the network.
    - `synapse`: through which it acts: its values are weights that arrive; `rb.Delta()` adds them
      to the neuron at once. What arrives is made of events (`Poisson`, `Pulses`, each value of
      `FromArray` once); what is held is written as a rate, in mV/ms, nA/ms or uS/ms.
    - `at`: on which compartment of a cell it acts, by default the root.

    Errors: `UnitError` for a unit in which the neurons take no input, `ShapeError` for values that
    do not fit the population, both where the network is built.

    >>> import rheobase as rb
    >>> from rheobase.units import Hz, mV, ms, nA
    >>> barrage = rb.Drive("e", rb.stimulus.Poisson(1000 * Hz, 0.1 * mV))
    >>> slow = rb.Drive("e", rb.stimulus.Poisson(1000 * Hz, 0.1 * nA), rb.Exponential(2 * ms))
    >>> steady = rb.Drive("e", 0.5 * nA)
    >>> uneven = rb.Drive("e", rb.Normal(0.5 * nA, 0.1 * nA))
    """

    population: str = eqx.field(static=True)
    stimulus: AbstractStimulus = eqx.field(converter=_stimulus)
    synapse: AbstractSynapse | Delta | None = None
    at: Location | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        if not isinstance(self.population, str):
            raise ArgumentError(
                f"`population` is the name of one, got {brief(self.population)}. Write a drive for "
                "each: [rb.Drive(name, 1*nA) for name in ('e', 'i')]."
            )
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
        require_conductance(self)

    def __repr__(self) -> str:
        return printed.shortly(self)

    @property
    def name(self) -> str:
        """Name it for an error."""
        return f"the stimulus of the drive of {self.population!r}"

    def is_current(self, receives: Unit) -> bool:
        """Tell whether it is a current of a neuron that receives this unit, no delta input."""
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
    """Each population's neuron with the synapses on it, `Coupled` or `CoupledCells`; a source."""
    driven: tuple[int | None, ...] = eqx.field(static=True)
    """Which of these synapses each drive acts through; None for none."""

    def __init__(
        self,
        populations: dict[str, Population | SpikeSource],
        connections: Connection | Sequence[Connection] = (),
        drives: Drive | Sequence[Drive] = (),
        *,
        key: Array | None = None,
    ):
        self.populations = own = _named(populations)
        connections = _listed(connections, Connection, "connections")
        self.drives = _listed(drives, Drive, "drives")
        key = None if key is None else require_random_key(key, "rb.Network(..., key={})")
        names = [c.pre for c in connections] + [d.population for d in self.drives]
        for name in names + [post for c in connections for post in c.post]:
            if name not in populations:
                raise UnknownName("population", name, own)
        require_spikes(own, connections, self.drives)
        self.drives = tuple(
            _drawn(d, own[d.population].n, key, i) for i, d in enumerate(self.drives)
        )
        kinds: dict[str, list] = {name: [] for name in populations}
        plans = []
        for c in connections:
            for post in c.post:
                what = f"`weight` of the connection from {c.pre!r} to {post!r}"
                neuron, unit = own[post].receiving, c.weight.unit
                sites = neuron.sites(c.at)
                of = kind(c.synapse, unit, what, neuron, sites, kinds[post])
                require_synapse(c, post, own[c.pre].n, neuron.synapse_shape(own[post].n, sites))
                plans.append((c, post, of, len(sites)))
        self.driven = tuple(driven(d, own[d.population], kinds) for d in self.drives)
        require_memory(own, plans)
        self.projections = tuple(
            projection(
                c,
                post,
                of,
                many,
                own[c.pre].neuron.sites(c.source)[0],
                sides_of(c.pre, post, own),
                generator_for(f"the connection from {c.pre!r} to {post!r}", key, i),
            )
            for i, (c, post, of, many) in enumerate(plans)
        )
        self.systems = {
            name: coupled(population.neuron, kinds[name]) for name, population in own.items()
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

    def origin(self, stepper: AbstractStepper, rule: AbstractImplicit, steps: Steps) -> Origin:
        """Describe it for the state at the end of a run."""
        implicit = [p.neuron.implicit for p in self.populations.values()]
        used: list[Any] = [stepper] * (not all(implicit)) + [rule] * any(implicit)
        points = (s for s in self.systems.values() if isinstance(s, Coupled))
        used += [s.own_stepper for s in points if s.own_stepper is not None]
        parts = [
            (f"population {name!r}", " with ".join([f"{p.n} of {p.neuron.kinds}", *on]))
            for name, p in self.populations.items()
            for on in [(type(one).__name__ for one in self.systems[name].synapses)]
        ]
        parts += [(f"connection {i} from {p.pre!r} to {p.post!r}", p.kinds)
                  for i, p in enumerate(self.projections)]  # fmt: skip
        synapses = tuple(p.connected for p in self.projections)
        names = ", ".join(type(s).__name__ for s in used)
        parts = [(f"the step of population {n!r}", f"1/{k}") for n, k in steps.parts] + parts
        return Origin(steps.dt, names, tuple(parts), synapses, versions())

    def at(self, steps: Steps) -> "Network":
        """The network as the loops run it in these steps: the spikes of sources by step."""
        found = {
            name: system.at(steps.each(name))
            for name, system in self.systems.items()
            if isinstance(system, AbstractSource)
        }
        if not found:
            return self
        populations = {
            name: eqx.tree_at(lambda p: p.neuron, p, found[name]) if name in found else p
            for name, p in self.populations.items()
        }
        whole = populations, {**self.systems, **found}
        return eqx.tree_at(lambda net: (net.populations, net.systems), self, whole)

    def check(self, steps: Steps) -> None:
        """Refuse steps that delays, rules or drives cannot take.

        Drives are looked at again: `equinox.tree_at` may have put others there.
        """
        for drive in self.drives:
            population = self.populations[drive.population]
            drive = arriving(drive, population.receiving)
            check_drive(drive, population.receiving, population.n)
            drive.stimulus.check(steps.each(drive.population))
        for name, system in self.systems.items():
            if isinstance(system, Coupled):
                whose = f"population {name!r}"
                require_parameters(system.neuron, (self.populations[name].n,), whose)
        for synapses in self.projections:
            synapses.check(steps.each(synapses.post))

    def ready(self, steps: Steps) -> "Network":
        """The same with drives for these steps, with what can be computed before a run.

        What adds to a synapse or a variable arrives once, or is what a rate brings in a step.
        """
        drives = tuple(
            replace(d, stimulus=arriving(d, self.populations[d.population].receiving).stimulus)
            for d in self.drives
        )
        drives = tuple(
            replace(d, stimulus=d.stimulus.ready(steps.each(d.population))) for d in drives
        )
        return eqx.tree_at(lambda n: n.drives, self, drives) if drives else self

    def renewed(self) -> "Network":
        """The same with the neurons of its populations, which may have been replaced, in its loops.

        `equinox.tree_at(lambda net: net.populations["e"].neuron.tau, net, tau)` alone changes what
        is shown; a fit and this method make it what runs.
        """
        systems = {
            name: self.systems[name].made_of(population.neuron)
            for name, population in self.populations.items()
        }
        return eqx.tree_at(lambda net: net.systems, self, systems)

    def is_source(self, name: str) -> bool:
        """Whether a population is a list of spikes, which receives nothing."""
        return isinstance(self.populations[name].neuron, AbstractSource)

    def with_drive(self, drive: Drive) -> "Network":
        """The same with one more drive, a current or a delta input."""
        whole = copy.copy(self)  # the constructor would draw the synapses anew
        object.__setattr__(whole, "drives", (*self.drives, drive))
        object.__setattr__(whole, "driven", (*self.driven, None))
        return whole

    def with_source(self, name: str, source: AbstractSource) -> "Network":
        """The same with other spikes in the place of those of a source."""
        population = eqx.tree_at(lambda p: p.neuron, self.populations[name], source)
        return eqx.tree_at(
            lambda net: (net.populations, net.systems),
            self,
            ({**self.populations, name: population}, {**self.systems, name: source}),
        )

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        rows = []
        for name, p in self.populations.items():
            rows.append(f"{name:<24}{p.n:>12,}  {p.neuron.title}")
        half = printed.MOST // 2 - 1
        lines = [f"{'population':<24}{'neurons':>12}  neuron", *printed.shortened(rows, half)]
        lines.append(f"{'connection':<24}{'synapses':>12}  memory")
        rows = []
        for p in self.projections:
            arrays = [x for x in jax.tree.leaves(p) if isinstance(x, jax.Array)]
            size = sum(x.nbytes for x in arrays) / 1e6
            rows.append(f"{p.pre + ' -> ' + p.post:<24}{p.synapses:>12,}  {size:.1f} MB")
        return "\n".join([*lines, *printed.shortened(rows, half)])


def _named(populations: Any) -> dict[str, Population]:
    """Populations by name, sources among them."""
    if not isinstance(populations, dict) or not populations:
        raise ArgumentError(
            f"`populations` go by name, got {brief(populations)}. Write "
            'rb.Network({"e": rb.Population(rb.LIF(), 100)}, ...).'
        )
    found = {}
    for name, given in populations.items():
        one = _of_source(given) if isinstance(given, SpikeSource) else given
        if not isinstance(name, str) or not isinstance(one, Population):
            raise ArgumentError(
                f"`populations` are made of rb.Population by name, got {brief(given)} for "
                f'{brief(name)}. Write rb.Network({{"e": rb.Population(rb.LIF(), 100)}}, ...).'
            )
        found[name] = one
    return found


def _of_source(source: SpikeSource) -> Population:
    where = None if source.positions is None else Quantity(source.positions, um)
    return Population(source, source.n, where)


def _drawn(drive: Drive, n: int, key: Array | None, number: int) -> Drive:
    """A drive with a value of its own for each neuron, where it has a distribution."""
    if not distributions(drive.stimulus):
        return drive
    random = generator_for(f"the drive of {drive.population!r}", key, number, 1)
    return eqx.tree_at(lambda d: d.stimulus, drive, drawn(drive.stimulus, n, random))


def _listed(given: Any, kind: type, argument: str) -> tuple:
    """Connections or drives, several or one."""
    found = (given,) if isinstance(given, kind) else given
    if isinstance(found, list | tuple) and all(isinstance(one, kind) for one in found):
        return tuple(found)
    wrong = found
    if isinstance(found, list | tuple):
        wrong = next(one for one in found if not isinstance(one, kind))
    example = "rb.Connection('e', 'i', ...)" if kind is Connection else "rb.Drive('e', 1*nA)"
    raise ArgumentError(
        f"`{argument}` is a list of {kind.__name__}s, got {brief(wrong)}. Write "
        f"{argument}=[{example}]."
    )
