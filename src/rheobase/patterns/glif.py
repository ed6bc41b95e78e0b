"""The twenty firing patterns of GLIF, with the time courses of the ReScience replication.

"class 1" has 1.001 where the article has 1 + 1e-6 of the rheobase, which float32 cannot tell from
the rheobase itself.
"""

from typing import NamedTuple

import numpy as np

from rheobase.neurons import GLIF
from rheobase.neurons.patterns import find
from rheobase.patterns.experiment import Experiment
from rheobase.steppers import ExponentialEuler
from rheobase.stimulus import FromArray
from rheobase.units import ms, mV, nA

_SOURCE = (
    "Mihalas & Niebur 2009, Neural Comput 21:704, table 1 and figure 1; "
    "time courses of Detorakis 2017, ReScience 3"
)


class _Course(NamedTuple):
    """What happens to the neuron of that name: pieces of (current in nA, whole ms)."""

    name: str
    pieces: tuple[tuple[float, int], ...]
    signature: str
    start: float | None = None
    """Voltage and threshold at the start (mV), where they are not at rest."""


_COURSES = (
    _Course("tonic spiking", ((1.5, 200),), "constant interval"),
    _Course("class 1", ((1.001, 500),), "a low rate just above the rheobase"),
    _Course("adaptation", ((2, 200),), "intervals grow to a plateau"),
    _Course("phasic spiking", ((1.5, 500),), "one spike at the onset"),
    _Course(
        "accommodation",
        ((1.5, 100), (0, 500), (0.5, 100), (1, 100), (1.5, 100), (0, 100)),
        "fires at the step, not when the same current is reached in stages",
    ),
    _Course(
        "threshold variability",
        ((1.5, 20), (0, 180), (-1.5, 25), (0, 25), (1.5, 25), (0, 125)),
        "fires at the pulse that follows inhibition, not at the one before",
    ),
    _Course("rebound spike", ((0, 50), (-3.5, 756), (0, 194)), "one spike after inhibition"),
    _Course("class 2", ((2 * (1 + 1e-6), 300),), "a high rate just above the rheobase", start=-30),
    _Course(
        "integrator",
        ((1.5, 20), (0, 10), (1.5, 20), (0, 250), (1.5, 20), (0, 20), (1.5, 20), (0, 40)),
        "fires at the close pair of pulses, not at the wide one",
    ),
    _Course(
        "input bistability",
        ((1.5, 100), (1.7, 400), (1.5, 100), (1.7, 400)),
        "silent or firing at one current, by what came before",
    ),
    _Course("hyperpolarisation spiking", ((-1, 400),), "spikes while inhibited"),
    _Course("hyperpolarisation bursting", ((-1, 400),), "bursts while inhibited"),
    _Course("tonic bursting", ((2, 500),), "bursts while driven"),
    _Course("phasic bursting", ((1.5, 500),), "one burst at the onset"),
    _Course("rebound burst", ((0, 100), (-3.5, 500), (0, 400)), "one burst after inhibition"),
    _Course("mixed mode", ((2, 500),), "a burst, then single spikes"),
    _Course("afterpotentials", ((2, 15), (0, 185)), "one spike, up and down after it"),
    _Course(
        "basal bistability",
        ((5, 10), (0, 90), (5, 10), (0, 90)),
        "one pulse starts the firing, the next stops it",
    ),
    _Course(
        "preferred frequency",
        ((5, 5), (0, 5), (4, 5), (0, 385), (5, 5), (0, 45), (4, 5), (0, 345)),
        "the second pulse of a pair fires at one interval, not at the other",
    ),
    _Course("spike latency", ((8, 2), (0, 48)), "a spike after the pulse"),
)


def protocol(name: str) -> Experiment:
    """The protocol of that name."""
    course = find("GLIF", _COURSES, name)
    amplitudes, lengths = zip(*course.pieces, strict=True)
    start = course.start
    return Experiment(
        neuron=GLIF.pattern(name),
        current=FromArray(np.repeat(amplitudes, lengths) * nA, dt=1 * ms),
        duration=sum(lengths) * ms,
        dt=0.1 * ms,
        init={} if start is None else {"v": start * mV, "v_th": start * mV},
        stepper=ExponentialEuler(),
        signature=course.signature,
        source=_SOURCE,
    )
