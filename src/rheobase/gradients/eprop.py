"""Eligibility propagation."""

from typing import Any, Literal

import equinox as eqx
import jax
from jax import Array

from rheobase.errors import ArgumentError, UnknownName
from rheobase.gradients import online
from rheobase.gradients.cut import cut_off
from rheobase.train.driven import Driven
from rheobase.train.method import AbstractGradient, Judged, Objective


class EProp(AbstractGradient):
    r"""e-prop: eligibility traces times a learning signal, forwards in time.

    dL/dw_ij = sum over steps k of L_j(k) e_ij(k), where the trace e_ij = ds_j/dw_ij follows neuron
    j alone: what its spikes do to the others by recurrent weights, and to itself by its reset, is
    left out. L_j is the derivative of the loss by the spike of step k through the layers above,

    - `feedback="symmetric"`: by their own weights, transposed;
    - `"random"`: by fixed random ones from the readout to each population, drawn from `key`.

    With symmetric feedback and one population it is backpropagation through time with recurrent
    spikes and resets cut. It holds one number a weight, sample and state variable. Memory does
    not grow with the number of steps where the readout is a leaky integrator and the loss one of
    its mean or maximum; else by two series as wide as the output.

    On a network connections within a cycle of populations are the recurrent ones. There the same
    derivative is taken by going back in time, whose memory grows with the number of steps.

    Errors: `ArgumentError` for layers that it cannot follow, and for a regulariser; `UnknownName`.

    Source: Bellec et al. 2020, Nat Commun 11:3625.

    >>> import numpy as np, rheobase as rb
    >>> model = rb.Sequential(rb.Linear(4, 20), rb.Recurrent(rb.ALIF(), 20), rb.Linear(20, 2),
    ...                       rb.LI())
    >>> batch = np.full((8, 30, 4), 2.0), np.zeros(8, int)
    >>> value, gradient = rb.gradients.value_and_grad(model, batch, method=rb.gradients.EProp())
    """

    feedback: Literal["symmetric", "random"] = eqx.field(static=True, default="symmetric")
    key: Array | None = None

    def __check_init__(self):
        if self.feedback not in ("symmetric", "random"):
            raise UnknownName("feedback of EProp", self.feedback, ("symmetric", "random"))

    def check(self, model: Any) -> None:
        if not isinstance(model, Driven):
            online.blocks(self, model)
        elif self.feedback != "symmetric":
            raise ArgumentError(
                "random feedback leads from the readout of a stack to its populations, and a "
                "network has no such readout. Write gradient=rb.gradients.EProp()."
            )

    def value_and_grad(
        self, model: Any, objective: Objective, x: Array, key: Array | None
    ) -> tuple[Judged, Any]:
        if isinstance(model, Driven):
            return cut_off(model, objective, x, key, detach=True)
        random = jax.random.key(0) if self.key is None else self.key
        rule = online.Rule(False, None, random if self.feedback == "random" else None)
        return online.gradient(self, model, objective, x, key, rule)
