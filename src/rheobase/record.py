"""What is kept of a run."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase import printed
from rheobase.errors import ArgumentError, ShapeError, StepperError, UnknownName, brief
from rheobase.given import require_random_key
from rheobase.origin import Origin, require_like
from rheobase.provenance import Provenance, precision_of
from rheobase.time import Clock, sample_times
from rheobase.trains import AbstractRecorded, Trains
from rheobase.units import Hz, Quantity, Unit, in_unit, ms, to_internal

if TYPE_CHECKING:
    import matplotlib.axes

Spikes = Literal["raster", "events", "count"]


RECORD_LESS = (
    "Record fewer neurons or variables, less often, or no raster: "
    "record=rb.Record(('v',), indices=(0,), every=10, spikes='count')."
)
"""The cure of a recording that is too large."""


class Record(eqx.Module):
    """Which variables to keep, of which neurons, how often.

    - `variables`: names of state variables, such as `("v", "w")`; of a cell also where, such as
      `{"v": [cell.at("soma")]}`.
    - `indices`: along the last axis of the population; None for all neurons.
    - `every`: keep every k-th step of the variables, the last of each k; spikes are never skipped.
    - `spikes`: `"raster"` for 0/1 of shape (time, *n), differentiable; `"events"` for the pairs of
      time and neuron that `run.events` gives, a byte a neuron and step while it runs; `"count"` for
      the sum over time of shape (*n,); None for none of them.

    `record=("v",)` in `simulate` is short for `Record(("v",))`; the name "spikes" may stand among
    the variables and changes nothing.

    >>> import rheobase as rb
    >>> sparse = rb.Record(("v",), indices=(0, 5), every=10, spikes="count")
    """

    variables: tuple[str, ...] = eqx.field(static=True, default=())
    indices: tuple[int, ...] | None = eqx.field(static=True, default=None)
    every: int = eqx.field(static=True, default=1)
    spikes: Spikes | None = eqx.field(static=True, default="raster")
    places: tuple[Any, ...] | None = eqx.field(static=True, default=None)
    """Where on a cell each variable is kept; None for everywhere."""

    def __init__(
        self,
        variables: Any = (),
        indices: Any = None,
        every: int = 1,
        spikes: Spikes | None = "raster",
    ):
        names = (variables,) if isinstance(variables, str) else tuple(variables)
        self.variables = tuple(name for name in names if name != "spikes")
        if isinstance(variables, dict):
            self.places = tuple(map(_hashable, (variables[name] for name in self.variables)))
        else:
            self.places = None
        self.indices = None if indices is None else _numbers(indices)
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ArgumentError(f"`every` is a whole number of steps >= 1, got {brief(every)}.")
        self.every = every
        if spikes not in ("raster", "events", "count", None):
            known = ("raster", "events", "count", "None")
            raise UnknownName("way to record spikes", spikes, known)
        self.spikes = spikes

    def bytes_of_step(self, n: int, itemsize: int) -> float:
        """What a step of so many neurons adds to the recording."""
        probes = n if self.indices is None else len(self.indices)
        return itemsize * (
            len(self.variables) * probes / self.every + n * (self.spikes == "raster")
        )


def _numbers(indices: Any) -> tuple[int, ...]:
    """Numbers of neurons, which may come in an array."""
    if not isinstance(indices, Tracer):
        array = np.ravel(np.asarray(indices))
        if not array.size or np.issubdtype(array.dtype, np.integer):
            return tuple(int(i) for i in array)
    raise ArgumentError(
        f"`indices` are numbers of neurons, got {brief(indices)}. Write indices=(0, 5), or "
        "indices=np.flatnonzero(mask)."
    )


def _hashable(places: Any) -> Any:
    """Places on a cell, which may come as a list of them."""
    return tuple(map(_hashable, places)) if isinstance(places, list) else places


def require_everywhere(record: Record) -> None:
    """Refuse places of variables where there is no cell."""
    if record.places is not None:
        raise ArgumentError(
            "`record` goes by place for a cell only; a neuron has none. Write "
            f"record={record.variables!r}."
        )


class RunState(NamedTuple):
    """Everything a run needs to go on: pass it as `simulate(..., state=run.final)`."""

    neuron: Any
    """State of the neurons."""
    step: Clock
    """Number of steps done so far; `int(run.final.step)`."""
    current: Any
    """Memory of the stimulus."""
    delta: Any
    """Memory of the delta input."""
    key: Array | None
    """The random key of the run."""
    origin: Origin | None = None
    """The run that it ended: what goes on from it is compared with that."""

    def __repr__(self) -> str:
        return printed.table("RunState: what a run goes on from", printed.leaves(self))

    @property
    def provenance(self) -> Provenance:
        """What made it: versions, stepper, dt, precision and key."""
        was = Origin() if self.origin is None else self.origin
        return Provenance(was.versions, was.stepper, was.dt, precision_of(self.neuron), self.key)

    def at(self, *, dt: Quantity) -> "RunState":
        """The same state with the time step of its run, where it does not know it.

        So is a state that was written before it knew its `dt`.

        Errors: `StepperError` for a state that knows another one.

        >>> import rheobase as rb
        >>> from rheobase.units import ms
        >>> run = rb.simulate(rb.LIF(), duration=1 * ms, dt=0.1 * ms)
        >>> old = run.final._replace(origin=None)
        >>> old.at(dt=0.1 * ms).origin.dt
        0.1
        """
        given = float(to_internal(dt, ms, "dt", "state.at(dt={})"))
        exact = float(dt.value_in(ms)) if isinstance(dt, Quantity) else given
        known = None if self.origin is None else self.origin.dt
        if known is not None and not math.isclose(known, exact, rel_tol=1e-9):
            raise StepperError(
                f"this state is the end of a run with dt = {known:g} ms and cannot be taken to be "
                f"at another one, got {exact:g} ms. Go on from it with dt={known:g}*ms."
            )
        origin = Origin() if self.origin is None else self.origin
        return self._replace(origin=replace(origin, dt=exact))


def require_state(state: Any, init: Any) -> None:
    """Refuse what is not the end of a run, and initial values beside one."""
    if not isinstance(state, RunState):
        raise ArgumentError(
            f"`state` is the end of a run, got {brief(state)}. Write state=run.final, of an "
            "earlier run = rb.simulate(...)."
        )
    require_like("`state`", state.step, Clock.of(0))
    if not isinstance(state.origin, Origin | None):
        raise ArgumentError(
            f"`state.origin` says of which run it is the end, got {brief(state.origin)}. Pass the "
            "state that a run left as it is."
        )
    if state.key is not None:
        require_random_key(state.key, "state=run.final._replace(key={})")
    if init is not None:
        raise ShapeError("`state` already holds the initial values: leave out `init`.")


class Events(eqx.Module):
    """Spikes one by one, in the order of time, in host memory: what a large network leaves."""

    step: np.ndarray
    """In which step of the recording, from 0."""
    neuron: np.ndarray
    steps: int = eqx.field(static=True)
    size: int = eqx.field(static=True)
    """Of the population."""

    @classmethod
    def of(cls, raster: np.ndarray) -> "Events":
        """The spikes of a raster, (time, n)."""
        places = _places(np.ascontiguousarray(raster).reshape(-1))
        step, neuron = np.divmod(places, raster.shape[1])
        return cls(step.astype(np.int32), neuron.astype(np.int32), *raster.shape)

    @property
    def raster(self) -> np.ndarray:
        """0 or 1 in each step, (time, n)."""
        dense = np.zeros((self.steps, self.size), np.float32)
        dense[self.step, self.neuron] = 1
        return dense

    @property
    def counts(self) -> np.ndarray:
        """Spikes of each neuron, (n,)."""
        return np.bincount(self.neuron, minlength=self.size).astype(np.float32)


def _places(flags: np.ndarray) -> np.ndarray:
    """Where flags are set; few are, so booleans are first looked at by eights."""
    whole = len(flags) // 8 * 8
    if flags.dtype != bool or whole == 0:
        return np.flatnonzero(flags)
    words = np.flatnonzero(flags[:whole].view(np.uint64))
    word, byte = np.nonzero(flags[:whole].reshape(-1, 8)[words])
    rest = whole + np.flatnonzero(flags[whole:])
    return np.concatenate([8 * words[word] + byte, rest])


def join_events(parts: list[Events]) -> Events:
    """Events of consecutive runs as one."""
    steps = [p.steps for p in parts]
    begins = np.concatenate([[0], np.cumsum(steps)[:-1]])
    kind = np.int32 if sum(steps) < 2**31 else np.int64
    return Events(
        np.concatenate([p.step + b for p, b in zip(parts, begins, strict=True)]).astype(kind),
        np.concatenate([p.neuron for p in parts]),
        sum(steps),
        parts[0].size,
    )


class Recording(AbstractRecorded):
    """The result of `simulate`; a pytree of arrays.

    `run.t` (time,) in ms: the end of each recorded step; `run.spikes` (time, *n) of 0 and 1;
    every recorded variable by name, `run.v` (time, *n), in the unit of `run.units["v"]`;
    `run.spike_times()`, `run.counts`, `run.rate()`, and `run.final` to go on from.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.LIF(), n=2, current=2 * nA, duration=50 * ms, dt=0.5 * ms, record="v")
    >>> run.v.shape, run.t.shape, run.units["v"], run.counts.tolist()
    ((100, 2), (100,), mV, [3.0, 3.0])
    """

    traces: dict[str, Array]
    raster: Array | Events | None
    sums: Array | None
    fractions: Array | None
    final: RunState
    start: Clock
    dt: float = eqx.field(static=True)
    every: int = eqx.field(static=True)
    steps: int = eqx.field(static=True)
    units: dict[str, Unit] = eqx.field(static=True)

    @property
    def provenance(self) -> Provenance:
        """What made the run: versions, stepper, dt, precision and key."""
        return self.final.provenance

    @property
    def t(self) -> np.ndarray:
        """Time (ms) of each recorded sample of the variables: the end of its step."""
        return sample_times(self.start, self.steps, self.dt, self.every)

    @property
    def spikes(self) -> Array:
        """0 or 1 in each step, shape (time, *n)."""
        if isinstance(self.raster, Events):
            return jnp.asarray(self.raster.raster)
        if self.raster is None:
            raise AttributeError(
                "this run kept no raster. Write simulate(..., record=rb.Record(spikes='raster')) "
                "for a neuron that fires."
            )
        # Events inside of a trace are flags: there is no list of unknown length.
        flags = self.raster.dtype == bool
        return self.raster.astype(np.float32) if flags else self.raster

    @property
    def counts(self) -> Array:
        """Number of spikes of each neuron, shape (*n,)."""
        if isinstance(self.raster, Events):
            return jnp.asarray(self.raster.counts)
        return self.spikes.sum(axis=0) if self.sums is None else self.sums

    @property
    def events(self) -> tuple[np.ndarray, np.ndarray]:
        """Time (ms) and neuron of every spike, in the order of time, of one population."""
        _require_known(self.raster, "events")
        if isinstance(self.raster, Events):
            one_by_one = self.raster
        else:
            raster = np.asarray(self.spikes)
            if raster.ndim > 2:
                raise ShapeError(
                    f"`events` are of one population, this run has the shape {raster.shape}. "
                    "Write run.spike_times()."
                )
            one_by_one = Events.of(raster.reshape(len(raster), -1))
        ends = int(self.start) + one_by_one.step.astype(np.int64) + 1
        return ends * self.dt, one_by_one.neuron

    def rate(self) -> Array:
        """Mean firing rate of each neuron in Hz, shape (*n,)."""
        return in_unit(self.counts / (self.steps * self.dt), Hz)

    def spike_times(self) -> Any:
        """Spike times in ms: one array for one neuron, a list of arrays for a population.

        On the grid a spike is at the end of its step; with `simulate(..., substep=True)` where the
        threshold was crossed inside it.
        """
        _require_known(self.raster, "spike_times()")
        spikes = np.asarray(self.spikes) > 0
        ends = sample_times(self.start, self.steps, self.dt)
        early = 0.0 if self.fractions is None else 1.0 - np.asarray(self.fractions, float)
        times = ends.reshape((-1,) + (1,) * (spikes.ndim - 1)) - self.dt * early
        return _nested(spikes, np.broadcast_to(times, spikes.shape))

    def last_spike(self) -> np.ndarray:
        """Time (ms) of the last spike of each neuron at each recorded step, (time, *n).

        NaN before the first spike of the run.
        """
        times = np.asarray(sample_times(self.start, self.steps, self.dt), float)
        kept: Any = self.raster.raster if isinstance(self.raster, Events) else self.spikes
        spiked = np.asarray(kept) > 0
        ends = times.reshape((-1,) + (1,) * (spiked.ndim - 1))
        last = np.maximum.accumulate(np.where(spiked, ends, -np.inf), axis=0)
        return np.where(np.isfinite(last), last, np.nan)[self.every - 1 :: self.every]

    def parts(self) -> dict[str, Trains]:
        """The spikes of the population, for analysis and pictures."""
        shape = np.shape(self.counts)
        if len(shape) > 1:
            raise ShapeError(
                f"this is for one population, got a batch of shape {shape}. Choose one of it: "
                f"rates((run.t[step], neuron), ...) of step, neuron = np.nonzero(run.spikes[:, 0])."
            )
        begin = int(self.start) * self.dt
        end = begin + self.steps * self.dt
        if shape:
            return {"": Trains(*self.events, shape[0], begin, end)}
        times = np.asarray(self.spike_times())
        return {"": Trains(times, np.zeros(len(times), int), 1, begin, end)}

    def plot(
        self, *, title: str = "", ax: "Sequence[matplotlib.axes.Axes] | None" = None
    ) -> "tuple[matplotlib.axes.Axes, ...]":
        """The spikes above and the rate of the population below: `rb.plot.population(run)`."""
        from rheobase.plot.population import population

        return population(self, title=title, ax=ax)

    def on_host(self) -> "Recording":
        """The same with what was recorded in host memory; the final state stays where it is."""
        recorded = (self.traces, self.raster, self.sums, self.fractions)
        traces, raster, sums, fractions = jax.tree.map(np.asarray, recorded)
        moved: Any = raster
        if isinstance(raster, np.ndarray) and raster.dtype == bool and raster.ndim == 2:
            moved = Events.of(raster)
        return replace(self, traces=traces, raster=moved, sums=sums, fractions=fractions)

    def __repr__(self) -> str:
        title = f"Recording: {self.steps} steps of {self.dt:g} ms"
        every = f", every {self.every} steps" if self.every > 1 else ""
        rows = [("spikes", *printed_spikes(self))]
        for name, values in self.traces.items():
            unit = str(self.units[name]) if self.units[name].factors else ""
            rows.append((name, f"{np.shape(values)}{every}", printed.extent(values, unit)))
        return printed.table(title, rows)

    def keys(self) -> list[str]:
        """The names of the recorded variables."""
        return list(self.traces)

    def __contains__(self, name: object) -> bool:
        return name in self.traces

    def __iter__(self) -> Iterator[str]:
        return iter(self.traces)

    def __getitem__(self, name: str) -> Array:
        if name not in self.traces:
            raise UnknownName("recorded variable", name, self.traces)
        return self.traces[name]

    def __getattr__(self, name: str) -> Array:
        # Only reached for what is no field: the recorded variables by their names.
        if name.startswith("_") or "traces" not in self.__dict__:
            raise AttributeError(name)
        own = getattr(type(self), name, None)
        if isinstance(own, property) and own.fget is not None:
            return own.fget(self)  # what was not kept says so once more, in words of its own
        if name not in self.traces:
            raise AttributeError(
                f"{UnknownName('recorded variable', name, self.traces)} "
                f"To keep it write simulate(..., record=({name!r},))."
            )
        return self.traces[name]

    def __len__(self) -> int:
        return self.steps


class Kept(NamedTuple):
    """What a run keeps of one population."""

    traces: dict[str, Array]
    raster: Array | Events | None
    sums: Array | None = None
    fractions: Array | None = None

    @property
    def spikes(self) -> Array | None:
        """The raster, where one of 0 and 1 is kept."""
        return None if isinstance(self.raster, Events) else self.raster


class Span(NamedTuple):
    """The steps of a run."""

    start: Clock
    """The number of the first."""
    dt: float
    """ms."""
    steps: int
    every: int = 1
    """Every so many-th row of the variables is kept."""


def recording_of(kept: Kept, span: Span, units: dict[str, Unit], final: RunState) -> Recording:
    """Make the recording of a run: the one place where one begins."""
    return Recording(
        traces=kept.traces,
        raster=kept.raster,
        sums=kept.sums,
        fractions=kept.fractions,
        final=final,
        start=span.start,
        dt=span.dt,
        every=span.every,
        steps=span.steps,
        units=units,
    )


def _require_known(raster: Any, what: str) -> None:
    """Refuse, inside jit, what has as many entries as there are spikes."""
    if any(isinstance(x, Tracer) for x in jax.tree.leaves(raster)):
        raise ArgumentError(
            f"`{what}` has as many entries as there are spikes, which jit must know before the "
            "run. Inside jit, vmap and grad take `run.spikes` (0 or 1 for each step) or "
            f"`run.counts`; return the run, and ask for `run.{what}` outside."
        )


def printed_spikes(run: Recording) -> tuple[str, str]:
    """What of the spikes is kept, and how many they are."""
    kept = run.sums if run.raster is None else run.raster
    if kept is None:
        return "not kept", ""
    if isinstance(kept, Events):
        return f"events of {kept.size}", _firing(len(kept.step), kept.size, run)
    kind = "counts" if run.raster is None else "raster"
    if isinstance(kept, Tracer):
        return f"{kind} {kept.shape}", "traced"
    neurons = kept.shape if run.raster is None else kept.shape[1:]
    return f"{kind} {kept.shape}", _firing(int(np.sum(kept)), int(np.prod(neurons)), run)


def _firing(spikes: int, size: int, run: Recording) -> str:
    rate = in_unit(spikes / (max(size, 1) * run.steps * run.dt), Hz)
    return f"{spikes:,} spikes, {rate:.3g} Hz each"


def _nested(spikes: np.ndarray, times: np.ndarray) -> Any:
    if spikes.ndim == 1:
        return times[spikes]
    return [_nested(spikes[:, i], times[:, i]) for i in range(spikes.shape[1])]


def join(parts: list[Recording], on: Any = np) -> Recording:
    """Recordings of consecutive runs as one: on the host, or with `on=jax.numpy` on the device."""
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return first

    def together(arrays: list) -> Any:
        if isinstance(arrays[0], Events):
            return join_events(arrays)
        return None if arrays[0] is None else on.concatenate([on.asarray(a) for a in arrays])

    return replace(
        first,
        traces={name: together([p.traces[name] for p in parts]) for name in first.traces},
        raster=together([p.raster for p in parts]),
        sums=_total([p.sums for p in parts], on),
        fractions=together([p.fractions for p in parts]),
        final=last.final,
        steps=sum(p.steps for p in parts),
    )


def _total(sums: list, on: Any) -> Any:
    return None if sums[0] is None else on.sum(on.stack([on.asarray(x) for x in sums]), axis=0)
