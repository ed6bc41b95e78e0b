"""What an experiment is: a neuron, its stimulus, and how to run them."""

import equinox as eqx

from rheobase.neurons import AbstractNeuron
from rheobase.record import Record, Recording
from rheobase.simulate import simulate
from rheobase.steppers import AbstractStepper
from rheobase.stimulus import AbstractStimulus
from rheobase.units import Quantity


class Experiment(eqx.Module):
    """A published firing pattern: everything that `simulate` needs, and what to expect of it.

    `signature` says in words how the pattern is recognised, `source` where it is published.

    >>> import rheobase as rb
    >>> bursting = rb.patterns.protocol(rb.AdEx, "regular bursting")
    >>> run = bursting.run(record=("v", "w"))
    >>> bursting.signature
    'short and long intervals alternate'
    """

    neuron: AbstractNeuron
    current: AbstractStimulus
    duration: Quantity
    dt: Quantity
    init: dict[str, Quantity]
    stepper: AbstractStepper
    signature: str = eqx.field(static=True)
    source: str = eqx.field(static=True)

    def run(self, record: Record | tuple[str, ...] | str = ("v",)) -> Recording:
        """Simulate it, keeping the spikes and the variables in `record`."""
        return simulate(
            self.neuron,
            current=self.current,
            duration=self.duration,
            dt=self.dt,
            init=self.init,
            stepper=self.stepper,
            record=record,
        )
