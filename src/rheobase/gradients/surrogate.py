"""Backpropagation through time by surrogate derivatives: full, checkpointed, truncated."""

import math
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax import Array

from rheobase.errors import ArgumentError, brief
from rheobase.gradients.base import require_sequential, went
from rheobase.loop import blocks
from rheobase.time import Clock
from rheobase.train.driven import Driven, How
from rheobase.train.layers import Passage, Sequential, advance, begin
from rheobase.train.method import AbstractGradient, Judged, Objective, Plain, spikes_of
from rheobase.train.norm import BatchNorm


class Surrogate(AbstractGradient):
    r"""Backpropagation through time, with the surrogate of each neuron in the place of its step.

    Full backpropagation keeps the state of every step. With checkpoints it keeps that of every
    k-th step only, and runs the steps between once more on the way back:

    - `checkpoint`: True for k = sqrt(T) steps, so that memory grows with sqrt(T) and each step is
      run three times instead of twice; a whole number for that k; False for full backpropagation.
      The gradient is the same but for rounding.
    - `truncate`: cut the gradient after so many steps (Williams & Peng 1990): what happened before
      the last multiple of it counts as given. With checkpoints, memory then follows from it.

    What is kept besides is the input and the output of the model.

    Errors: `ArgumentError`, also where checkpoints or truncation are asked of a model that is no
    `Sequential`.

    Source of checkpoints: Griewank 1992, Optim Methods Softw 1:35; Chen et al. 2016,
    arXiv:1604.06174.

    >>> import numpy as np, rheobase as rb
    >>> model = rb.Sequential(rb.Linear(4, 20), rb.LIF(), rb.Linear(20, 2), rb.LI())
    >>> batch = np.ones((8, 100, 4)), np.zeros(8, int)
    >>> full, lean = (rb.gradients.value_and_grad(model, batch, method=rb.gradients.Surrogate(c))
    ...               for c in (False, True))
    >>> np.allclose(full[1].layers[0].weight, lean[1].layers[0].weight, rtol=1e-4)
    True
    """

    checkpoint: bool | int = eqx.field(static=True, default=False)
    truncate: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        for name, value in (("checkpoint", self.checkpoint), ("truncate", self.truncate)):
            if value is None or isinstance(value, bool) and name == "checkpoint":
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ArgumentError(
                    f"`{name}` is a whole number of steps >= 1, got {brief(value)}. "
                    f"Write Surrogate({name}=100)."
                )

    def check(self, model: Any) -> None:
        if (self.checkpoint or self.truncate) and not isinstance(model, Driven):
            require_sequential(self, model)

    def value_and_grad(
        self, model: Any, objective: Objective, x: Array, key: Array | None
    ) -> tuple[Judged, Any]:
        if not (self.checkpoint or self.truncate):
            return Plain().value_and_grad(model, objective, x, key)
        if isinstance(model, Driven):
            how = How(checkpoint=self.checkpoint, truncate=self.truncate)
            return went(model, how, objective, x, key)

        def judged(model: Sequential) -> tuple[Array, Judged]:
            output, spikes = self.run(model, x, key, objective.regulariser is not None)
            found = objective(output, spikes)
            return found.value, found

        gradient, found = eqx.filter_grad(judged, has_aux=True)(model)
        return found, gradient

    def run(
        self, model: Sequential, x: Array, key: Array | None, spiking: bool
    ) -> tuple[Array, tuple[Array, ...]]:
        """The output of a model, and its spikes where they are asked for."""
        require_stretches(model)

        def part(carries: Any, x: Array, first: Clock) -> tuple[Any, Any]:
            return _plain(model, carries, x, first, key, spiking)

        return self.stretched(part, begin(model, x), x, Clock.of(0))[1]

    def stretched(self, part: Any, carries: Any, x: Array, first: Clock) -> tuple[Any, Any]:
        """`carries, outputs = part(carries, x, first)` over x, cut and run again as is asked."""
        stretch = len(x) if self.truncate is None else min(self.truncate, len(x))

        def cut(carries: Any, x: Array, first: Clock) -> tuple[Any, Any]:
            carries, outputs = self._checkpointed(part, carries, x, first)
            return jax.lax.stop_gradient(carries), outputs

        return _stretches(cut, carries, x, first, stretch)

    def _checkpointed(self, part: Any, carries: Any, x: Array, first: Clock) -> tuple[Any, Any]:
        if self.checkpoint is False:
            return part(carries, x, first)
        every = max(1, math.isqrt(len(x))) if self.checkpoint is True else self.checkpoint
        again = jax.checkpoint(part, prevent_cse=False)
        return _stretches(again, carries, x, first, min(every, len(x)))


def _plain(
    model: Sequential,
    carries: Any,
    x: Array,
    first: Clock,
    key: Array | None,
    spiking: bool,
) -> tuple[Any, tuple[Array, tuple[Array, ...]]]:
    done: Passage = advance(model, carries, x, key, first=first)
    spikes = spikes_of(done.recordings) if spiking else ()
    return done.carries, (done.output, spikes)


def forwards(model: Sequential, x: Array, key: Array | None, steps: int) -> Array:
    """The output of a model, run in stretches so that nothing else is as long as x."""

    def part(carries: Any, x: Array, first: Clock) -> tuple[Any, Any]:
        return _plain(model, carries, x, first, key, False)

    start = begin(model, x), x, Clock.of(0)
    return _stretches(part, *start, min(steps, len(x)))[1][0]


def require_stretches(model: Sequential) -> None:
    """Refuse a model with a layer that, while it trains, must see all steps at once."""
    for position, layer in enumerate(model.layers):
        if isinstance(layer, BatchNorm) and layer.active:
            raise ArgumentError(
                f"BatchNorm (layer {position}) takes its statistics over all steps, and "
                f"checkpoints and truncation run a stretch of them at a time. Write "
                f"gradient=rb.gradients.Surrogate()."
            )


def _stretches(part: Any, carries: Any, x: Array, first: Clock, steps: int) -> tuple[Any, Any]:
    """`part` over stretches of `steps` steps in a loop, and over what is left of x after them."""

    def stretch(carries: Any, rows: Any) -> tuple[Any, Any]:
        x, numbers = rows
        return part(carries, x, jax.tree.map(lambda n: n[0], numbers))

    return blocks(stretch, carries, (x, first.ahead(len(x))), len(x), steps)
