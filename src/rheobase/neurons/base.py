"""The contract of a neuron: four functions, written for one element.

From them come every stepper, surrogate gradients, adaptors, unit proofs and tables. A neuron knows
no time step, no clock, no integrator, no recorder and no randomness.
"""

import enum
from abc import abstractmethod
from typing import Any, ClassVar, NoReturn

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase import printed
from rheobase.declared import AbstractDeclared
from rheobase.errors import ArgumentError
from rheobase.neurons import gates, variables
from rheobase.phi import phi
from rheobase.surrogate import AbstractSurrogate
from rheobase.units import Role, Unit, nA
from rheobase.units.fields import of_role

_STEEPEST = 30.0
"""exp(30) = 1e13 carries any voltage past its threshold, and stays finite in float32."""


class Onset(enum.Enum):
    """How the spike of a neuron begins, which decides what a step does at its threshold."""

    NEVER = "never"
    """It does not fire: a readout."""
    LEVEL = "level"
    """It fires in every step that ends with `margin >= 0`."""
    UPSTROKE = "upstroke"
    """As LEVEL, and its voltage runs away to infinity: a step holds it at the threshold."""
    EDGE = "edge"
    """It has no reset; it fires in the step in which `margin` rises from below zero."""


class AbstractMembrane(AbstractDeclared):
    """What has a state and a derivative: a neuron, or a readout that never fires.

    `receives` is the unit of the input `current`; `target` names the variable to which an
    instantaneous (delta) input is added.
    """

    onset: ClassVar[Onset] = Onset.NEVER
    receives: ClassVar[Unit] = nA
    target: ClassVar[str] = "v"
    crosses: ClassVar[str] = "v"
    """The variable in which it reaches its threshold."""
    gated: ClassVar[bool] = False
    """Whether its synapses are circuits of its own, and act on no voltage `v`."""
    implicit: ClassVar[bool] = False
    """Whether its voltages are coupled so strongly that implicit steps advance it."""

    def __str__(self) -> str:
        return printed.model(self)

    def __repr__(self) -> str:
        return printed.line(self)

    @abstractmethod
    def init(self) -> Any:
        """The state at rest, a NamedTuple."""

    @abstractmethod
    def derivative(self, state: Any, current: jax.Array) -> Any:
        """d(state)/dt, of the same structure, in the unit of each variable per ms."""

    @property
    def own_stepper(self) -> Any:
        """The stepper that advances it where the user names none; None for the general default."""
        return None

    def growth(self, z: jax.Array) -> jax.Array:
        """How far the voltage goes in a step, over dt dv/dt, at z = dt d(dv/dt)/dv.

        φ(z) of exponential growth and decay; a neuron whose voltage runs away knows better.
        """
        return phi(jnp.minimum(z, _STEEPEST))

    # What networks, runs and fits ask of neurons, of cells and of sources alike.

    @property
    def kinds(self) -> str:
        """What it is, in few words, by which a run that goes on knows it again."""
        return type(self).__name__

    @property
    def title(self) -> str:
        """Its name in tables and reports."""
        return type(self).__name__

    @property
    def units(self) -> dict[str, Unit]:
        """The unit of each of its variables."""
        return variables.units(jax.eval_shape(self.init))

    @property
    def resistance(self) -> jax.Array | None:
        """Its parameter of that role (MOhm), by which a voltage is a current."""
        return of_role(self, Role.RESISTANCE)

    @property
    def outputs(self) -> int:
        """How many places of it fire."""
        return int(self.onset is not Onset.NEVER)

    @property
    def gated_parts(self) -> tuple[tuple[str, Any], ...]:
        """Its parts that may have gates, each with its name and `gate_rates`."""
        return ((type(self).__name__, self),)

    def gate_rates(self, voltages: np.ndarray) -> dict[str, jax.Array]:
        """How fast each gate relaxes (1/ms) at voltages (mV), by name."""
        return gates.gate_rates(self, voltages)

    def sites(self, at: Any) -> tuple[int, ...]:
        """The places at which something arrives: there is one."""
        if at is not None:
            raise ArgumentError("`at` is a place on a cell: leave it out for a point neuron.")
        return (0,)

    def synapse_shape(self, n: int, sites: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the states of synapses on n of it."""
        return (n,)

    def probes(self, record: Any, clamps: Any, synapses: Any) -> Any:
        """The record as a step reads it: that of points goes by neuron, as it is."""
        return record

    def clamps(self, given: Any, dt: float) -> NoReturn:
        """Refuse clamps, which go by place."""
        raise ArgumentError(
            f"`clamp` is for cells, whose places it goes by, and {self.title} has none: write "
            "rb.Cell(tree), or leave it out."
        )

    # What follows is for adaptors: a model leaves it as it is.

    def named(self, state: Any) -> dict[str, jax.Array]:
        """The variables of a state by the names under which they are recorded."""
        return dict(variables.items(state))

    def arrive(self, state: Any, arrived: tuple[jax.Array, ...]) -> Any:
        """The state after these total weights have arrived at each kind of its synapses."""
        return state

    @property
    def random(self) -> bool:
        """Whether a step draws random numbers."""
        return False

    def perturb(
        self, state: Any, current: jax.Array, dt: float, key: jax.Array | None
    ) -> tuple[Any, jax.Array]:
        """The state and the current of this step after random disturbance."""
        return state, current

    def hold(self, old: Any, new: Any) -> Any:
        """What a step from `old` to `new` really becomes; a refractory neuron does not move."""
        return new

    def ready(self, state: Any) -> jax.Array | bool:
        """Whether it may fire in the step that begins at `state`."""
        return True

    @property
    def pause(self) -> jax.Array | float:
        """The time (ms) after a spike in which it cannot fire."""
        return 0.0

    def count(self, state: Any, spike: jax.Array, dt: float) -> Any:
        """The state after its counters of steps have been advanced."""
        return state

    def check(self, dt: float) -> None:
        """Refuse a time step (ms) that the neuron cannot take."""

    @property
    def continuous(self) -> bool:
        """Whether its stepper goes through a step evenly, so that a spike can be located in it."""
        return True

    def check_substep(self, dt: float) -> None:
        """Refuse a time step (ms) in which spikes cannot be located between its ends."""


class AbstractNeuron(AbstractMembrane):
    """A membrane that fires.

    A final class declares its parameters as `quantity` fields, `spike` (the surrogate that gives a
    spike its derivative), and the four functions `init`, `derivative`, `margin` and `reset`.
    """

    spike: eqx.AbstractVar[AbstractSurrogate]

    onset: ClassVar[Onset] = Onset.LEVEL

    @abstractmethod
    def margin(self, state: Any) -> jax.Array:
        """Signed, dimensionless distance to threshold; the neuron fires where it is >= 0.

        Linear in the voltage, one unit long from reset to threshold: (v - v_th)/(v_th - v_reset).
        """

    @abstractmethod
    def reset(self, state: Any) -> Any:
        """The state just after the spike; the same state for a neuron without reset."""

    def lifted(self, by: jax.Array) -> "AbstractNeuron":
        """The neuron with its upstroke beginning `by` (mV) higher; without one, the neuron."""
        return self

    @property
    def through_reset(self) -> bool:
        """Whether a gradient counts every input once, through the reset, or is cut there."""
        return False


def span(neuron: AbstractNeuron, state: Any) -> jax.Array:
    """Voltage (mV) from reset to threshold, by which `margin` is scaled: 1/(d margin/d v)."""
    v = variables.get(state, "v")
    _, slope = jax.jvp(
        lambda v: neuron.margin(variables.replace(state, "v", v)), (v,), (jnp.ones_like(v),)
    )
    return 1 / slope


@jax.custom_jvp
def at_most(v: jax.Array, limit: jax.Array | float, scale: jax.Array | float) -> jax.Array:
    """The smaller of v and limit; beyond the limit the derivative fades as (1 + excess/scale)^-2.

    On an upstroke dv/dp grows in proportion to the excess; this fading keeps gradients bounded
    without cutting the path by which a surrogate teaches the spikes that happened.
    """
    return jnp.minimum(v, limit)


@at_most.defjvp
def _(primals, tangents):
    v, limit, scale = primals
    dv, dlimit, _ = tangents
    over = v > limit
    fade = (1 + jnp.where(over, jnp.minimum(v - limit, 1e12 * scale), 0) / scale) ** -2
    slope = jnp.where(over, fade, 1)
    return jnp.minimum(v, limit), slope * dv + jnp.where(over, 1 - slope, 0) * dlimit


@jax.custom_jvp
def softened(x: jax.Array, share: jax.Array | float) -> jax.Array:
    """x, whose derivative is `share` as large."""
    return x


@softened.defjvp
def _(primals, tangents):
    x, share = primals
    return x, share * tangents[0]


@jax.custom_jvp
def unseen(x: jax.Array) -> jax.Array:
    """Zero, with the derivative of x, which is not computed forwards."""
    # A choice that XLA sees through; a constant would not be batched as its derivative is.
    return jnp.where(jnp.zeros(jnp.shape(x), bool), x, 0)


@unseen.defjvp
def _(primals, tangents):
    return unseen(primals[0]), tangents[0]


def reset_by(neuron: AbstractNeuron, spike: jax.Array, state: Any) -> Any:
    """The state of a step after its spikes; the derivative does not go by the choice."""
    if neuron.onset is Onset.EDGE:
        return state
    fired = jax.lax.stop_gradient(spike) > 0
    if neuron.through_reset:
        # The spike has used up what led to it, however the reset is made.
        crossed = jax.lax.stop_gradient(variables.get(state, neuron.crosses))
        fresh = neuron.reset(variables.replace(state, neuron.crosses, crossed))
    else:
        fresh = neuron.reset(state)
    return jax.tree.map(
        lambda after, before: before if after is before else jnp.where(fired, after, before),
        fresh,
        state,
    )


_LAST = 1 - 1 / 256
"""The part of the way to a pole after which it goes on as a straight line, beyond any threshold."""


def approached(z: jax.Array, pole: float = 1.0) -> tuple[jax.Array, ...]:
    """What the growth of an upstroke with a pole is made of, without an exponential.

    φ = decay/left where z < 0, by a Padé approximant of third order that falls as -1/z; how far the
    pole is reached, 0 to just below 1; and, for a straight line, how much is beyond that.
    """
    below = jnp.minimum(z, 0)
    part = jnp.clip(z / pole, 0, _STEEPEST)
    rise = jnp.minimum(part, _LAST)
    left = 1 - below * (2 / 3 - below / 6)
    return 1 - below / 6, left, rise, (part - rise) / (1 - _LAST) ** 2
