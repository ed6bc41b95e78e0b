"""The eight firing patterns of AdEx: a step of current from rest."""

from typing import NamedTuple

from rheobase.neurons import AdEx
from rheobase.neurons.patterns import find
from rheobase.patterns.experiment import Experiment
from rheobase.steppers import Heun
from rheobase.stimulus import Step
from rheobase.units import ms, pA

_SOURCE = "Naud, Marcille, Clopath & Gerstner 2008, Biol Cybern 99:335, table 1 and figure 4"


class _Course(NamedTuple):
    """What happens to the neuron of that name: current (pA) from 50 ms on, until duration (ms)."""

    name: str
    current: float
    duration: float
    signature: str


_COURSES = (
    _Course("tonic spiking", 500, 350, "constant interval"),
    _Course("adaptation", 500, 550, "intervals grow to a plateau"),
    _Course("initial burst", 400, 550, "two short intervals, then regular spikes"),
    _Course("regular bursting", 210, 550, "short and long intervals alternate"),
    _Course("delayed accelerating", 300, 550, "after a delay, intervals shrink"),
    _Course("delayed regular bursting", 110, 1050, "after a long delay, bursts"),
    _Course("transient spiking", 180, 550, "exactly one spike"),
    _Course("irregular spiking", 160, 1050, "intervals without a period"),
)


def protocol(name: str) -> Experiment:
    """The protocol of that name."""
    course = find("AdEx", _COURSES, name)
    return Experiment(
        neuron=AdEx.pattern(name),
        current=Step(course.current * pA, start=50 * ms),
        duration=course.duration * ms,
        dt=0.05 * ms,
        init={},
        stepper=Heun(),
        signature=course.signature,
        source=_SOURCE,
    )
