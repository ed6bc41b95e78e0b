"""Published firing patterns as experiments: neuron, stimulus, initial values, step, stepper.

`rb.AdEx.patterns()`, `rb.GLIF.patterns()` and `rb.Izhikevich.patterns()` are their names,
`rb.AdEx.pattern(name)` the neuron alone.
"""

from rheobase.errors import ArgumentError, brief
from rheobase.neurons import GLIF, AbstractNeuron, AdEx, Izhikevich
from rheobase.patterns import adex, glif, izhikevich
from rheobase.patterns.experiment import Experiment

__all__ = ["Experiment", "protocol"]

_PROTOCOLS = {AdEx: adex.protocol, GLIF: glif.protocol, Izhikevich: izhikevich.protocol}


def protocol(neuron: type[AbstractNeuron], name: str) -> Experiment:
    """The experiment that shows a published firing pattern.

    Errors: `UnknownName` for a pattern that the neuron has not, `ArgumentError` for a neuron
    without any.

    >>> import rheobase as rb
    >>> rb.patterns.protocol(rb.Izhikevich, "phasic spiking").run().spikes.sum().item()
    1.0
    """
    if not isinstance(neuron, type) or neuron not in _PROTOCOLS:
        known = ", ".join(f"rb.{cls.__name__}" for cls in _PROTOCOLS)
        raise ArgumentError(
            f"protocol takes a neuron class with published firing patterns ({known}), "
            f"got {brief(neuron)}. Write rb.patterns.protocol(rb.AdEx, {name!r})."
        )
    return _PROTOCOLS[neuron](name)
