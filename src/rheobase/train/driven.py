"""A network as a model: inputs go into one population, and another is read."""

import copy
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jax import Array

from rheobase.errors import ArgumentError, ShapeError, UnknownName, brief
from rheobase.given import require_flag, require_random_key
from rheobase.network import Drive, Network
from rheobase.network.circuit import Setting
from rheobase.network.delays import Delays
from rheobase.network.simulate import Begun, require_steps, simulate
from rheobase.network.steps import Steps
from rheobase.neurons.base import AbstractMembrane
from rheobase.record import Record
from rheobase.run.run import Way
from rheobase.simulate import require_possible, rule_for, stepper_for
from rheobase.steppers import AbstractImplicit, AbstractStepper
from rheobase.stimulus import FromArray
from rheobase.systems.point import mixed, shared_out
from rheobase.systems.source import RasterSource
from rheobase.time import Clock
from rheobase.train.arguments import positive_number
from rheobase.train.domains import Where
from rheobase.train.readouts import Readout
from rheobase.units import Quantity, ms


class How(NamedTuple):
    """Options of a run of a network whose derivative is wanted."""

    mix: float | None = None
    """None for spikes at the ends of their steps; else they are located in them, and keep this part
    of their surrogate derivative."""
    cut: bool = False
    """True where derivatives end at spikes that populations of a cycle send each other."""
    checkpoint: bool | int = False
    truncate: int | None = None


class Driven(eqx.Module):
    """A network that is called like a stack of layers: `model(x, key)`.

    `rb.fit(network, data, dt=..., into=..., out=...)` makes one; by hand it serves `rb.evaluate`,
    `rb.gradients.value_and_grad` and losses of your own.

    - `network`: sparse, delayed, plastic or not, with cells, chip neurons and drives.
    - `dt`: the time step, one row of the input each.
    - `into`: the population that receives x (time, batch, n). A `SpikeSource` sends x as
      numbers of spikes; its own are left out. Neurons receive x as a current, in the unit that
      they receive.
    - `out`: what comes out, (time, batch, n): the name of a population stands for its spikes, or
      its voltage where it never fires; `rb.readouts.count("e")` or `voltage("e")` say which.
    - `stepper`, `rule`: of neurons and of cells.
    - `coarse`: as in `simulate`, take a step that is refused otherwise.

    Each sample runs from rest. The parameters of neurons are those of `network.populations`.

    Errors: `UnknownName`, `ArgumentError`, `ShapeError`, `StepperError`.

    >>> import jax, jax.numpy as jnp, rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> net = rb.Network(
    ...     {"in": rb.SpikeSource([] * ms, [], n=8), "e": rb.Population(rb.LIF(), 3)},
    ...     [rb.Connection("in", "e", rb.Dense(), rb.Exponential(tau=5 * ms), weight=2 * nA)],
    ... )
    >>> model = rb.train.Driven(net, dt=1 * ms, into="in", out="e")
    >>> model(jnp.ones((20, 4, 8))).shape
    (20, 4, 3)
    """

    network: Network
    stepper: AbstractStepper
    rule: AbstractImplicit
    dt: float = eqx.field(static=True)
    into: str = eqx.field(static=True)
    out: Readout = eqx.field(static=True)
    delays: Delays = eqx.field(static=True)
    """Of its connections, which do not train."""
    how: How | None = eqx.field(static=True)
    """None for the usual way."""

    def __init__(
        self,
        network: Network,
        *,
        dt: Quantity,
        into: str,
        out: str | Readout,
        stepper: AbstractStepper | None = None,
        rule: AbstractImplicit | None = None,
        coarse: bool = False,
    ):
        if not isinstance(network, Network):
            raise ArgumentError(f"`network` is an rb.Network, got {brief(network)}.")
        self.network = network
        self.dt = positive_number(dt, ms, "dt", "rb.fit(network, ..., dt={})")
        if not isinstance(out, str | Readout):
            raise ArgumentError(
                f"`out` is the name of a population or a readout, got {brief(out)}. Write out="
                f'rb.readouts.count("{next(iter(network.populations))}").'
            )
        self.out = out if isinstance(out, Readout) else Readout(out)
        self.into = into
        for name, argument in ((into, "into"), (self.out.population, "out")):
            if name not in network.populations:
                raise UnknownName(f"population (in `{argument}`)", name, network.populations)
        course = _course(network.populations[self.out.population].neuron)
        if self.out.of is None:
            self.out = self.out.reading(course)
        elif self.out.of == "spikes" != course:
            name = self.out.population
            raise ArgumentError(
                f"`out` reads the spikes of population {name!r}, which never fires. Write out="
                f'rb.readouts.voltage("{name}"), or take neurons with a threshold.'
            )
        self.delays = Delays.of(network)
        self.stepper, self.rule = stepper_for(stepper, network), rule_for(rule)
        require_flag(coarse, "coarse", "rb.train.Driven(..., coarse=True)")
        lengths = Steps(self.dt)
        if not coarse:
            require_possible(network, lengths)
        require_steps(network, Setting(self.stepper, self.rule, lengths))
        self.how = None

    def __repr__(self) -> str:
        network = self.network
        sizes = f"{len(network.populations)} populations, {len(network.projections)} connections"
        ends = f"from {self.into!r} to the {self.out.of} of {self.out.population!r}"
        return f"Driven: {sizes}, {ends}, in steps of {self.dt:g} ms"

    def __call__(self, x: Array, key: Array | None = None) -> Array:
        n = self.network.populations[self.into].n
        if not isinstance(x, jax.Array | np.ndarray) or x.ndim != 3 or x.shape[-1] != n:
            raise ShapeError(
                f"inputs are an array (time, batch, {n}), since {self.into!r} has {n} neurons, got "
                f"{brief(x)}."
            )
        key = None if key is None else require_random_key(key, "model(x, key={})")
        network = self.delays.known(self.network).renewed()

        def one(x: Array, key: Array | None) -> Array:
            return self._run(network, x, key)

        keys = None if key is None else jax.random.split(key, x.shape[1])
        return jax.vmap(one, in_axes=(1, None if keys is None else 0), out_axes=1)(x, keys)

    def _run(self, network: Network, x: Array, key: Array | None) -> Array:
        """One sample, (time, n)."""
        name, of = self.out.population, self.out.of
        record = Record((), spikes="raster") if of == "spikes" else Record((of,), spikes=None)
        how, begun = self.how or How(), Begun(None, None, key)
        setting = Setting(self.stepper, self.rule, Steps(self.dt), how.mix, how.cut)
        given = _given(network, self.into, x)
        way = Way.of(1, how.checkpoint, len(x))._replace(truncate=how.truncate)
        run = simulate(given, setting, len(x), {name: record}, None, begun, way)[name]
        if of != "spikes":
            values = run[str(of)]
            # Of cells it is that of one place.
            return values[..., 0] if values.ndim == 3 else values
        if how.mix is None or run.fractions is None:
            return run.spikes
        return shared_out(mixed(run.spikes, how.mix), run.fractions)

    def check_substep(self) -> None:
        """Refuse neurons whose spikes could be located in steps, but not in these."""
        for population in self.network.populations.values():
            neuron = population.neuron
            if isinstance(neuron, AbstractMembrane) and neuron.continuous:
                neuron.check_substep(self.dt)

    def going(self, how: How) -> "Driven":
        """Return the same model with other options."""
        other = copy.copy(self)
        object.__setattr__(other, "how", how)
        return other


def _course(neuron: Any) -> str:
    """What comes out of a population where nothing is said."""
    return "spikes" if neuron.outputs == 1 else "v"


def _given(network: Network, into: str, x: Array) -> Network:
    """The network that receives one sample, (time, n)."""
    if network.is_source(into):
        return network.with_source(into, RasterSource(x.shape[1], x, Clock.of(0)))
    return network.with_drive(Drive(into, FromArray(Quantity(x, network.systems[into].receives))))


def trainable_of(where: Where | None) -> Where:
    """What of a network trains, seen from the model around it: by default all weights."""

    def chosen(model: Driven) -> Any:
        net = model.network
        if where is None:
            return [p.weight for p in net.projections]
        functions = (where,) if callable(where) else tuple(where)
        found = [function(net) for function in functions]
        inner = {id(x) for x in jax.tree.leaves(net.systems)}
        if any(id(x) in inner for x in jax.tree.leaves(found)):
            raise ArgumentError(
                "`trainable` picks a part of `network.systems`, which is made anew from the "
                "populations. Write trainable=lambda net: net.populations['e'].neuron."
            )
        return found

    return chosen


def as_driven(model: Any, dt: Any, into: Any, out: Any) -> Driven:
    """The arguments of `fit` that a network needs, as a model."""
    if not isinstance(model, Network):
        raise ArgumentError(
            f"`dt`, `into` and `out` are for an rb.Network, got {brief(model)}, which has its own."
        )
    if dt is None or into is None or out is None:
        first = next(iter(model.populations))
        raise ArgumentError(
            f"a network is fitted with the step, the population that gets the inputs and what is "
            f'read. Write rb.fit(net, data, dt=0.5*ms, into="{first}", '
            f'out=rb.readouts.count("{first}")).'
        )
    return Driven(model, dt=dt, into=into, out=out)
