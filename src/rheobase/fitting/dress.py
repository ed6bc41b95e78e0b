"""What recorded cells do that a bare integrate-and-fire neuron does not, as adaptors around it."""

from typing import Any

from rheobase.adaptors import Refractory, SpikeRateAdaptation, ThresholdAdaptation
from rheobase.adaptors.base import AbstractAdaptor
from rheobase.fitting.membrane import Passive
from rheobase.neurons.base import AbstractNeuron, Onset
from rheobase.units import MOhm, ms, mV, nA

_MAKE: Any = SpikeRateAdaptation, ThresholdAdaptation  # whose fields take quantities
_MEDIUM, _SLOW = 40.0, 3000.0
"""ms: time constants of the medium and of the slow afterhyperpolarisation."""
_OPENED, _SLOWLY = 0.1, 0.01
"""What a spike adds to their conductances, of that at rest."""


def can_wear(neuron: AbstractNeuron) -> bool:
    """Whether a neuron resets, receives a current and wears nothing yet."""
    resets = neuron.onset in (Onset.LEVEL, Onset.UPSTROKE)
    bare = not isinstance(neuron, AbstractAdaptor)
    return bare and resets and neuron.receives.same_dimension(nA)


def dressed(neuron: AbstractNeuron, passive: Passive, slow: bool) -> AbstractNeuron:
    """The neuron with refractoriness, a threshold that rises and conductances that spikes open.

    - `passive`: its membrane, which sets the size of the conductances.
    - `slow`: with a conductance that lasts for seconds, where sweeps follow each other at once.

    >>> import rheobase as rb
    >>> from rheobase.fitting.dress import dressed
    >>> membrane = rb.fitting.Passive(20.0, 100.0, -65.0, 0.0, 0.0, 3)
    >>> neuron = dressed(rb.AdEx(), membrane, slow=False)
    >>> type(neuron).__name__, type(neuron.neuron).__name__, type(neuron.neuron.neuron).__name__
    ('ThresholdAdaptation', 'SpikeRateAdaptation', 'Refractory')
    """
    conductance, threshold = _MAKE
    rest = 1 / (passive.R * MOhm)
    worn = conductance(Refractory(neuron, 3 * ms), tau=_MEDIUM * ms, increment=_OPENED * rest)
    if slow:
        worn = conductance(worn, tau=_SLOW * ms, increment=_SLOWLY * rest)
    return threshold(worn, tau=30 * ms, increment=3 * mV)
