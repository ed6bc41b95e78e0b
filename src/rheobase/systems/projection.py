"""The synapses between two populations, as they are simulated: who, how strong, how late."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Float

from rheobase import memory, printed
from rheobase.arguments import require_positive
from rheobase.errors import ArgumentError, ShapeError, StepperError
from rheobase.kernels.delivery import Targets, collect, deliver, deliver_delayed
from rheobase.kernels.plasticity import Columns
from rheobase.origin import digest
from rheobase.plasticity.base import AbstractRule, Arrivals, Synapses
from rheobase.synapses import AbstractGradedRelease, AbstractRelease
from rheobase.synapses.base import NO_NEGATIVE_CONDUCTANCE
from rheobase.systems.base import KICK, AbstractEdge, Sender
from rheobase.systems.terminals import Terminals, terminals
from rheobase.time import FAR, Clock, whole_steps
from rheobase.units import Unit, uS

_MUCH = 1e8
"""Bytes for which it is worth to ask how much memory is free."""


class ProjectionState(NamedTuple):
    """What a projection carries from step to step; its fields are None where it needs none."""

    arriving: Array
    """What it delivers in the next step, (n_post,); electrical: sums of g v and g, (2, n_post)."""
    ring: Array | None
    """Spikes on their way, (depth, n_pre), or where delays differ inputs, (depth, n_post)."""
    release: Any
    """State of the presynaptic terminals, (n_pre,), or one for each of `terminals`."""
    weight: Array | None
    """Weights that change, (synapses,)."""
    rules: tuple[Any, ...]
    """State of each rule that changes them."""
    terminals: Terminals | None = None
    """Where each synapse has a delay and whatever sends spikes to it has a state."""


class Projection(AbstractEdge):
    """The synapses of a connection onto one population."""

    pre: str = eqx.field(static=True)
    post: str = eqx.field(static=True)
    kind: int | None = eqx.field(static=True)
    """Which of the synapses of the population they are; None for delta synapses."""
    to: Targets
    weight: Array
    """(synapses,), or (1,) for one that all share; internal units. Plastic ones start here."""
    delay: Array | None
    """ms, (synapses,) or (1,); None for none."""
    release: AbstractRelease | None
    rules: tuple[AbstractRule, ...]
    by_post: Columns | None
    """The synapses by postsynaptic neuron, where a rule asks for them or voltages pass on."""
    unit: Unit = eqx.field(static=True)
    """Of the weights."""
    electrical: bool = eqx.field(static=True)
    """Whether it transmits voltages and no spikes."""
    source: int = eqx.field(static=True, default=0)
    """The node of a presynaptic cell whose voltage it sees."""
    never_negative: str | None = eqx.field(static=True, default=None)
    """Why its weights are not negative; None where they may be."""

    def __repr__(self) -> str:
        return printed.shortly(self)

    @property
    def voltages(self) -> bool:
        """Whether it reads voltages and no spikes: it is electrical or graded."""
        return self.electrical or isinstance(self.release, AbstractGradedRelease)

    @property
    def whole(self) -> bool:
        """Whether it takes spikes as they are, because it counts them: plasticity and release."""
        return bool(self.rules) or self.release is not None

    @property
    def synapses(self) -> int:
        """Number of synapses."""
        return self.to.target.shape[0]

    @property
    def n_pre(self) -> int:
        """Number of presynaptic neurons."""
        return self.to.start.shape[0] - 1

    @property
    def kinds(self) -> str:
        """What it is made of, by the names of classes."""
        delays = "no delay"
        if self.delay is not None:
            delays = "one delay" if self.delay.shape == (1,) else "a delay for each synapse"
        names = [type(rule).__name__ for rule in self.rules]
        names += [] if self.release is None else [type(self.release).__name__]
        return ", ".join([f"{self.synapses} synapses", delays, *names])

    @property
    def connected(self) -> str | None:
        """A hash of who is connected to whom; None inside of a trace."""
        return digest([self.to.start, self.to.target])

    @property
    def by_terminal(self) -> bool:
        """Whether spikes of a neuron reach states of its terminals at different times."""
        return self.whole and self.delay is not None and self.delay.shape != (1,)

    def terminals(self, dt: float) -> Terminals:
        """The terminals of synapses with a delay each, at a time step of dt (ms)."""
        return terminals(self.to, self.by_post, jnp.asarray(self.delay), dt)

    def check(self, dt: float) -> None:
        """Refuse delays that are shorter than a time step (ms), and what the rules refuse.

        Conductances are looked at again: training may have moved them below zero.
        """
        for name, given in (("weight", self.weight), ("delay", self.delay)):
            if given is not None and given.shape not in ((1,), (self.synapses,)):
                raise ShapeError(
                    f"`{name}` from {self.pre!r} to {self.post!r} has shape {given.shape}, but "
                    f"there are {self.synapses} synapses: give one value in an array of shape "
                    f"(1,), or one for each, ({self.synapses},)."
                )
        why = self.never_negative
        if why is None and self.unit.same_dimension(uS):  # of a file without that field
            why = NO_NEGATIVE_CONDUCTANCE
        if why is not None:
            what = f"a weight from {self.pre!r} to {self.post!r}"
            require_positive(self.weight, what, self.unit.internal(), why)
        for rule in self.rules:
            rule.check(dt)
        if self.delay is None or isinstance(self.delay, Tracer):
            return
        shortest = float(np.min(np.asarray(self.delay), initial=np.inf))
        if shortest < dt * (1 - 1e-4):
            raise StepperError(
                f"the delay from {self.pre!r} to {self.post!r}, {shortest:g} ms, is shorter than "
                f"a step of dt = {dt:g} ms. A spike acts in the next step at the earliest: leave "
                f"`delay` out, or write delay={dt:g}*ms or more."
            )
        self._require_memory(dt)

    def _require_memory(self, dt: float) -> None:
        """Refuse delays so long that the spikes on their way would not fit into memory."""
        delay = np.asarray(self.delay)
        longest = float(np.max(delay, initial=0))
        wide = self.n_pre if delay.size == 1 else self.to.n_post
        steps = longest / dt
        needed = 4 * steps * wide
        free = memory.available() if needed > _MUCH else None
        if steps > FAR or (free is not None and needed > free):
            raise ShapeError(
                f"the delay from {self.pre!r} to {self.post!r}, {longest:g} ms, is {steps:.3g} "
                f"steps of dt = {dt:g} ms, and the spikes on their way would need about "
                f"{needed / 1e9:.1f} GB. Shorten the delay."
            )

    def depth(self, dt: float) -> int:
        """Steps that a spike can be on its way; 0 where all act in the next step."""
        if self.delay is None:
            return 0
        if isinstance(self.delay, Tracer):
            raise ArgumentError(
                f"the delay from {self.pre!r} to {self.post!r} must be known before the program is "
                f"compiled. Let the function close over the network, and take as an argument only "
                f"what changes, such as its weights."
            )
        return int(whole_steps(np.max(np.asarray(self.delay), initial=0), dt))

    def start(self, dt: float, dtype: DTypeLike) -> ProjectionState:
        """The state in which nothing is on its way."""
        steps = self.depth(dt)
        ring: Any = None
        if steps and self.delay is not None:
            one = self.delay.shape == (1,)
            wide = self.n_pre if one or self.by_terminal else self.to.n_post
            ring = np.zeros((steps if one else steps + 1, wide), dtype)
        to, by_post, place = self.to, self.by_post, None
        if self.by_terminal:
            place = self.terminals(dt)
            to = place.rows(to)
            by_post = None if by_post is None else place.columns(by_post)
        release = None
        if self.release is not None:
            sending = to.start.shape[0] - 1
            release = jax.tree.map(
                lambda x: jnp.broadcast_to(_typed(x, dtype), (sending,)), self.release.init()
            )
        weight: Any = None
        rules = ()
        if self.rules and by_post is not None:
            traced = isinstance(self.weight, Tracer)
            given: Any = self.weight.astype(dtype) if traced else np.asarray(self.weight, dtype)
            weight = (jnp if traced else np).broadcast_to(given, (self.synapses,))
            both = Synapses(to, by_post)
            rules = tuple(rule.start(both, dtype) for rule in self.rules)
        shape = (2, self.to.n_post) if self.electrical else (self.to.n_post,)
        arriving: Any = np.zeros(shape, dtype)
        return ProjectionState(arriving, ring, release, weight, rules, place)

    def begin(self, v: Float[Array, " pre"], dt: float, dtype: DTypeLike) -> ProjectionState:
        """The state where voltages (n_pre,) are read that have long been what they are."""
        state = self.start(dt, dtype)
        if isinstance(self.release, AbstractGradedRelease):
            state = state._replace(release=self.release.settled(v))
        return self.read(state, v, dt)

    def read(self, state: ProjectionState, v: Float[Array, " pre"], dt: float) -> ProjectionState:
        """The state after voltages (n_pre,) have been read, of which no spikes are made."""
        if self.release is not None:
            given, release = self.release.step(state.release, v, dt)
            return state._replace(arriving=self._collect(given), release=release)
        drive, g = self._collect(v), self._collect(jnp.ones_like(v))
        return state._replace(arriving=jnp.stack([drive, g]))

    def _collect(self, values: Float[Array, " pre"]) -> Float[Array, " post"]:
        """The sum over synapses for each postsynaptic neuron, of values that are never zero."""
        if self.by_post is None:
            return deliver(self.to, values, self.weight)
        rows = self.by_post
        return collect(self.to, rows.to, rows.synapse, values, self.weight)

    @property
    def by(self) -> str | int:
        return KICK if self.kind is None else self.kind

    def arrive(self, memory: ProjectionState, now: Sender | None) -> tuple[Array, ProjectionState]:
        return memory.arriving, memory

    def send(
        self,
        memory: ProjectionState,
        sender: Sender,
        post: Float[Array, " post"] | None,
        number: Clock,
        dt: float,
    ) -> ProjectionState:
        if self.voltages:
            return self.read(memory, sender.voltage(self.source), dt)
        fired = sender.fired
        if fired is None:
            raise ArgumentError(f"{self.pre!r} never fires: no connection can carry its spikes.")
        spikes = fired.spike if fired.sent is None or self.whole else fired.sent
        return self._carry(memory, spikes, post, number, dt)

    def _carry(
        self,
        state: ProjectionState,
        spikes: Float[Array, " pre"],
        post: Float[Array, " post"] | None,
        number: Clock,
        dt: float,
    ) -> ProjectionState:
        """The state after the spikes (n_pre,) of step `number` have been sent.

        `post` are those of the postsynaptic neurons in the same step.
        """
        ring = state.ring
        if ring is None or self.delay is None:
            return self._deliver(state, spikes, post, number, dt)
        slot = number.divided(ring.shape[0], ring.shape[0])[1].astype(jnp.int32)
        if self.delay.shape == (1,):
            late = jax.lax.dynamic_index_in_dim(ring, slot, keepdims=False)
            ring = jax.lax.dynamic_update_index_in_dim(ring, spikes, slot, 0)
            return self._deliver(state._replace(ring=ring), late, post, number, dt)
        if state.terminals is not None:
            ring = jax.lax.dynamic_update_index_in_dim(ring, spikes, slot, 0)
            late = state.terminals.arriving(ring, number)
            return self._deliver(state._replace(ring=ring), late, post, number, dt)
        delays = whole_steps(self.delay, dt)
        ring = deliver_delayed(self.to, spikes, self.weight, delays, slot, ring)
        arriving = jax.lax.dynamic_index_in_dim(ring, slot, keepdims=False)
        empty = jnp.zeros_like(arriving)
        ring = jax.lax.dynamic_update_index_in_dim(ring, empty, slot, 0)
        return state._replace(arriving=arriving, ring=ring)

    def _deliver(
        self, state: ProjectionState, late: Array, post: Array | None, number: Clock, dt: float
    ) -> ProjectionState:
        """Deliver spikes whose time has come, then let the rules change the weights."""
        release, given = state.release, late
        to, by_post = self.to, self.by_post
        if state.terminals is not None:
            to = state.terminals.rows(to)
            by_post = None if by_post is None else state.terminals.columns(by_post)
        if self.release is not None:
            given, release = self.release.step(release, late, dt)
        if state.weight is None or by_post is None or post is None:
            arriving = deliver(to, given, self.weight)
            return state._replace(arriving=arriving, release=release)
        weight, rules = state.weight, []
        arriving = deliver(to, given, weight)
        now = Arrivals(late, post, arriving, number)
        both = Synapses(to, by_post)
        for rule, inner in zip(self.rules, state.rules, strict=True):
            weight, inner = rule.step(both, inner, weight, now, dt)
            rules.append(inner)
        return state._replace(arriving=arriving, release=release, weight=weight, rules=tuple(rules))


def _typed(x: Any, dtype: DTypeLike) -> Array:
    x = jnp.asarray(x)
    return x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x
