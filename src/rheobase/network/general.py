"""The time loop of any network, in JAX: arrivals, a step of every population, its spikes sent."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.cable import Cell
from rheobase.cable.arguments import Clamps, Probes
from rheobase.compilation import Compiled
from rheobase.inputs import Input
from rheobase.kernels.once import once
from rheobase.loop import scan
from rheobase.network import clamps, readable
from rheobase.network.arguments import units_of
from rheobase.network.call import dtype_of
from rheobase.network.cells import CoupledCells, sites_of
from rheobase.network.inputs import drives, summed
from rheobase.network.network import Network
from rheobase.network.recording import NetworkRecording
from rheobase.network.source import AbstractStepSource
from rheobase.network.state import NetworkState, seen_voltage
from rheobase.record import Record, Recording, RunState
from rheobase.step import step
from rheobase.steppers import AbstractImplicit, AbstractStepper, stepper_of
from rheobase.time import Clock, fold_in

_STEEPEST = 1e12
"""Where the cotangent of a spike saturates."""


@Compiled
def run(
    network: Network,
    stepper: AbstractStepper,
    rule: AbstractImplicit,
    records: dict[str, Any],
    held: dict[str, Clamps],
    start: RunState,
    dt: float,
    steps: int,
) -> NetworkRecording:
    """The compiled program."""
    dtype = dtype_of(start.neuron)
    numbers = start.step.ahead(steps)
    inputs = [
        *drives(network, numbers, dt, dtype, start.key),
        *clamps.inputs(network, held, numbers, dt, dtype, start.key),
    ]
    loop = Loop(network, stepper, rule, records, held, inputs, dt, dtype, start.key)
    rows = {
        name: system.rows(start.step, steps)
        for name, system in network.systems.items()
        if isinstance(system, AbstractStepSource)
    }
    sums = {
        name: jnp.zeros(network.populations[name].n, dtype) if r.spikes == "count" else None
        for name, r in records.items()
    }
    series = tuple(one.series for one in inputs)
    (*reached, sums), kept = scan(loop.step, (*start.neuron, sums), (numbers, series, rows), steps)
    final = RunState(NetworkState(*reached), start.step.after(steps), None, None, start.key)
    recordings = {
        name: Recording(
            traces=kept[name][1],
            raster=kept[name][0],
            sums=sums[name],
            fractions=None,
            final=final,
            start=start.step,
            dt=dt,
            every=1,
            steps=steps,
            units=units_of(network, name, record),
        )
        for name, record in records.items()
    }
    return NetworkRecording(recordings, final)


class Loop(NamedTuple):
    """A network with what its steps have in common."""

    network: Network
    stepper: AbstractStepper
    rule: AbstractImplicit
    records: dict[str, Any]
    held: dict[str, Clamps]
    inputs: list[Input]
    """Of the drives, then of the clamps."""
    dt: float
    dtype: Any
    key: Array | None

    def step(self, carry: Any, x: Any) -> tuple[Any, Any]:
        """One step: what is carried on, and what is kept of it."""
        systems, sending, memories, sums = carry
        number, series, rows = x
        network, dt = self.network, self.dt
        given = [
            one.at(number, now, memory)
            for one, now, memory in zip(self.inputs, series, memories, strict=True)
        ]
        now = drawn(network, given)
        arriving = tuple(p.arriving for p in sending)
        done = {
            name: system.fired(systems[name], rows[name])
            if isinstance(system, AbstractStepSource)
            else self.advanced(place, name, systems[name], arriving, now, given, number)
            for place, (name, system) in enumerate(network.systems.items())
        }
        spikes: dict[str, Any] = {
            n: None if d.spike is None else bounded(once(d.spike)) for n, d in done.items()
        }
        sent = tuple(
            p.read(state, seen_voltage(done[p.pre].state, p), dt)
            if p.voltages
            else p.send(state, spikes[p.pre], spikes[p.post], number, dt)
            for p, state in zip(network.projections, sending, strict=True)
        )
        kept = {n: self.kept(n, r, done[n], spikes[n]) for n, r in self.records.items()}
        totals = {
            name: None if total is None else total + spikes[name] for name, total in sums.items()
        }
        states = {name: d.state for name, d in done.items()}
        return (states, sent, tuple(memory for _, memory in given), totals), kept

    def advanced(
        self,
        place: int,
        name: str,
        state: Any,
        arriving: tuple,
        now: list,
        given: list,
        number: Clock,
    ) -> Any:
        """A population after the step."""
        network, system = self.network, self.network.systems[name]
        current, delta = summed(network, name, now, jnp.zeros((), self.dtype))
        ready = system.arrive(state, _arrived(network, name, arriving, now))
        if isinstance(system, CoupledCells):
            into = _into_cells(network, name, now)
            fixed = clamps.of(self.held, given[len(now) :], name)
            wanted = self.records.get(name)
            return system.advance(ready, into, *fixed, self.dt, wanted, self.rule)
        for p, kick in zip(network.projections, arriving, strict=True):
            if p.post == name and p.kind is None:
                delta = kick if delta is None else delta + kick
        key = None
        if system.random and self.key is not None:
            key = fold_in(jax.random.fold_in(self.key, place), number)
        return step(
            system, stepper_of(system, self.stepper), ready, current, delta, self.dt, key, False
        )

    def kept(self, name: str, record: Any, done: Any, spikes: Any) -> tuple[Any, dict[str, Array]]:
        """What is recorded of a population: its spikes, if as a raster, and its variables."""
        if isinstance(record, Probes):
            traces = done.traces
        else:
            system = self.network.systems[name]
            named = readable.named(system, done.reached) if record.variables else {}
            traces = {v: _chosen(named[v], record) for v in record.variables}
        if spikes is None or record.spikes not in ("raster", "events"):
            return None, traces
        return (spikes if record.spikes == "raster" else spikes > 0), traces


def drawn(network: Network, given: list[tuple[Any, Any]]) -> list[Any]:
    """The values of the drives in a step; what is drawn is drawn once, whoever uses it."""
    return [
        once(value) if drive.stimulus.random and value is not None else value
        for drive, (value, _) in zip(network.drives, given, strict=False)
    ]


@jax.custom_vjp
def bounded(spikes: Array) -> Array:
    """Spikes whose cotangent saturates, so that gradients stay finite.

    A chaotic network multiplies it in each step back in time, beyond what float32 can hold.
    """
    return spikes


bounded.defvjp(
    lambda spikes: (spikes, None), lambda _, back: (jnp.clip(back, -_STEEPEST, _STEEPEST),)
)


def _into_cells(network: Network, name: str, values: list) -> list[tuple[int, Array]]:
    """The currents (nA) of the drives of a population of cells, by node."""
    cell = network.populations[name].neuron
    drives = zip(network.drives, network.driven, values, strict=True)
    return [
        (sites_of(cell, drive.at)[0], jnp.asarray(value))
        for drive, kind, value in drives
        if drive.population == name and kind is None and isinstance(cell, Cell)
    ]


def _chosen(value: Array, record: Record) -> Array:
    return value if record.indices is None else value[..., list(record.indices)]


def _arrived(
    network: Network, name: str, arriving: tuple[Array, ...], now: list
) -> tuple[Array, ...]:
    """Total weight at each kind of synapse of a population, from connections and drives."""
    totals: list = [None] * len(network.systems[name].synapses)
    sources = [(p.post, p.kind, x) for p, x in zip(network.projections, arriving, strict=True)]
    drives = zip(network.drives, network.driven, now, strict=True)
    sources += [(drive.population, kind, x) for drive, kind, x in drives]
    for post, kind, arrived in sources:
        if post == name and kind is not None:
            totals[kind] = arrived if totals[kind] is None else totals[kind] + arrived
    return tuple(totals)
