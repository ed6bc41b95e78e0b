"""Subtractive reset for any neuron with a reset voltage."""

from typing import Any

from rheobase.adaptors.base import AbstractAdaptor, require_first, require_neuron
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane, span


class SoftReset(AbstractAdaptor):
    r"""Reset by subtraction: v ← v - (v_th - v_reset), so that the overshoot survives.

    The distance v_th - v_reset is 1/(∂margin/∂v), by which every margin is scaled; the other
    variables are reset as in the neuron itself. A neuron whose upstroke is held at the threshold
    (`ExpIF`, `AdEx`, `QIF`) has no overshoot, so that soft and hard reset agree there.

    Errors: `CompositionError` for a neuron without reset voltage.

    >>> import rheobase as rb
    >>> from rheobase.units import ms, nA
    >>> run = rb.simulate(rb.SoftReset(rb.LIF()), current=2 * nA, duration=50 * ms, dt=1 * ms)
    """

    neuron: AbstractMembrane

    def __check_init__(self):
        require_neuron("SoftReset", self.neuron, resets=True)
        require_first(SoftReset, self.neuron)

    def reset(self, state: Any) -> Any:
        v = variables.get(state, "v") - span(self.firing, state)
        return variables.replace(self.firing.reset(state), "v", v)
