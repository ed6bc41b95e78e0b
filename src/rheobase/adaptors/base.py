"""What an adaptor is: a neuron that wraps a neuron and changes one thing about it."""

from typing import Any

import equinox as eqx
import jax
from jax import Array

from rheobase.errors import CompositionError, KeyRequired, brief
from rheobase.neurons.base import AbstractMembrane, AbstractNeuron, Onset
from rheobase.surrogate import AbstractSurrogate
from rheobase.units import Unit, nA


class AbstractAdaptor(AbstractNeuron):
    """Hands everything to the neuron inside; a final adaptor says what it does otherwise.

    An adaptor with variables of its own wraps the inner state in a NamedTuple whose first field is
    `neuron`, and says so by `inside` and `around`.
    """

    neuron: eqx.AbstractVar[AbstractMembrane]

    def inside(self, state: Any) -> Any:
        """The state of the neuron inside."""
        return state

    def around(self, state: Any, inner: Any) -> Any:
        """This adaptor's state with another state of the neuron inside."""
        return inner

    @property
    def firing(self) -> AbstractNeuron:
        """The neuron inside, where it must be one that fires."""
        if not isinstance(self.neuron, AbstractNeuron):
            raise CompositionError(
                f"{type(self.neuron).__name__} has no threshold and never fires."
            )
        return self.neuron

    @property
    def spike(self) -> AbstractSurrogate:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.firing.spike

    @property
    def onset(self) -> Onset:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.neuron.onset

    @property
    def receives(self) -> Unit:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.neuron.receives

    @property
    def gated(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.neuron.gated

    @property
    def target(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.neuron.target

    @property
    def crosses(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.neuron.crosses

    @property
    def random(self) -> bool:
        return self.neuron.random

    @property
    def continuous(self) -> bool:
        return self.neuron.continuous

    @property
    def pause(self) -> Array | float:
        return self.neuron.pause

    def lifted(self, by: Array) -> AbstractNeuron:
        return eqx.tree_at(lambda n: n.neuron, self, self.firing.lifted(by))

    def growth(self, z: Array) -> Array:
        return self.neuron.growth(z)

    @property
    def through_reset(self) -> bool:
        return self.firing.through_reset

    @property
    def resistance(self) -> Array | None:
        return self.neuron.resistance

    @property
    def kinds(self) -> str:
        return f"{type(self).__name__} > {self.neuron.kinds}"

    @property
    def title(self) -> str:
        return f"{type(self).__name__}({self.neuron.title})"

    def init(self) -> Any:
        return self.neuron.init()

    def derivative(self, state: Any, current: Array) -> Any:
        return self.neuron.derivative(state, current)

    def margin(self, state: Any) -> Array:
        return self.firing.margin(self.inside(state))

    def reset(self, state: Any) -> Any:
        return self.around(state, self.firing.reset(self.inside(state)))

    def perturb(
        self, state: Any, current: Array, dt: float, key: Array | None
    ) -> tuple[Any, Array]:
        inner, current = self.neuron.perturb(self.inside(state), current, dt, key)
        return self.around(state, inner), current

    def hold(self, old: Any, new: Any) -> Any:
        return self.around(new, self.neuron.hold(self.inside(old), self.inside(new)))

    def ready(self, state: Any) -> Array | bool:
        return self.neuron.ready(self.inside(state))

    def count(self, state: Any, spike: Array, dt: float) -> Any:
        return self.around(state, self.neuron.count(self.inside(state), spike, dt))

    def check(self, dt: float) -> None:
        self.neuron.check(dt)

    def check_substep(self, dt: float) -> None:
        self.neuron.check_substep(dt)


class AbstractStatefulAdaptor(AbstractAdaptor):
    """An adaptor with variables of its own, beside the inner state in the field `neuron`."""

    def inside(self, state: Any) -> Any:
        return state.neuron

    def around(self, state: Any, inner: Any) -> Any:
        return state._replace(neuron=inner)


def require_neuron(
    adaptor: str, neuron: Any, *, fires: bool = True, resets: bool = False, gated: bool = False
) -> None:
    """Refuse what the adaptor cannot wrap: no neuron, one that never fires, or has no reset.

    A neuron of a chip moves by a rule of its own, which knows of no adaptor but one that is `gated`
    and leaves the rule as it is.
    """
    name = type(neuron).__name__
    if isinstance(neuron, type):
        raise CompositionError(
            f"{adaptor} wraps a neuron, got the class {neuron.__name__}. "
            f"Write rb.{adaptor}(rb.{neuron.__name__}(), ...)."
        )
    if not isinstance(neuron, AbstractMembrane):
        raise CompositionError(
            f"{adaptor} wraps a neuron, got {brief(neuron)}. Write rb.{adaptor}(rb.LIF(), ...)."
        )
    if neuron.gated and not gated:
        raise CompositionError(
            f"{adaptor} cannot be put around {name}: a neuron of a chip moves by the rule of its "
            "circuits, which have refractoriness (Iref), adaptation (Iw_ahp) and mismatch "
            "(d2.mismatch) of their own. Leave the adaptor out."
        )
    if fires and neuron.onset is Onset.NEVER:
        raise CompositionError(
            f"{adaptor} changes what happens at a spike, and {name} never fires. "
            f"Leave the adaptor out, or wrap a neuron that fires, such as rb.LIF()."
        )
    if resets and neuron.onset is Onset.EDGE:
        raise CompositionError(
            f"{adaptor} needs a reset voltage, and {name} has none: its spike and its "
            f"refractoriness come from its own currents. Leave the adaptor out."
        )


def require_current(adaptor: str, neuron: Any) -> None:
    """Refuse what is no neuron, or one whose input is no current."""
    require_neuron(adaptor, neuron, fires=False)
    if not neuron.receives.same_dimension(nA):
        raise CompositionError(
            f"{adaptor} adds a current in nA, and {type(neuron).__name__} receives "
            f"{neuron.receives}. Write simulate(..., current=rb.stimulus.OrnsteinUhlenbeck(...)) "
            f"in {neuron.receives}, or wrap a neuron that receives nA, such as rb.LIF()."
        )


def split_key(adaptor: str, key: Array | None) -> tuple[Array, Array]:
    """A key for the adaptor's own draw and one for the neuron inside, which may draw too."""
    if key is None:
        raise KeyRequired(f"{adaptor} draws random numbers. Write key=jax.random.key(0).")
    mine, theirs = jax.random.split(key)
    return mine, theirs


def chain(neuron: AbstractMembrane) -> list[AbstractMembrane]:
    """The neuron and everything that it wraps, from the outside in."""
    found = [neuron]
    while isinstance(found[-1], AbstractAdaptor):
        found.append(found[-1].neuron)
    return found


def require_first(adaptor: type, neuron: AbstractMembrane) -> None:
    """Refuse a second adaptor of a kind that makes sense once."""
    if any(isinstance(inner, adaptor) for inner in chain(neuron)):
        name = adaptor.__name__
        raise CompositionError(
            f"{name} is already there, inside {type(neuron).__name__}: a second one would have no "
            f"meaning of its own. Keep one {name}."
        )
