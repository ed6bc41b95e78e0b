"""Networks: populations and connections, a plain pytree."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.adaptors.base import chain
from rheobase.connectivity import AbstractConnectivity, Rows, Sides
from rheobase.connectivity.base import generator
from rheobase.errors import ArgumentError, ShapeError, StepperError, UnknownName
from rheobase.kernels.delivery import Targets
from rheobase.neurons.base import AbstractMembrane, AbstractNeuron
from rheobase.stimulus import AbstractStimulus
from rheobase.synapses import AbstractSynapse, Coupled, Delta
from rheobase.units import Quantity, UnitError, ms, mV, nA, parameters, to_internal, uS


class Population(eqx.Module):
    """`n` neurons of one kind; a parameter of shape (n,) gives each its own.

    >>> import rheobase as rb
    >>> excitatory = rb.Population(rb.LIF(), 3200)
    """

    neuron: AbstractMembrane
    n: int = eqx.field(static=True)
    positions: np.ndarray | None = None
    """(n, dimensions), um."""

    def __check_init__(self):
        if not isinstance(self.neuron, AbstractMembrane):
            raise ArgumentError(
                f"a population is made of neurons, got {self.neuron!r}. "
                f"Write rb.Population(rb.LIF(), 100)."
            )
        if isinstance(self.n, bool) or not isinstance(self.n, int | np.integer) or self.n < 1:
            raise ShapeError(f"`n` is a number of neurons, at least 1, got {self.n!r}.")


class Connection(eqx.Module):
    """Synapses from one population to one or several others.

    - `pre`, `post`: names of populations; each of several `post` gets synapses of its own.
    - `connectivity`: the rule that decides which neurons are connected.
    - `synapse`: the time course of a spike.
    - `weight`: one for all, or an array with one for each synapse (in the order of an explicit
      list), in the unit of the synapse: mV for `Delta`; nA or mV for a current (in mV it acts on
      the voltage as a current of weight/R would); uS for a conductance.
    - `delay`: a whole number of steps, one or an array. A spike happens at the end of its step;
      without delay it acts in the next step, with a delay of d as much later.
    """

    pre: str = eqx.field(static=True)
    post: tuple[str, ...] = eqx.field(static=True)
    connectivity: AbstractConnectivity
    synapse: AbstractSynapse | Delta
    weight: Quantity
    delay: Quantity | None

    def __init__(
        self,
        pre: str,
        post: str | tuple[str, ...],
        connectivity: AbstractConnectivity,
        synapse: AbstractSynapse | Delta,
        *,
        weight: Quantity,
        delay: Quantity | None = None,
    ):
        if not isinstance(connectivity, AbstractConnectivity):
            raise ArgumentError(
                f"`connectivity` is a rule such as rb.FixedProbability(0.1), got {connectivity!r}."
            )
        if not isinstance(synapse, AbstractSynapse | Delta):
            raise ArgumentError(
                f"`synapse` is one such as rb.Exponential(tau=5*ms), got {synapse!r}."
            )
        if not isinstance(weight, Quantity):
            raise UnitError(f"`weight` needs a unit, got {weight!r}. Write weight=0.1*nA.")
        self.pre = pre
        self.post = (post,) if isinstance(post, str) else tuple(post)
        self.connectivity, self.synapse = connectivity, synapse
        self.weight, self.delay = weight, delay


class Drive(eqx.Module):
    """External input of a population: a current (nA) or a delta input, as in `simulate`.

    >>> import rheobase as rb
    >>> from rheobase.units import Hz, mV
    >>> barrage = rb.Drive("e", rb.stimulus.Poisson(1000 * Hz, 0.1 * mV))
    """

    population: str = eqx.field(static=True)
    stimulus: AbstractStimulus


class Projection(eqx.Module):
    """The synapses of a connection onto one population, as they are simulated."""

    pre: str = eqx.field(static=True)
    post: str = eqx.field(static=True)
    kind: int | None = eqx.field(static=True)
    """Which of the synapses of the population they are; None for delta synapses."""
    to: Targets
    weight: Array
    """(synapses,), or (1,) for one that all share; internal units."""
    delay: Array | None
    """ms, (synapses,) or (1,); None for none."""

    @property
    def synapses(self) -> int:
        """Number of synapses."""
        return self.to.target.shape[0]


class Network(eqx.Module):
    """Populations, the connections between them and their external drives.

    Built once, from a key: the same key gives the same synapses. A pytree whose weights, delays and
    parameters are arrays, so that `jit`, `grad` and `vmap` work on it. `print(network)` shows a
    table of its neurons, synapses and memory.

    Errors: `UnknownName` for a population that does not exist, `UnitError` for a weight that does
    not fit the synapse and the neuron, `ShapeError` for arrays of the wrong length and for more
    synapses than fit into memory, all before anything is allocated.
    """

    populations: dict[str, Population]
    projections: tuple[Projection, ...]
    drives: tuple[Drive, ...]
    systems: dict[str, Coupled]
    """Each population's neuron with the synapses on it."""

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
        kinds: dict[str, list] = {name: [] for name in populations}
        plans = [
            (connection, post, _kind(connection, post, populations[post], kinds[post]))
            for connection in connections
            for post in connection.post
        ]
        _require_memory(populations, plans)
        key = jax.random.key(0) if key is None else key
        self.projections = tuple(
            _projection(*plan, populations, jax.random.fold_in(key, i))
            for i, plan in enumerate(plans)
        )
        self.systems = {
            name: Coupled(
                population.neuron,
                tuple(synapse for synapse, _ in kinds[name]),
                tuple(resistance for _, resistance in kinds[name]),
            )
            for name, population in populations.items()
        }

    def check(self, dt: float) -> None:
        """Refuse a time step (ms) that neurons or delays cannot take."""
        for system in self.systems.values():
            system.check(dt)
        for p in self.projections:
            if p.delay is not None and not isinstance(p.delay, jax.core.Tracer):
                shortest = float(jnp.min(p.delay))
                if shortest < dt * (1 - 1e-4):
                    raise StepperError(
                        f"the delay from {p.pre!r} to {p.post!r}, {shortest:g} ms, is shorter than "
                        f"a step of dt = {dt:g} ms. A spike acts in the next step at the "
                        f"earliest: leave `delay` out, or write delay={dt:g}*ms or more."
                    )

    def __str__(self) -> str:
        lines = [f"{'population':<24}{'neurons':>12}  neuron"]
        for name, p in self.populations.items():
            kinds = " > ".join(type(n).__name__ for n in chain(p.neuron))
            lines.append(f"{name:<24}{p.n:>12,}  {kinds}")
        lines.append(f"{'connection':<24}{'synapses':>12}  memory")
        for p in self.projections:
            arrays = [x for x in jax.tree.leaves(p) if isinstance(x, jax.Array)]
            size = sum(x.nbytes for x in arrays) / 1e6
            lines.append(f"{p.pre + ' -> ' + p.post:<24}{p.synapses:>12,}  {size:.1f} MB")
        return "\n".join(lines)


def _kind(connection: Connection, post: str, population: Population, kinds: list) -> int | None:
    """Which synapse of the population this is; linear synapses of equal constants share one."""
    synapse, unit = connection.synapse, connection.weight.unit
    where = f"the connection from {connection.pre!r} to {post!r}"
    if isinstance(synapse, Delta):
        _require_unit(connection, mV, where, "a delta synapse adds to the voltage")
        return None
    if synapse.reversal is not None:
        _require_unit(connection, uS, where, "a synapse with a reversal potential is a conductance")
        resistance = None
    elif unit.same_dimension(mV):
        resistance = _resistance(population.neuron, where)
    else:
        _require_unit(connection, nA, where, "a synapse without a reversal potential is a current")
        resistance = None
    for i, (other, same) in enumerate(kinds):
        if (same is None) == (resistance is None) and _equal(other, synapse):
            return i
    kinds.append((synapse, resistance))
    return len(kinds) - 1


def _equal(one: AbstractSynapse, two: AbstractSynapse) -> bool:
    if any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves((one, two))):
        return False
    return bool(eqx.tree_equal(one, two))


def _require_unit(connection: Connection, unit, where: str, why: str) -> None:
    if not connection.weight.unit.same_dimension(unit):
        alternative = ", or in mV as a voltage" if unit is nA else ""
        raise UnitError(
            f"`weight` of {where} is in {connection.weight.unit}, but {why}, measured in {unit}"
            f"{alternative}. Write weight=...*{unit}."
        )


def _resistance(neuron: AbstractMembrane, where: str) -> Array:
    """R of the neuron, by which a voltage is a current."""
    for inner in chain(neuron):
        if "R" in parameters(inner):
            return inner.R  # pyright: ignore[reportAttributeAccessIssue]
    raise UnitError(
        f"`weight` of {where} is in mV, but {type(neuron).__name__} has no resistance R to make a "
        f"current of it. Write weight=...*nA."
    )


def _require_memory(populations: dict[str, Population], plans: list) -> None:
    """Refuse more synapses than there is memory for."""
    needed = 0.0
    for connection, post, _ in plans:
        sides = _sides(connection.pre, post, populations)
        bytes_each = 4 + 4 * (connection.weight.ndim > 0)
        if connection.delay is not None and connection.delay.ndim > 0:
            bytes_each += 4
        needed += connection.connectivity.expected(sides) * bytes_each
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


def _projection(
    connection: Connection,
    post: str,
    kind: int | None,
    populations: dict[str, Population],
    key: Array,
) -> Projection:
    pre = connection.pre
    if not isinstance(populations[pre].neuron, AbstractNeuron):
        raise ArgumentError(f"population {pre!r} never fires and cannot be presynaptic.")
    rows = connection.connectivity.build(_sides(pre, post, populations), generator(key))
    unit = connection.weight.unit
    delay = connection.delay
    widest = int(np.max(np.diff(rows.start), initial=1))
    return Projection(
        pre,
        post,
        kind,
        Targets(jnp.asarray(rows.start), jnp.asarray(rows.target), rows.n_post, widest),
        _each(to_internal(connection.weight, unit, "weight", "weight={}"), rows, "weight"),
        None
        if delay is None
        else _each(to_internal(delay, ms, "delay", "Connection(..., delay={})"), rows, "delay"),
    )


def _each(values: Array, rows: Rows, name: str) -> Array:
    """One value for all synapses as (1,), or one for each as they are stored."""
    if values.ndim == 0:
        values = values[None]
    elif values.shape != (rows.synapses,):
        raise ShapeError(
            f"`{name}` has shape {values.shape}, but the connection has {rows.synapses} synapses: "
            f"give one number, or an array of shape ({rows.synapses},)."
        )
    elif rows.order is not None:
        values = values[rows.order]
    if not isinstance(values, jax.core.Tracer) and not bool(jnp.all(jnp.isfinite(values))):
        k = int(jnp.argmin(jnp.isfinite(values)))
        raise ShapeError(f"`{name}` of synapse {k} is {values[k]}. Replace the NaN or inf.")
    return values
