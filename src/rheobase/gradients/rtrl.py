"""Real-time recurrent learning, with a Jacobian of one block a neuron."""

from typing import Any

import equinox as eqx
from jax import Array

from rheobase.errors import ArgumentError, brief
from rheobase.gradients import online
from rheobase.gradients.cut import cut_off, require_no_autapses
from rheobase.train.driven import Driven
from rheobase.train.method import AbstractGradient, Judged, Objective


class RTRL(AbstractGradient):
    r"""Real-time recurrent learning by traces that follow each neuron by itself.

    The derivative of the state of a population by its weights is carried forwards with the
    block-diagonal part of its Jacobian: the variables of a neuron among each other, its weight onto
    itself, and its reset where its gradient goes through it (`SurrogateReset`). For one population
    without recurrent weights this is all there is, and the gradient that of backpropagation.

    - `decay`: None for whole traces (D-RTRL), of one number a weight, sample and state variable; a
      number from 0 to below 1 for the outer product of two factors that are averaged over about
      1/(1 - decay) steps (pp-prop), of one number a neuron.

    Memory does not grow with the number of steps where the readout is a leaky integrator and the
    loss one of its mean or maximum; else by two series as wide as the output.

    On a network connections within a cycle of populations are the recurrent ones. There the same
    derivative is taken by going back in time, whose memory grows with the number of steps.

    Errors: `ArgumentError` for layers that it cannot follow, and for a regulariser.

    Source: Williams & Zipser 1989, Neural Comput 1:270; Wang et al. 2024 (D-RTRL, pp-prop).

    >>> import numpy as np, rheobase as rb
    >>> model = rb.Sequential(rb.Linear(4, 20), rb.LIF(), rb.Linear(20, 2), rb.LI())
    >>> batch = np.full((8, 30, 4), 2.0), np.zeros(8, int)
    >>> value, gradient = rb.gradients.value_and_grad(model, batch, method=rb.gradients.RTRL())
    """

    decay: float | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        if self.decay is not None and not 0 <= self.decay < 1:
            raise ArgumentError(
                f"`decay` is a number from 0 to below 1, got {brief(self.decay)}. Write "
                "RTRL(decay=0.9)."
            )

    def check(self, model: Any) -> None:
        if not isinstance(model, Driven):
            online.blocks(self, model)
        elif self.decay is not None:
            raise ArgumentError(
                f"a network takes RTRL() with whole traces, got RTRL(decay={self.decay:g}), whose "
                "traces of rank one are those of a stack. Write gradient=rb.gradients.RTRL()."
            )
        else:
            require_no_autapses(model.network)

    def value_and_grad(
        self, model: Any, objective: Objective, x: Array, key: Array | None
    ) -> tuple[Judged, Any]:
        if isinstance(model, Driven):
            return cut_off(model, objective, x, key, detach=False)
        rule = online.Rule(True, self.decay, None)
        return online.gradient(self, model, objective, x, key, rule)
