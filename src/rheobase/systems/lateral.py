"""Dense feedback of spikes that are located in their step, and sent in two parts."""

from typing import Any, NamedTuple

import equinox as eqx
from jax import Array
from jaxtyping import Float

from rheobase.systems.base import AbstractEdge, Sender
from rheobase.systems.feedback import AbstractFeedback, echoes
from rheobase.systems.point import mixed
from rheobase.time import Clock


class Lying(NamedTuple):
    """What a lateral connection carries from step to step."""

    arriving: Float[Array, "*n"]
    """In the next step."""
    later: Float[Array, "slots *n"] | None
    """In the steps after it; None where nothing comes so late."""
    waiting: Float[Array, "*n"]
    """The parts of the spikes of the last step that are sent a step later."""


class Lateral(AbstractEdge):
    """Weights from a population onto itself, or another one of one shape.

    A spike a part s of the way through its step arrives one step after the beginning of the step in
    the part 1 - s, and one after its end in the part s.
    """

    feedback: AbstractFeedback
    pre: str = eqx.field(static=True)
    post: str = eqx.field(static=True)
    way: str = eqx.field(static=True)
    """How it acts: HELD or EARLY."""
    mix: float = eqx.field(static=True)
    """The part of their surrogate derivative that spikes keep."""

    @property
    def by(self) -> str:
        return self.way

    def arrive(self, memory: Lying, now: Sender | None) -> tuple[Array, Lying]:
        return memory.arriving, memory

    def send(
        self,
        memory: Lying,
        sender: Sender,
        post: Float[Array, "*n"] | None,
        number: Clock,
        dt: float,
    ) -> Lying:
        fired: Any = sender.fired
        spike = mixed(fired.spike, self.mix)
        parts = (1 - fired.fraction) * spike + memory.waiting
        arriving, later = echoes(parts, self.feedback.dense(), memory.later)
        return Lying(arriving, later, fired.fraction * spike)
