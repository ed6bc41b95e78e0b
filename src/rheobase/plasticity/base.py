"""What a learning rule is: traces of spikes, and changes of weights that are products of them."""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from rheobase.declared import AbstractDeclared
from rheobase.errors import ArgumentError, ParameterError, UnknownName, brief
from rheobase.kernels.delivery import Targets
from rheobase.kernels.plasticity import Columns, Course, Ends, change
from rheobase.time import Clock
from rheobase.units import Quantity, Unit, UnitError, to_internal


class Synapses(NamedTuple):
    """The synapses of a rule, by presynaptic and by postsynaptic neuron."""

    to: Targets
    by_post: Columns


class Arrivals(NamedTuple):
    """What happens at the end of a step, when a rule acts."""

    pre: Array
    """Presynaptic spikes that arrive, (n_pre,)."""
    post: Array
    """Spikes of the postsynaptic neurons, (n_post,)."""
    delivered: Array
    """What the presynaptic ones have delivered: the weights may change after that."""
    number: Clock
    """Of the step, int32."""


class AbstractRule(AbstractDeclared):
    """A rule that changes weights.

    At the end of a step, what arrives is delivered with the weights as they are; then the arriving
    presynaptic spikes change them, then the postsynaptic spikes of this step: a pre- and a
    postsynaptic spike at the same time count as the presynaptic one first. Only the synapses of
    neurons that spiked are touched.

    Amplitudes are relative to the range of the weights. Weights lie between `w_min` (0 where it is
    left out) and `w_max`, the strongest: negative for an inhibitory weight in mV or nA.
    """

    @property
    @abstractmethod
    def bounds(self) -> tuple[Quantity, Quantity]:
        """The weakest and the strongest weight."""

    @abstractmethod
    def start(self, synapses: Synapses, dtype: Any) -> Any:
        """Return the state that it carries from step to step, at the beginning."""

    @abstractmethod
    def step(
        self, synapses: Synapses, state: Any, weight: Array, now: Arrivals, dt: float
    ) -> tuple[Array, Any]:
        """The weights and the state at the end of a step of dt (ms)."""

    @abstractmethod
    def check(self, dt: float) -> None:
        """Refuse what cannot be had with this time step (ms)."""

    @property
    def unit(self) -> Unit:
        """The unit of its weights."""
        return self.bounds[0].unit


class Traces(NamedTuple):
    """Memories of spikes that decay exponentially, named tuples of arrays."""

    pre: Any
    """Of presynaptic spikes, each (n_pre,)."""
    post: Any
    """Of postsynaptic spikes, each (n_post,)."""


class Change(NamedTuple):
    """A change pre[i] post[j] of the synapses from i to j, relative to the range of the weights."""

    pre: Array
    """(n_pre,); 0 where a neuron is silent, in what its spikes do."""
    post: Array
    """(n_post,); 0 where a neuron is silent, in what its spikes do."""
    depresses: bool
    """Whether `mu` makes it smaller near w_min, else near w_max."""


class AbstractTraceRule(AbstractRule):
    """A rule in which each spike changes weights by a product of traces of both sides."""

    w_max: eqx.AbstractVar[Quantity]
    w_min: eqx.AbstractVar[Quantity]
    mu: eqx.AbstractVar[float]

    @property
    def bounds(self) -> tuple[Quantity, Quantity]:
        return self.w_min, self.w_max

    @property
    def span(self) -> Array:
        """From the weakest to the strongest weight."""
        return self.w_max.value - self.w_min.value

    def course(self, depresses: bool) -> Course:
        """Bounds, and the dependence of a change on the weight."""
        weak, strong = self.w_min.value, self.w_max.value
        low, high = jnp.minimum(weak, strong), jnp.maximum(weak, strong)
        if depresses:
            return Course(low, high, weak, 1 / self.span, self.mu)
        return Course(low, high, strong, -1 / self.span, self.mu)

    @abstractmethod
    def time_constants(self) -> Traces:
        """The time constant (ms) of each trace."""

    @abstractmethod
    def on_pre(self, traces: Traces, spikes: Array) -> tuple[Change, Traces]:
        """Return the change by arriving presynaptic spikes (n_pre,), and the traces after them."""

    @abstractmethod
    def on_post(self, traces: Traces, spikes: Array) -> tuple[Change, Traces]:
        """Return the change by postsynaptic spikes (n_post,), and the traces after them."""

    def start(self, synapses: Synapses, dtype: Any) -> Traces:
        pre, post = self.time_constants()
        n_pre, n_post = synapses.by_post.to.n_post, synapses.to.n_post
        return Traces(
            jax.tree.map(lambda _: np.zeros(n_pre, dtype), pre),
            jax.tree.map(lambda _: np.zeros(n_post, dtype), post),
        )

    def decayed(self, traces: Traces, dt: float) -> Traces:
        """The traces dt (ms) later."""
        return jax.tree.map(
            lambda x, tau: x * jnp.exp(-dt / tau).astype(x.dtype), traces, self.time_constants()
        )

    def ends(self, change: Change) -> Ends:
        """A change in the unit of the weights."""
        return Ends(change.pre * self.span.astype(change.pre.dtype), change.post)

    def step(
        self, synapses: Synapses, state: Traces, weight: Array, now: Arrivals, dt: float
    ) -> tuple[Array, Traces]:
        traces = self.decayed(state, dt)
        by_pre, traces = self.on_pre(traces, now.pre)
        weight = self._changed(synapses.to, None, weight, by_pre, now.delivered)
        by_post, traces = self.on_post(traces, now.post)
        return self._changed(*synapses, weight, by_post, now.delivered), traces

    def _changed(self, to, by_post, weight, by, delivered):
        course = self.course(by.depresses)
        return change(to, by_post, weight, self.ends(by), course, delivered)

    def check(self, dt: float) -> None:
        pass


def bound(meaning: str, **default: Any) -> Any:
    """A field that holds a bound of the weights, a finite quantity of whatever dimension."""
    return eqx.field(converter=_bound, metadata={"meaning": meaning}, **default)


def _bound(value: Any) -> Any:
    if not isinstance(value, Quantity):
        return value  # refused by `require_bounds`, which knows more
    unit = value.unit.internal()
    return Quantity(to_internal(value, unit, "w_max", "w_max={}"), unit)


def weakest(w_min: Any, w_max: Any) -> Any:
    """`w_min`, or 0 in the unit of `w_max` where it was left out."""
    return 0 * w_max if w_min is None and isinstance(w_max, Quantity) else w_min


def require_bounds(rule: AbstractTraceRule) -> None:
    """Refuse bounds that are none."""
    kind = type(rule).__name__
    for name, value in (("w_max", rule.w_max), ("w_min", rule.w_min)):
        if not isinstance(value, Quantity):
            raise UnitError(
                f"`{name}` is in the unit of the weights, got {brief(value)}. "
                f"Write for example rb.{kind}(w_max=0.5*nA)."
            )
        if value.ndim:
            raise ParameterError(f"`{name}` is one bound for all synapses, got {brief(value)}.")
    if not rule.w_max.unit.same_dimension(rule.w_min.unit):
        raise UnitError(
            f"`w_min` is in {rule.w_min.unit} and `w_max` in {rule.w_max.unit}: both are in the "
            f"unit of the weights."
        )
    if any(isinstance(x.value, Tracer) for x in (rule.w_max, rule.w_min)):
        return
    span = np.asarray(rule.w_max.value) - np.asarray(rule.w_min.value)
    if not np.isfinite(span) or span == 0:
        raise ParameterError(
            f"`w_min` ({rule.w_min}) and `w_max` ({rule.w_max}) must be finite and differ: "
            f"amplitudes are relative to w_max - w_min."
        )


def require_exponent(mu: float) -> None:
    """Refuse an exponent of the weight that is none."""
    if isinstance(mu, bool) or not isinstance(mu, int | float) or not 0 <= mu < float("inf"):
        raise ArgumentError(
            f"`mu` is a number, 0 or more, got {brief(mu)}. Write mu=0.0 or mu=1.0."
        )


def require_pairing(pairing: str) -> None:
    """Refuse a pairing that does not exist."""
    if pairing not in PAIRINGS:
        raise UnknownName("pairing of spikes", pairing, PAIRINGS)


PAIRINGS = ("all", "nearest")
"""Every spike is paired with all earlier ones of the other side, or with the last one only."""


def jumped(trace: Array, spikes: Array, pairing: str) -> Array:
    """A trace after spikes: one more, or, where only the nearest counts, one."""
    return trace + spikes if pairing == "all" else trace * (1 - spikes) + spikes
