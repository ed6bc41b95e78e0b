"""The contract of what moves: it takes what reaches it, and makes a step."""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
from jax import Array
from jaxtyping import Float

from rheobase.time import Clock


class Arriving(NamedTuple):
    """The inputs of a system in a step, wherever they come from."""

    held: tuple[Array, ...] = ()
    """Inputs that stand through the step, (n,) or one for all: nA, of a clamp the unit it holds."""
    kick: Float[Array, "*n"] | None = None
    """Added to its target at the end of the step; None for nothing."""
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
    def step(self, state: Any, arriving: Arriving, number: Clock, dt: float) -> Moved:
        """Make step `number`, of dt (ms), from a state."""

    @abstractmethod
    def fires(self, state: Any) -> tuple[int, ...] | None:
        """Tell the shape of its spikes; None where it never fires."""

    @property
    def in_parts(self) -> bool:
        """Tell whether connections carry its spikes in parts."""
        return False

    @abstractmethod
    def voltage(self, state: Any, node: int) -> Float[Array, "*n"]:
        """Read the voltages (mV) that connections see; of cells, at a node."""

    def rows(self, start: Clock, steps: int) -> Any:
        """List what it is given in each step from `start` on, (steps, ...); None for nothing."""
        return None
