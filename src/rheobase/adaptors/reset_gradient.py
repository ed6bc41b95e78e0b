"""Gradients that count every input once."""

from typing import Any

from rheobase.adaptors.base import AbstractAdaptor, require_first, require_neuron
from rheobase.errors import CompositionError
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane


class SurrogateReset(AbstractAdaptor):
    r"""Count every input once in a gradient, that of a spike count as on an f-I curve.

    By default a gradient is cut at each reset, and every step near the threshold adds to a spike
    anew: good for training, but its size depends on dt. Through this adaptor, in a step that fires

    - a spike that is displaced by dm comes dm/f earlier (f = dm/dt), and is dm/(f T) more of a
      spike, T the interval from reset to threshold at the present input;
    - the voltage goes on without a derivative, since the spike has used it up; what else the reset
      changes (adaptation, thresholds) goes on from what it was at the spike, dx - (dx/dt) dm/f.

    In a step that does not fire, the reset adds nothing. What comes in there counts at the
    surrogate's slope, so that a silent neuron can learn, and the spike counts the rest. On an
    upstroke the derivative of the voltage grows as its speed does.

    Source: dm/f is the shift of a spike by the implicit function theorem, dx - (dx/dt) dm/f the
    saltation matrix in the frame of the spike (Leine & Nijmeijer 2004).

    Errors: `CompositionError` for a neuron without a reset.

    >>> import jax, rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> neuron = rb.SurrogateReset(rb.LIF())
    >>> def count(i):
    ...     return rb.simulate(neuron, current=i * nA, duration=1000 * ms, dt=0.1 * ms).spikes.sum()
    >>> bool(abs(jax.grad(count)(3.0) / (count(3.5) - count(2.5)) - 1) < 0.1)
    True
    """

    neuron: AbstractMembrane

    def __check_init__(self):
        require_neuron("SurrogateReset", self.neuron, resets=True, gated=True)
        require_first(SurrogateReset, self.neuron)
        known = variables.units(self.neuron.init())
        if self.neuron.crosses not in known:
            name = type(self.neuron).__name__
            raise CompositionError(
                f"SurrogateReset needs to know which variable of {name} reaches the threshold, and "
                f"it has no {self.neuron.crosses!r}, only {', '.join(known)}. Write in {name}: "
                f'crosses: ClassVar[str] = "{next(iter(known))}".'
            )

    @property
    def through_reset(self) -> bool:
        return True

    @property
    def own_stepper(self) -> Any:
        return self.neuron.own_stepper
