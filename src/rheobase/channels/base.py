"""The contract of what is inserted into a membrane: pure functions of state, voltage and ions.

A channel is written for one compartment and vectorised by broadcasting. It knows no time step, no
area, no neighbours and no temperature but that of its ions.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.channels.ions import Ions
from rheobase.declared import AbstractDeclared
from rheobase.errors import ArgumentError, brief
from rheobase.neurons import Onset
from rheobase.phi import phi
from rheobase.surrogate import AbstractSurrogate


class Stateless(NamedTuple):
    """The state of a channel that has none."""


class Gate(NamedTuple):
    """Where a variable is drawn, and how fast: dx/dt = rate (inf - x). Made by the two below."""

    inf: Array
    """What it would settle at."""
    rate: Array
    """1/ms."""


def by_rates(alpha: Array, beta: Array) -> Any:
    """The `Gate` of these rates (1/ms): dx/dt = alpha (1 - x) - beta x.

    >>> from rheobase.channels import by_rates
    >>> gate = by_rates(alpha=1.0, beta=3.0)
    >>> gate.inf, gate.rate
    (0.25, 4.0)
    """
    total = alpha + beta
    return Gate(alpha / total, total)


def by_time_constant(inf: Array, tau: Array) -> Any:
    """The `Gate` of this limit and time constant (ms): dx/dt = (inf - x)/tau.

    >>> from rheobase.channels import by_time_constant
    >>> by_time_constant(inf=0.3, tau=2.0).rate
    0.5
    """
    return Gate(inf, 1 / tau)


class AbstractMechanism(AbstractDeclared):
    """What can be inserted into a membrane. Derive from one of its four kinds, not from this.

    - `AbstractChannel`: variables that relax, given by `gates`.
    - `AbstractKinetics`: variables with any `derivative`, such as a Markov scheme.
    - `AbstractPump`: concentrations, moved by the currents of their ions.
    - `AbstractFiring`: a threshold and a reset on a compartment.
    """

    ion: ClassVar[str | None] = None
    """The field of `Ions` that its current carries: "na", "k", "ca" or "cl"; None for no one."""

    @property
    def label(self) -> str:
        """The name by which its variables are recorded."""
        return type(self).__name__

    @property
    def conducts(self) -> bool:
        """Whether it carries a current, given by `current`."""
        return True

    @property
    def reads(self) -> frozenset[str]:
        """The ions of whose currents its own current is made, as `flowing` of `Ions`.

        They are those of all mechanisms that read none.
        """
        return frozenset()

    @abstractmethod
    def init(self, v: Array, ions: Ions) -> Any:
        """The state, a NamedTuple, in which it settles at voltage v (mV)."""

    @abstractmethod
    def current(self, state: Any, v: Array, ions: Ions) -> Array:
        """Current out of the cell for each area, nA/um**2: a conductance times (v - e).

        A conductance declared in S/cm**2 is stored in uS/um**2, so that no factor is needed.
        """

    @abstractmethod
    def moved(self, state: Any, v: Array, ions: Ions, dt: float) -> Any:
        """The state dt (ms) later at constant voltage and ions."""

    def relaxation(self, v: Array, ions: Ions) -> dict[str, Array]:
        """How fast each variable relaxes at voltage v (1/ms), by name; empty where none does."""
        return {}

    def carried(self, state: Any, v: Array, ions: Ions) -> dict[str, Array]:
        """The part of its current that each ion carries; all of it is carried by `ion`."""
        return {} if self.ion is None else {self.ion: self.current(state, v, ions)}


class AbstractChannel(AbstractMechanism):
    """A channel whose variables relax: those of gates, and any other that is drawn to a value.

    A final class has parameters as `quantity` fields and two functions. `gates(v, ions)` returns
    the state, a NamedTuple, with a `Gate` for each variable, of which init and time course follow
    exactly at constant voltage. `current(state, v, ions)` is out of the cell, for each area.
    Voltages are in mV and rates in 1/ms, as the literature writes them.

    >>> from typing import Annotated, NamedTuple
    >>> from jax import Array
    >>> import rheobase as rb
    >>> from rheobase import channels as ch
    >>> from rheobase.units import S, anything, cm, dimensionless, mV, non_negative, quantity
    >>> class KState(NamedTuple):
    ...     n: Annotated[Array, dimensionless]
    >>> class K(ch.AbstractChannel):
    ...     g: Array = quantity(S / cm**2, non_negative, "conductance", default=0.036 * S / cm**2)
    ...     e: Array = quantity(mV, anything, "reversal potential", default=-77 * mV)
    ...     def gates(self, v, ions):
    ...         alpha = 0.1 * ch.exp_linear((v + 55) / 10)
    ...         return KState(n=ch.by_rates(alpha, 0.125 * ch.exponential(-(v + 65) / 80)))
    ...     def current(self, state, v, ions):
    ...         return self.g * state.n**4 * (v - self.e)
    """

    @abstractmethod
    def gates(self, v: Array, ions: Ions) -> Any:
        """The state with a `Gate` in place of each variable."""

    def init(self, v: Array, ions: Ions) -> Any:
        gates = self.gates(v, ions)
        _require_gates(gates, type(self).__name__)
        return jax.tree.map(lambda gate: gate.inf, gates, is_leaf=_is_gate)

    def moved(self, state: Any, v: Array, ions: Ions, dt: float) -> Any:
        def relaxed(gate: Gate, x: Array) -> Array:
            return gate.inf + (x - gate.inf) * jnp.exp(-dt * gate.rate)

        return jax.tree.map(relaxed, self.gates(v, ions), state, is_leaf=_is_gate)

    def relaxation(self, v: Array, ions: Ions) -> dict[str, Array]:
        gates, _ = jax.tree_util.tree_flatten_with_path(self.gates(v, ions), is_leaf=_is_gate)
        return {_name(path): jnp.broadcast_to(gate.rate, jnp.shape(v)) for path, gate in gates}


def _require_gates(gates: Any, name: str) -> None:
    """Refuse what is no state with a `Gate` for each variable."""
    leaves = jax.tree.leaves(gates, is_leaf=_is_gate)
    if _is_gate(gates) or not isinstance(gates, tuple) or not all(map(_is_gate, leaves)):
        got = "a bare Gate" if _is_gate(gates) else brief(gates)
        raise ArgumentError(
            f"`gates` of {name} returns its state, a NamedTuple, with a Gate for each variable, "
            f"got {got}. Write return {name}State(n=by_rates(alpha, beta))."
        )


class AbstractKinetics(AbstractMechanism):
    """A mechanism with any kinetics: a Markov scheme, or variables that act on one another.

    Each variable takes a step of exponential Euler, its own linear part exactly.
    """

    @abstractmethod
    def derivative(self, state: Any, v: Array, ions: Ions) -> Any:
        """d(state)/dt, of the same structure, per ms."""

    def moved(self, state: Any, v: Array, ions: Ions, dt: float) -> Any:
        return exponential_euler(lambda x: self.derivative(x, v, ions), state, dt)

    def relaxation(self, v: Array, ions: Ions) -> dict[str, Array]:
        state = jax.tree.map(lambda x: jnp.broadcast_to(x, jnp.shape(v)), self.init(v, ions))
        own = linearised(lambda x: self.derivative(x, v, ions), state, state)
        paths, _ = jax.tree_util.tree_flatten_with_path(state)
        return {_name(path): -slope for (path, _), (_, _, slope) in zip(paths, own, strict=True)}


class AbstractPump(AbstractMechanism):
    """What keeps concentrations: its state has them, for all channels of its compartments to see.

    They stand at whole steps, as the voltage does, and move by the currents in the middle of a
    step: exponential Euler, each variable's own linear part exactly, the others in the middle.
    """

    @property
    def conducts(self) -> bool:
        return False

    @abstractmethod
    def seen(self, state: Any, ions: Ions) -> Ions:
        """The ions with the concentrations of the state."""

    @abstractmethod
    def derivative(self, state: Any, carried: dict[str, Array], ions: Ions) -> Any:
        """d(state)/dt, per ms, while each ion carries such a current out of the cell (nA/um**2)."""

    def rate(self, state: Any, carried: dict[str, Array], v: Array, ions: Ions) -> Any:
        """d(state)/dt at voltage v (mV); `derivative`, where that does not matter."""
        return self.derivative(state, carried, ions)

    def current(self, state: Any, v: Array, ions: Ions) -> Array:
        return jnp.zeros_like(v)

    def moved(self, state: Any, v: Array, ions: Ions, dt: float) -> Any:
        return state

    def driven(  # noqa: PLR0913
        self,
        state: Any,
        carried: dict[str, Array],
        ions: Ions,
        dt: float,
        middle: Any = None,
        v: Array | None = None,
    ) -> Any:
        """The state after ions have flowed for dt (ms); `middle`: what it is in between, if known.

        To second order with the state of the middle, to first without. `v`: the voltage (mV), by
        which some pumps move too.
        """

        def rate(x: Any) -> Any:
            if v is None:
                return self.derivative(x, carried, ions)
            return self.rate(x, carried, v, ions)

        return exponential_euler(rate, state, dt, middle)


class AbstractFiring(AbstractMechanism):
    """A threshold on a compartment: where `margin >= 0` it fires, and is then reset.

    A spike is 0 or 1 exactly, and has the derivative of the surrogate `spike`.
    """

    spike: eqx.AbstractVar[AbstractSurrogate]
    through_reset: eqx.AbstractVar[bool]
    """Whether a gradient counts every input once, through the reset, or is cut there."""

    @property
    def onset(self) -> Onset:
        """How a spike begins; at an `EDGE` nothing is reset."""
        return Onset.LEVEL

    @property
    def pause(self) -> Array | float:
        """The time (ms) after a spike in which it cannot fire."""
        return 0.0

    @abstractmethod
    def margin(self, state: Any, v: Array) -> Array:
        """Signed, dimensionless distance to threshold, linear in v; -1 at the reset."""

    @abstractmethod
    def reset(self, state: Any, v: Array) -> tuple[Any, Array]:
        """State and voltage just after the spike."""

    def holds(self, state: Any) -> Array | None:
        """Whether the voltage is held where it is; None of what never holds it."""
        return None

    def ready(self, state: Any) -> Array | bool:
        """Whether it may fire in a step that begins at this state."""
        return True

    def check(self, dt: float) -> None:
        """Refuse a time step (ms) that it cannot take."""

    def emitted(self, old: Any, state: Any, before: Array, v: Array, dt: float) -> Array:
        """Whether it spikes, 0 or 1, in a step of dt (ms) from one state and voltage to others."""
        ready = self.ready(old)
        if self.onset is Onset.EDGE:
            ready = ready & (self.margin(old, before) < 0)
        return jnp.where(ready, self.spike(self.margin(state, v)), 0)

    def counted(self, state: Any, before: Array, v: Array, spike: Array, dt: float) -> Any:
        """The state after a step of dt (ms) to v: its counters have been advanced."""
        return state


def _name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path).strip(".")


def _is_gate(x: Any) -> bool:
    return isinstance(x, Gate)


def exponential_euler(rate: Callable[[Any], Any], state: Any, dt: float, others: Any = None) -> Any:
    """The state dt (ms) later: each variable's own linear part exactly, the others standing.

    `others`: where they stand, if not where they are.
    """
    moved = [
        x + phi(dt * slope) * (dt * f)
        for x, f, slope in linearised(rate, state, state if others is None else others)
    ]
    return jax.tree.unflatten(jax.tree.structure(state), moved)


def linearised(
    rate: Callable[[Any], Any], state: Any, others: Any
) -> list[tuple[Array, Array, Array]]:
    """Each variable, its rate of change while the others stand at `others`, and its own slope."""
    standing, structure = jax.tree.flatten(others)

    def one(i: int, x: Array) -> tuple[Array, Array, Array]:
        def own(x: Array) -> Array:
            changed = jax.tree.unflatten(structure, [*standing[:i], x, *standing[i + 1 :]])
            return jax.tree.leaves(rate(changed))[i]

        f, slope = jax.jvp(own, (x,), (jnp.ones_like(x),))
        return x, f, slope

    return [one(i, x) for i, x in enumerate(jax.tree.leaves(state))]
