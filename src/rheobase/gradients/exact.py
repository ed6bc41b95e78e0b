"""Gradients of spike times: what EventProp computes, for every neuron."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase import population
from rheobase.errors import ArgumentError, brief
from rheobase.gradients.base import require_sequential, went
from rheobase.neurons.base import AbstractMembrane
from rheobase.population import Carry, Course, Setting
from rheobase.systems.feedback import AbstractFeedback
from rheobase.systems.point import mixed
from rheobase.train.driven import Driven, How
from rheobase.train.graph import Graph
from rheobase.train.layers import Sequential, advance, begin
from rheobase.train.losses import CrossEntropy
from rheobase.train.method import AbstractGradient, Judged, Objective, spikes_of
from rheobase.units import DomainError


class Exact(AbstractGradient):
    r"""The gradient of spike times, without a surrogate.

    The model runs with its spikes located inside their steps, as `simulate(..., substep=True)`
    does: a spike of step k at t = t_k + s dt is where the margin m crosses zero on the stepper's
    way through the step, what follows starts from the reset state at t, and the layers after it
    receive the spike at the two ends of its step, in parts 1 - s and s, so that their input moves
    continuously with t. All this is differentiated as it is, with

    dt/dp = -(∂m/∂p)/(dm/dt)

    at each crossing, from which the jumps of EventProp's adjoint (Wunderlich & Pehle 2021) and the
    saltation matrix of any other neuron follow by the chain rule. The gradient equals finite
    differences of the loss of that run, as long as no spike comes or goes.

    - `surrogate`: how much of the surrogate gradient is mixed in, 0 to 1. A silent neuron has no
      spike time and so no gradient; with 0.1 it gets a tenth of what `Surrogate` would give.
      The other way is a regulariser, `fit(..., regulariser=rb.losses.spike_bounds(lower=0.5))`,
      whose gradient always takes the surrogate.

    In a `Recurrent` layer a spike reaches the others one step after it happened. Where the last
    layer fires, its output is its spikes in two parts each; `cross_entropy("first_spike")` gets the
    exact time.

    Errors: `ArgumentError` for a model that is no `Sequential`; `DomainError`.

    Source: Wunderlich & Pehle 2021, Sci Rep 11:12829; Leine & Nijmeijer 2004 (saltation).

    >>> import numpy as np, rheobase as rb
    >>> model = rb.Sequential(rb.Linear(4, 20), rb.LIF(), rb.Linear(20, 2), rb.LI())
    >>> batch = np.full((8, 30, 4), 2.0), np.zeros(8, int)
    >>> value, gradient = rb.gradients.value_and_grad(model, batch, method=rb.gradients.Exact())
    """

    surrogate: float = eqx.field(static=True, default=0.0)

    def __check_init__(self):
        if not 0 <= self.surrogate <= 1:
            raise DomainError(
                f"`surrogate` is a part of a gradient, from 0 to 1, got {brief(self.surrogate)}. "
                f"Write Exact(surrogate=0.1)."
            )

    def check(self, model: Any) -> None:
        if isinstance(model, Driven):
            model.check_substep()
            return
        require_sequential(self, model)
        for neuron in model.populations:
            neuron.check_substep(model.dt)
        for position, layer in enumerate(model.layers):
            if isinstance(layer, Graph):
                raise ArgumentError(
                    f"Exact locates spikes in single populations, and layer {position} is a "
                    f"Graph. Write gradient=rb.gradients.Surrogate()."
                )

    def value_and_grad(
        self, model: Any, objective: Objective, x: Array, key: Array | None
    ) -> tuple[Judged, Any]:
        if isinstance(model, Driven):
            return went(model, How(mix=self.surrogate), objective, x, key)

        def judged(model: Sequential) -> tuple[Array, Judged]:
            output, recordings = self.run(model, x, key)
            found = scored(objective, output, recordings, self.surrogate)
            return found.value, found

        gradient, found = eqx.filter_grad(judged, has_aux=True)(model)
        return found, gradient

    def run(self, model: Sequential, x: Array, key: Array | None = None) -> Any:
        """Output (time, batch, n) and recordings of a model whose spike times have derivatives.

        For a loss of one's own on spike times, `rb.gradients.spike_times(recordings[0], 3)`.
        """
        runs = [self.population] * len(model.layers)
        done = advance(model, begin(model, x), x, key, runs=runs)
        return done.output, done.recordings

    def population(
        self,
        neuron: AbstractMembrane,
        inputs: Array,
        setting: Setting,
        weight: AbstractFeedback | None = None,
        carry: Carry | None = None,
    ) -> Course:
        """As `rheobase.population.run`, with spikes inside their steps."""
        return population.run(neuron, inputs, setting, weight, carry, self.surrogate)


def scored(objective: Objective, output: Array, recordings: Any, mix: float) -> Judged:
    """What an objective makes of a run whose last population has its spikes inside steps."""
    loss = objective.loss
    if isinstance(loss, CrossEntropy) and loss.code == "first_spike":
        last = recordings[-1]
        output = _onsets(mixed(last.spikes, mix), last.fractions)
    return objective(output, spikes_of(recordings))


def _onsets(spikes: Array, fractions: Array) -> Array:
    """What makes `readouts.first_spike` count the steps to the first spike to its fraction."""
    still = jax.lax.stop_gradient(spikes)
    before = jnp.cumsum(still, axis=0) - still
    leading = jnp.where(before > 0, 0, still)
    early = (1 - fractions[1:]) * leading[1:]
    return spikes + jnp.concatenate([early, jnp.zeros_like(spikes[:1])])
