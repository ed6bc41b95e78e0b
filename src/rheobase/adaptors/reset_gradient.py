"""The route of the gradient through a reset."""

from rheobase.adaptors.base import AbstractAdaptor, require_first, require_neuron
from rheobase.neurons.base import AbstractMembrane


class SurrogateReset(AbstractAdaptor):
    r"""Let the gradient pass through the reset by the surrogate; without it, it is cut there.

    With spike s, surrogate derivative s' and reset value r, the step after a spike has

    - detached (the default of every neuron): dx' = (1 - s) dx + s dr;
    - through this adaptor: dx' = (1 - s) dx + s dr + (r - x) s' d(margin).

    In the scaled margin m a hard reset multiplies by (1 - s) - (1 + m) s'; with a surrogate whose
    peak is above 1 gradients can therefore grow with each passage near the threshold.

    >>> import rheobase as rb
    >>> neuron = rb.SurrogateReset(rb.LIF())
    """

    neuron: AbstractMembrane

    def __check_init__(self):
        require_neuron("SurrogateReset", self.neuron, resets=True)
        require_first(SurrogateReset, self.neuron)

    @property
    def through_reset(self) -> bool:
        return True
