"""The contracts of what moves, and of what carries its spikes and voltages to others."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
from jax import Array
from jaxtyping import Float, PyTree

from rheobase.time import Clock

HELD, KICK, EARLY = "held", "kick", "early"
"""How an input acts: through the whole step, at its end, or at its beginning."""


class Arriving(NamedTuple):
    """The inputs of a system in a step, wherever they come from."""

    held: tuple[Array, ...] = ()
    """Inputs that stand through the step, (n,) or one for all: nA, of a clamp the unit it holds."""
    kick: Float[Array, "*n"] | None = None
    """Added to its target at the end of the step; None for nothing."""
    early: Float[Array, "*n"] | None = None
    """Added to its target at the beginning of the step; None for nothing."""
    through: tuple[Array, ...] = ()
    """The total weight that arrives at each kind of its synapses, (n,) or (n * sites,)."""
    row: Array | None = None
    """Its row of `rows` for this step; None where it has none."""


class Moved(NamedTuple):
    """The result of a step."""

    spike: Float[Array, "*n"] | None
    """0 or 1; None of what never fires."""
    fraction: Float[Array, "*n"] | None
    """Where in the step the threshold was crossed, 0 to 1; None on the grid."""
    traces: dict[str, Array]
    """The variables that its record names, each (n,) or (places,)."""
    state: Any
    """The state from which the next step begins."""
    sent: Float[Array, "*n"] | None = None
    """The spikes as connections carry them; None where that is `spike`."""


class AbstractSystem(eqx.Module):
    """A neuron with its stepper, cells with what is imposed on them, or a list of spikes.

    It holds all that a run needs to step it, and what is to be recorded of it. Its state is made by
    the front that builds it.
    """

    record: eqx.AbstractVar[Any]
    """A `Record`, for cells `Probes`; None where nothing is kept."""

    @abstractmethod
    def step(self, state: PyTree, arriving: Arriving, number: Clock, dt: float) -> Moved:
        """Make step `number`, of dt (ms), from a state."""

    @abstractmethod
    def fires(self, state: PyTree) -> tuple[int, ...] | None:
        """Tell the shape of its spikes; None where it never fires."""

    @property
    def in_parts(self) -> bool:
        """Tell whether connections carry its spikes in parts."""
        return False

    @abstractmethod
    def voltage(self, state: PyTree, node: int) -> Float[Array, "*n"]:
        """Read the voltages (mV) that connections see; of cells, at a node."""

    def rows(self, start: Clock, steps: int) -> Any:
        """List what it is given in each step from `start` on, (steps, ...); None for nothing."""
        return None


class Fired(NamedTuple):
    """The spikes of a system in a step, or their sum over its steps in one of a slower system."""

    spike: Float[Array, "*n"]
    sent: Float[Array, "*n"] | None
    """The same as connections carry them, where that is something else."""
    fraction: Float[Array, "*n"] | None = None
    """Where in the step they are, 0 to 1; None on the grid."""


class Sender(NamedTuple):
    """A system after its step, as edges see it."""

    name: str
    fired: Fired | None
    """None of what never fires."""
    voltage: Callable[[int], Array]
    """The voltages (mV) that connections see; of cells, at a node."""

    @property
    def output(self) -> Float[Array, "*n"]:
        """Its spikes as connections carry them; of what never fires, its voltage."""
        if self.fired is None:
            return self.voltage(0)
        return self.fired.spike if self.fired.sent is None else self.fired.sent


class AbstractEdge(eqx.Module):
    """A connection by which what a system sends in a step reaches another one."""

    pre: eqx.AbstractVar[str]
    post: eqx.AbstractVar[str]

    @property
    @abstractmethod
    def by(self) -> str | int:
        """How it acts on its target: HELD, KICK, EARLY, or the number of a synapse."""

    @property
    def within(self) -> bool:
        """Tell whether it reaches its target in the same step, which then comes after `pre`."""
        return False

    @abstractmethod
    def arrive(self, memory: PyTree, now: Sender | None) -> tuple[Array, Any]:
        """Deliver what arrives in a step; `now` is the sender in this very step, if `within`."""

    @abstractmethod
    def send(
        self,
        memory: PyTree,
        sender: Sender,
        post: Float[Array, "*n"] | None,
        number: Clock,
        dt: float,
    ) -> Any:
        """Take what the sender sends at the end of a step.

        - `post`: the spikes of the target in the same step; None where it never fires.
        - `number`, `dt` (ms): of the steps of the target.
        """
