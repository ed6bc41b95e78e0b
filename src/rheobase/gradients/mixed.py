"""Another gradient method for each population."""

from collections.abc import Mapping
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase import population
from rheobase.errors import ArgumentError, brief
from rheobase.gradients.base import require_sequential
from rheobase.gradients.eprop import EProp
from rheobase.gradients.exact import Exact, scored
from rheobase.gradients.online import detached
from rheobase.gradients.rtrl import RTRL
from rheobase.gradients.surrogate import Surrogate
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.population import Carry, Course, Run, Setting
from rheobase.systems.feedback import AbstractFeedback, Way
from rheobase.time import Clock
from rheobase.train.graph import Graph
from rheobase.train.layers import Sequential, advance, begin
from rheobase.train.method import AbstractGradient, Judged, Objective, spikes_of
from rheobase.train.recurrent import Recurrent
from rheobase.train.weights import innermost


class Mixed(AbstractGradient):
    r"""One gradient method for most populations, and others for some of them.

    A method says how the derivative goes through a population; between populations it is the chain
    rule. So the weights before a population have the gradient of its method as well, given the
    derivative of the loss by its spikes, and that comes down through the populations above it by
    their methods:

    - `Surrogate()`: the surrogate in the place of the step; with `checkpoint` the states of this
      population are kept at every k-th step only, with `truncate` its own memory is cut;
    - `Exact()`: spike times, located inside the steps: what this population sends is then in two
      parts, as in a run of `Exact`;
    - `EProp()`: without the way of its spikes back to itself and through its reset;
    - `RTRL()`: the same with each neuron's weight onto itself, and its reset where its gradient
      goes through it.

    The last two leave out what they leave out when they go forwards in time; here the rest is taken
    on the way back, for any layer before them and with regularisers, at the memory of `Surrogate`.
    Given the same input, the last population that fires, and what follows it, has the gradient of
    its method for the whole model. Where all have one method, it is this one as it stands.

    - `method`: that of all populations that are not named; `Surrogate()` by default.
    - `layers`: from the number of a layer that fires to its method, `{1: rb.gradients.EProp()}`.

    Errors: `ArgumentError` for a number that is no population that fires, for random feedback, and
    for traces of rank one.

    >>> import numpy as np, rheobase as rb
    >>> model = rb.Sequential(rb.Linear(4, 20), rb.Recurrent(rb.ALIF(), 20), rb.Linear(20, 20),
    ...                       rb.LIF(), rb.Linear(20, 2), rb.LI())
    >>> batch = np.full((8, 30, 4), 2.0), np.zeros(8, int)
    >>> method = rb.gradients.Mixed(rb.gradients.Surrogate(), {1: rb.gradients.EProp()})
    >>> value, gradient = rb.gradients.value_and_grad(model, batch, method=method)
    """

    method: AbstractGradient
    others: tuple[AbstractGradient, ...]
    positions: tuple[int, ...] = eqx.field(static=True)

    def __init__(
        self,
        method: AbstractGradient | None = None,
        layers: Mapping[int, AbstractGradient] | None = None,
    ):
        self.method = Surrogate() if method is None else method
        layers = {} if layers is None else layers
        if not isinstance(layers, Mapping):
            raise ArgumentError(
                f"`layers` goes from numbers of layers to methods, got {brief(layers)}. "
                f"Write Mixed(rb.gradients.Surrogate(), {{1: rb.gradients.EProp()}})."
            )
        self.positions, self.others = tuple(layers), tuple(layers.values())
        for one in (self.method, *self.others):
            _require_method(one)

    def check(self, model: Any) -> None:
        firing = _firing(require_sequential(self, model))
        for position in self.positions:
            if position not in firing:
                raise ArgumentError(
                    f"Mixed gives a method to layer {position!r}, and the populations that fire "
                    f"are layers {firing}. The weights before a population go by its method. Write "
                    f"Mixed(rb.gradients.Surrogate(), {{{firing[-1] if firing else 1}: ...}})."
                )
        alone = self._alone(model)
        if alone is not None:
            alone.check(model)

    def value_and_grad(
        self, model: Any, objective: Objective, x: Array, key: Array | None
    ) -> tuple[Judged, Any]:
        alone = self._alone(model)
        if alone is not None:
            return alone.value_and_grad(model, objective, x, key)
        given = dict(zip(self.positions, self.others, strict=True))
        methods = {place: given.get(place, self.method) for place in _firing(model)}
        last = methods.get(len(model.layers) - 1)
        runs = [
            population.run if place not in methods else run_of(methods[place])
            for place in range(len(model.layers))
        ]

        def judged(model: Sequential) -> tuple[Array, Judged]:
            done = advance(model, begin(model, x), x, key, runs=runs)
            if isinstance(last, Exact):
                found = scored(objective, done.output, done.recordings, last.surrogate)
            else:
                found = objective(done.output, spikes_of(done.recordings))
            return found.value, found

        gradient, found = eqx.filter_grad(judged, has_aux=True)(model)
        return found, gradient

    def _alone(self, model: Sequential) -> AbstractGradient | None:
        """The method of all populations, where there is one."""
        firing = _firing(model)
        methods = list(self.others)
        graphs = any(isinstance(layer, Graph) for layer in model.layers)
        if len(methods) < len(firing) or not methods or graphs:
            methods.append(self.method)
        first, *rest = methods
        return first if all(_same(first, other) for other in rest) else None


class _Cut(AbstractFeedback):
    """Connections without the way back of the derivative from what arrived to what was sent."""

    whole: AbstractFeedback
    own: Array | None
    """(n,), the weights of each onto itself, by which it goes; None for none."""

    @property
    def damping(self) -> float:
        return self.whole.damping

    @property
    def slots(self) -> int:
        return self.whole.slots

    def dense(self) -> Array:
        return self.whole.dense()

    def enter(self, way: Way) -> Any:
        return self.whole.enter(way)

    def leave(self, memory: Any, way: Way, steps: int) -> Array | None:
        return self.whole.leave(memory, way, steps)

    def moved(self, sent: Array, memory: Any, number: Array) -> tuple[Array, Any]:
        still = jax.lax.stop_gradient(sent)
        arriving, memory = self.whole.moved(still, memory, number)
        if self.own is None:
            return arriving, memory
        own = jax.lax.stop_gradient(self.own).reshape(*(1,) * (sent.ndim - 1), -1)
        return arriving + own * (sent - still), memory

    def slope(self, sent: Array, cotangent: Array) -> Self:
        whole = self.whole.slope(sent, cotangent)
        own = None if self.own is None else jnp.zeros_like(self.own)
        return eqx.tree_at(
            lambda c: (c.whole, c.own), self, (whole, own), is_leaf=lambda x: x is None
        )


def run_of(method: AbstractGradient) -> Run:
    """How a method runs one population."""
    if isinstance(method, Exact):
        return method.population

    def run(
        neuron: AbstractMembrane,
        inputs: Array,
        setting: Setting,
        weight: AbstractFeedback | None = None,
        carry: Carry | None = None,
    ) -> Course:
        if isinstance(method, EProp):
            neuron = detached(neuron)
        if isinstance(method, EProp | RTRL) and weight is not None:
            weight = _cut(weight, own=isinstance(method, RTRL))

        def part(carry: Any, x: Array, first: Any) -> tuple[Any, Any]:
            done = population.run(neuron, x, setting._replace(first=first), weight, carry)
            return done.final, (done.emitted, done.spikes, done.traces)

        carry = population.begin(neuron, weight, inputs) if carry is None else carry
        first = Clock.of(setting.first)
        if isinstance(method, Surrogate):
            final, found = method.stretched(part, carry, inputs, first)
        else:
            final, found = part(carry, inputs, first)
        emitted, spikes, traces = found
        return Course(emitted, spikes, None, traces, final)

    return run


def _cut(weight: AbstractFeedback, own: bool) -> _Cut:
    if not own:
        return _Cut(weight, None)
    dense = weight.dense()
    return _Cut(weight, jnp.diagonal(dense if dense.ndim == 2 else dense[0]))


def _firing(model: Sequential) -> list[int]:
    """The numbers of the layers that are populations that fire."""
    layers = map(innermost, model.layers)
    neurons = [layer.neuron if isinstance(layer, Recurrent) else layer for layer in layers]
    return [
        place
        for place, neuron in enumerate(neurons)
        if isinstance(neuron, AbstractMembrane) and neuron.onset is not Onset.NEVER
    ]


def _same(one: AbstractGradient, two: AbstractGradient) -> bool:
    if jax.tree.structure(one) != jax.tree.structure(two):
        return False
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True)
    return all(a is b for a, b in leaves)


def _require_method(method: Any) -> None:
    """Refuse what does not say how one population is differentiated."""
    cure = "Write Mixed(rb.gradients.Surrogate(), {1: rb.gradients.EProp()})."
    if isinstance(method, EProp) and method.feedback == "random":
        raise ArgumentError(
            f"Mixed has the derivative come down through the layers, and EProp('random') draws a "
            f"way of its own from the output. {cure}"
        )
    if isinstance(method, RTRL) and method.decay is not None:
        raise ArgumentError(
            f"Mixed takes RTRL() with whole traces, got RTRL(decay={method.decay:g}), whose traces "
            f"of rank one exist forwards in time only. {cure}"
        )
    if not isinstance(method, Surrogate | Exact | EProp | RTRL):
        raise ArgumentError(
            f"Mixed takes the methods Surrogate, Exact, EProp and RTRL, got {brief(method)}. {cure}"
        )
