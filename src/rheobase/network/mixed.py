"""The time loop of a network whose populations make steps of two lengths.

The slow populations make a step, the fast ones several of theirs in it. What reaches a population
is counted in its own steps. So a spike acts in the first step of its receiver that begins when the
spike is over: what a slow population sends arrives in the first short step of the next long one,
and what a fast one sends to a slow one, however early in the long step, at its end.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from rheobase.compilation import Compiled
from rheobase.inputs import prepare
from rheobase.kernels.once import once
from rheobase.loop import scan
from rheobase.network.arguments import units_of
from rheobase.network.call import dtype_of
from rheobase.network.general import Loop, bounded, drawn
from rheobase.network.inputs import own_key
from rheobase.network.network import Network
from rheobase.network.recording import NetworkRecording
from rheobase.network.source import AbstractStepSource
from rheobase.network.state import NetworkState, seen_voltage
from rheobase.network.steps import Steps
from rheobase.record import Recording, RunState
from rheobase.steppers import AbstractImplicit, AbstractStepper
from rheobase.stimulus import Grid
from rheobase.time import Clock


@Compiled
def run(
    network: Network,
    stepper: AbstractStepper,
    rule: AbstractImplicit,
    records: dict[str, Any],
    start: RunState,
    lengths: Steps,
    steps: int,
) -> NetworkRecording:
    """The compiled program."""
    dtype, many = dtype_of(start.neuron), lengths.many
    slow, quick = start.step.ahead(steps), start.step.times(many).ahead(steps * many)
    fast = [lengths.is_fast(drive.population) for drive in network.drives]
    inputs = []
    for i, drive in enumerate(network.drives):
        numbers, dt = (quick, lengths.short) if fast[i] else (slow, lengths.dt)
        grid = Grid(numbers, dt, (network.populations[drive.population].n,), dtype)
        key = None if start.key is None else own_key(start.key, i)
        inputs.append(prepare(drive.stimulus, grid, key))
    both = _Both(network, lengths, *(
        Loop(network, stepper, rule, records, {}, inputs, dt, dtype, start.key)
        for dt in (lengths.dt, lengths.short)
    ))  # fmt: skip

    def folded(x: Array) -> Array:
        return x.reshape(steps, many, *x.shape[1:])

    series = tuple(
        None if one.series is None else folded(one.series) if quickly else one.series
        for one, quickly in zip(inputs, fast, strict=True)
    )
    rows = {}
    for name, system in network.systems.items():
        if isinstance(system, AbstractStepSource):
            quickly = lengths.is_fast(name)
            if quickly:
                rows[name] = folded(system.rows(start.step.times(many), steps * many))
            else:
                rows[name] = system.rows(start.step, steps)
    sums = {
        name: jnp.zeros(network.populations[name].n, dtype) if r.spikes == "count" else None
        for name, r in records.items()
    }
    xs = slow, jax.tree.map(folded, quick), series, rows
    (*reached, sums), kept = scan(both.step, (*start.neuron, sums), xs, steps)
    final = RunState(NetworkState(*reached), start.step.after(steps), None, None, start.key)
    recordings = {}
    for name, record in records.items():
        quickly, (raster, traces) = lengths.is_fast(name), kept[name]
        if quickly:
            raster, traces = jax.tree.map(
                lambda x: x.reshape(steps * many, *x.shape[2:]), (raster, traces)
            )
        recordings[name] = Recording(
            traces=traces,
            raster=raster,
            sums=sums[name],
            fractions=None,
            final=final,
            start=start.step.times(many) if quickly else start.step,
            dt=lengths.each(name),
            every=1,
            steps=steps * many if quickly else steps,
            units=units_of(network, name, record),
        )
    return NetworkRecording(recordings, final)


class _Both:
    """A network with the loop of its slow populations and that of its fast ones."""

    def __init__(self, network: Network, lengths: Steps, slow: Loop, fast: Loop):
        self.network, self.slow, self.fast = network, slow, fast
        self.many = lengths.many
        self.is_fast = {name: lengths.is_fast(name) for name in network.populations}
        self.drives = [self.is_fast[drive.population] for drive in network.drives]
        self.into_fast = [self.is_fast[p.post] for p in network.projections]

    def step(self, carry: Any, x: Any) -> tuple[Any, Any]:
        """One long step."""
        systems, sending, memories, sums = carry
        number, numbers, series, rows = x
        done, spikes, given = self._moved(
            self.slow, False, systems, sending, memories, number, series, rows
        )
        inner = {n: s for n, s in systems.items() if self.is_fast[n]}
        moving = [s if quick else None for s, quick in zip(sending, self.into_fast, strict=True)]
        kept_of = {n: r for n, r in self.slow.records.items() if self.is_fast[n]}
        zeros = {n: jnp.zeros(self.network.populations[n].n, self.slow.dtype) for n in inner}

        def short(carry: Any, x: Any) -> tuple[Any, Any]:
            inner, moving, memories, counted = carry
            place, number, series, rows = x
            last = place == self.many - 1
            now, fired, given = self._moved(
                self.fast, True, inner, moving, memories, number, series, rows
            )
            sent = []
            for p, state in zip(self.network.projections, moving, strict=True):
                if state is None:
                    sent.append(None)
                    continue
                if p.voltages:
                    end = now[p.pre].state if self.is_fast[p.pre] else done[p.pre].state
                    sent.append(p.read(state, seen_voltage(end, p), self.fast.dt))
                    continue
                here = fired[p.pre] if self.is_fast[p.pre] else jnp.where(last, spikes[p.pre], 0)
                sent.append(p.send(state, here, fired[p.post], number, self.fast.dt))
            counted = {
                n: total if fired[n] is None else total + fired[n] for n, total in counted.items()
            }
            kept = {n: self.fast.kept(n, r, now[n], fired[n]) for n, r in kept_of.items()}
            inner = {n: d.state for n, d in now.items()}
            return (inner, sent, [m for _, m in given], counted), kept

        quick = [s if q else None for s, q in zip(series, self.drives, strict=True)]
        fast_rows = {n: r for n, r in rows.items() if self.is_fast[n]}
        remembered = [m if q else None for m, q in zip(memories, self.drives, strict=True)]
        xs = jnp.arange(self.many, dtype=jnp.int32), numbers, quick, fast_rows
        carry = inner, moving, remembered, zeros
        (inner, moving, remembered, counted), kept = jax.lax.scan(short, carry, xs)
        total = {**spikes, **counted}
        sent = []
        for p, state, after in zip(self.network.projections, sending, moving, strict=True):
            if after is not None:
                sent.append(after)
            elif p.voltages:
                end = inner[p.pre] if self.is_fast[p.pre] else done[p.pre].state
                sent.append(p.read(state, seen_voltage(end, p), self.slow.dt))
            else:
                sent.append(p.send(state, total[p.pre], spikes[p.post], number, self.slow.dt))
        for name, record in self.slow.records.items():
            if not self.is_fast[name]:
                kept[name] = self.slow.kept(name, record, done[name], spikes[name])
        sums = {n: None if one is None else one + total[n] for n, one in sums.items()}
        states = {n: inner[n] if self.is_fast[n] else done[n].state for n in systems}
        memories = tuple(
            after if quick else memory
            for (_, memory), after, quick in zip(given, remembered, self.drives, strict=True)
        )
        return (states, tuple(sent), memories, sums), kept

    def _moved(
        self,
        loop: Loop,
        fast: bool,
        systems: dict[str, Any],
        sending: Any,
        memories: Any,
        number: Clock,
        series: Any,
        rows: dict[str, Any],
    ) -> tuple[dict[str, Any], dict[str, Any], list[tuple[Any, Any]]]:
        """The populations of one length of step after it, their spikes, and what drives them."""
        given = [
            one.at(number, now, memory) if quick == fast else (None, memory)
            for one, now, memory, quick in zip(
                loop.inputs, series, memories, self.drives, strict=True
            )
        ]
        now = drawn(self.network, given)
        arriving = tuple(None if s is None else s.arriving for s in sending)
        done = {}
        for place, (name, system) in enumerate(self.network.systems.items()):
            if self.is_fast[name] != fast:
                continue
            done[name] = (
                system.fired(systems[name], rows[name])
                if isinstance(system, AbstractStepSource)
                else loop.advanced(place, name, systems[name], arriving, now, given, number)
            )
        spikes = {n: None if d.spike is None else bounded(once(d.spike)) for n, d in done.items()}
        return done, spikes, given
