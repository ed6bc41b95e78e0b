"""A population that receives its own spikes."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from rheobase.declared import AbstractDeclared
from rheobase.errors import ArgumentError, ParameterError, ShapeError, brief
from rheobase.given import require_random_key
from rheobase.kernels import library
from rheobase.neurons.base import AbstractMembrane, Onset
from rheobase.systems.feedback import AbstractFeedback, Dense, Late
from rheobase.train.delays import Delays
from rheobase.train.dense import drawn_mask, masked, require_delays, require_density
from rheobase.train.layer import Shape, text, uniform, width

ECHO = 0.5
"""Standard deviation of the summed input from its own spikes, in units of what carries a neuron to
its threshold, if all of them fire."""
DAMPING = 0.3
"""Of Bellec et al. 2018; without it the gradients of a wide layer grow from loop to loop."""


class Recurrent(AbstractDeclared):
    r"""A population of n whose spikes reach itself: I_j(k+1) = x_j(k+1) + sum_i s_i(k) w_ij.

    x (time, batch, n) from the layer before, s spikes of 0 and 1, w (n, n) in the unit that
    `neuron` receives, self-connections included. Arguments as in `Linear`; the weights start at
    half the strength of a feed-forward layer, and are trained in units of their first standard
    deviation, since a step of the optimiser that moves all n^2 at once moves the sum of n. With
    `delays` s_i(k) arrives d_ij later, after one step at least.

    - `damping`: factor on the derivative by the spikes that come back, 0 to 1. With 1 the gradient
      is that of the whole loop, which in a wide layer grows from step to step without bound.

    A step adds the rows of w of the neurons that spiked, and the gradient of w is taken after the
    time loop, from spikes and cotangents: in reverse mode only.

    Source of the damping: Bellec et al. 2018, NeurIPS 31. Errors: `ArgumentError`, `ShapeError`,
    `ParameterError`.

    >>> import rheobase as rb
    >>> layer = rb.Recurrent(rb.LIF(), 100)
    """

    neuron: AbstractMembrane
    weight: Array | None
    delays: Delays | None
    mask: Array | None
    n: int = eqx.field(static=True)
    scale: float = eqx.field(static=True)
    density: float = eqx.field(static=True)
    damping: float = eqx.field(static=True)

    def __init__(
        self,
        neuron: AbstractMembrane,
        n: int,
        key: Array | None = None,
        scale: float = 1.0,
        *,
        delays: Delays | None = None,
        density: float = 1.0,
        damping: float = DAMPING,
    ):
        if key is not None:
            require_random_key(key, "Recurrent(rb.LIF(), 256, key={})")
        self.neuron = _neuron(neuron, "Recurrent(rb.LIF(), 256)")
        if neuron.onset is Onset.NEVER:
            raise ArgumentError(
                f"Recurrent feeds spikes back, and {type(neuron).__name__} never fires. "
                f"Put it into Sequential by itself, or write rb.Recurrent(rb.LIF(), {n})."
            )
        self.n, self.scale = width(n, "n", "Recurrent(rb.LIF(), 256)"), scale
        self.delays, self.density = require_delays(delays), require_density(density)
        if not 0 <= damping <= 1:
            raise ParameterError(
                f"`damping` is a factor on a derivative, from 0 to 1, got {brief(damping)}. "
                f"Write Recurrent(..., damping=1.0) for the gradient of the whole loop."
            )
        self.damping = damping
        self.mask = None if key is None else drawn_mask(key, (n, n), self.density)
        weight = None if key is None else uniform(key, (n, n), 1.0, self.spread)
        self.weight = masked(weight, self.mask)

    @property
    def spread(self) -> float:
        """Standard deviation of the weights in the beginning."""
        return ECHO * self.scale / max(1.0, self.density * self.n) ** 0.5

    def weights(self, dt: float) -> AbstractFeedback | None:
        """The weights that `population.run` takes."""
        weight = masked(self.weight, self.mask)
        if self.delays is None or weight is None:
            return None if weight is None else Dense(weight, self.damping)
        if not self.delays.interpolates(dt, 1) or not library.serves(weight.dtype):
            return Dense(self.delays.taps(dt, 1) * weight[None], self.damping)
        slot, part = self.delays.split(dt, 1)
        shape = weight.shape
        return Late(
            (1 - part) * weight,
            part * weight,
            jnp.broadcast_to(slot, shape),
            self.delays.slots(dt) - 1,
            self.damping,
        )

    def shape(self, before: Shape | None, giver: str) -> Shape:
        """The shape of a step after it; errors as for a layer."""
        if before is not None and before != (self.n,):
            raise ShapeError(
                f"takes {self.n} inputs, but {giver} gives {text(before)}. Write n={before[-1]}."
            )
        return (self.n,)

    def drawn(self, key: Array, scale: float, dt: float) -> "Recurrent":
        """The layer with weights and delays where it has none."""
        layer = self
        if self.weight is None:
            layer = Recurrent(
                self.neuron, self.n, key, scale, density=self.density, damping=self.damping
            )
        delays = self.delays
        if delays is not None and delays.time is None:
            delays = delays.drawn(jax.random.fold_in(key, 1), (self.n, self.n), dt, 1)
        return eqx.tree_at(lambda l: l.delays, layer, delays, is_leaf=lambda x: x is None)


def _neuron(neuron: AbstractMembrane, example: str) -> AbstractMembrane:
    if isinstance(neuron, type):
        raise ArgumentError(f"`neuron` is the class {neuron.__name__}. Write {example}.")
    if not isinstance(neuron, AbstractMembrane):
        raise ArgumentError(f"`neuron` must be a neuron, got {brief(neuron)}. Write {example}.")
    return neuron
