"""Point neurons with their synapses, their stepper, and what is recorded of them."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PyTree

from rheobase.errors import require_key
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.record import Record
from rheobase.step import pushed, step
from rheobase.steppers import AbstractStepper
from rheobase.systems.base import AbstractSystem, Arriving, Moved
from rheobase.time import Clock, fold_in


class Timed(NamedTuple):
    """Neurons whose spikes are located in their step, and what of these is sent a step later."""

    neurons: Any
    waiting: Float[Array, "*n"]


class Point(AbstractSystem):
    """A population of point neurons, of any shape.

    Where `mix` is a number its state is `Timed`, and a spike a part s of the way through step k is
    sent in two parts, 1 - s in step k and s in the next one. So what arrives moves continuously
    with the time of the spike, and comes as much later as its connection says, to second order.
    """

    neuron: AbstractMembrane
    stepper: AbstractStepper
    record: Record | None
    key: Array | None
    """For neurons that draw random numbers; folded with the number of each step."""
    substep: bool = eqx.field(static=True, default=False)
    """True where spikes are located in their step."""
    mix: float | None = eqx.field(static=True, default=None)
    """The part of their surrogate derivative that spikes sent in parts keep; None for no parts."""

    def step(self, state: PyTree, arriving: Arriving, number: Clock, dt: float) -> Moved:
        if self.mix is None:
            return self._step(state, arriving, number, dt)
        done = self._step(state.neurons, arriving, number, dt)
        if done.spike is None or done.fraction is None:
            return done._replace(state=Timed(done.state, state.waiting))
        spike = mixed(done.spike, self.mix)
        sent = (1 - done.fraction) * spike + state.waiting
        after = Timed(done.state, done.fraction * spike)
        return done._replace(spike=spike, state=after, sent=sent)

    def _step(self, state: PyTree, arriving: Arriving, number: Clock, dt: float) -> Moved:
        neuron = self.neuron
        key = fold_in(require_key(self.key), number) if neuron.random else None
        ready = neuron.arrive(state, arriving.through)
        if arriving.early is not None:
            ready = pushed(neuron, ready, arriving.early)
        current = jnp.zeros((), form(state)[1])
        for value in arriving.held:
            current = current + value
        kick = arriving.kick
        done = step(neuron, self.stepper, ready, current, kick, dt, key, self.substep)
        return Moved(done.spike, done.fraction, self._read(done.reached), done.state)

    def fires(self, state: PyTree) -> tuple[int, ...] | None:
        return None if self.neuron.onset is Onset.NEVER else form(state)[0]

    @property
    def in_parts(self) -> bool:
        return self.mix is not None and self.neuron.onset is not Onset.NEVER

    def voltage(self, state: PyTree, node: int) -> Float[Array, "*n"]:
        return variables.get(state if self.mix is None else state.neurons, "v")

    def _read(self, reached: PyTree) -> dict[str, Array]:
        record = self.record
        if record is None or not record.variables:
            return {}
        named, chosen = self.neuron.named(reached), record.indices
        return {
            name: named[name] if chosen is None else named[name][..., list(chosen)]
            for name in record.variables
        }


def mixed(spikes: Float[Array, "*n"], mix: float) -> Float[Array, "*n"]:
    """Return spikes with a part of their surrogate derivative."""
    still = jax.lax.stop_gradient(spikes)
    return still + mix * (spikes - still) if mix else still


def shared_out(
    spikes: Float[Array, "time *n"], fractions: Float[Array, "time *n"]
) -> Float[Array, "time *n"]:
    """Share each spike out over the end of the step before it and of its own, by its time.

    A spike of the first step is at its end as a whole.
    """
    early = (1 - fractions[1:]) * spikes[1:]
    late = jnp.concatenate([spikes[:1], fractions[1:] * spikes[1:]])
    return late + jnp.concatenate([early, jnp.zeros_like(spikes[:1])])


def form(state: PyTree) -> tuple[tuple[int, ...], Any]:
    """Tell the shape and the floating-point type of a population, from its state."""
    leaf = next(x for x in jax.tree.leaves(state) if jnp.issubdtype(x.dtype, jnp.floating))
    return leaf.shape, leaf.dtype
