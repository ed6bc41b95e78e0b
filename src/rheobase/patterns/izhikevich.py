"""The twenty firing patterns of Izhikevich, with the inputs and steps of the author's script.

The two inhibition-induced ones take half its step, since Euler is not stable at theirs. The
second pulse of "bistability" comes at 207 ms instead of 216 ms: to stop the firing it must meet
the right phase of the cycle, and the script's order of updates makes the cycle another one.
"""

from collections.abc import Callable
from typing import NamedTuple

from rheobase.neurons import Izhikevich
from rheobase.neurons.patterns import IZHIKEVICH, find
from rheobase.patterns.experiment import Experiment
from rheobase.steppers import Euler
from rheobase.stimulus import AbstractStimulus, Constant, Pulses, Ramp, Step
from rheobase.units import Quantity, ms, mV, nA

_SOURCE = "Izhikevich 2004, IEEE Trans Neural Netw 15:1063, figure 1 and its script figure1.m"


class _Course(NamedTuple):
    """What happens to the neuron of that name, from v (mV) on; times in ms.

    The current is a function: an import must not start JAX. u starts at b v where it is not given.
    """

    name: str
    v: float
    dt: float
    duration: float
    current: Callable[[], AbstractStimulus]
    signature: str
    u: float | None = None


def _step(amplitude: float, start: float, stop: float = 1e30) -> Step:
    return Step(amplitude * nA, start=start * ms, stop=stop * ms)


def _ramp(first: float, last: float, start: float, stop: float) -> AbstractStimulus:
    """A ramp that ends at zero."""
    ramp = Ramp(first * nA, last * nA, start=start * ms, stop=stop * ms)
    return ramp * Step(1.0 * (nA / nA), stop=stop * ms)


def _pulses(times: list[float], amplitude: float, width: float) -> Pulses:
    return Pulses(Quantity(times, ms), amplitude * nA, width * ms)


def _inhibition() -> AbstractStimulus:
    return Constant(80 * nA) + _step(-5, 50, 250)


_COURSES = (
    _Course("tonic spiking", -70, 0.25, 100, lambda: _step(14, 10), "spikes while driven"),
    _Course("phasic spiking", -64, 0.25, 200, lambda: _step(0.5, 20), "one spike at the onset"),
    _Course("tonic bursting", -70, 0.25, 220, lambda: _step(15, 22), "bursts while driven"),
    _Course("phasic bursting", -64, 0.2, 200, lambda: _step(0.6, 20), "one burst at the onset"),
    _Course("mixed mode", -70, 0.25, 160, lambda: _step(10, 16), "a burst, then single spikes"),
    _Course("spike-frequency adaptation", -70, 0.25, 85, lambda: _step(30, 8.5), "intervals grow"),
    _Course(
        "class 1", -60, 0.25, 300, lambda: _ramp(0, 20.25, 30, 300), "firing begins at a low rate"
    ),
    _Course(
        "class 2",
        -64,
        0.25,
        300,
        lambda: Constant(-0.5 * nA) + _ramp(0, 4.05, 30, 300),
        "firing begins at a high rate",
    ),
    _Course("spike latency", -70, 0.2, 100, lambda: _step(7.04, 10, 13), "a spike after the pulse"),
    _Course(
        "subthreshold oscillation",
        -62,
        0.25,
        200,
        lambda: _step(2, 20, 25),
        "one spike, then a damped oscillation",
    ),
    _Course(
        "resonator",
        -62,
        0.25,
        400,
        lambda: _pulses([40, 60, 280, 320], 0.65, 4),
        "fires at the pair of pulses 40 ms apart, not 20",
    ),
    _Course(
        "integrator",
        -60,
        0.25,
        100,
        lambda: _pulses([100 / 11, 100 / 11 + 5, 70, 80], 9, 2),
        "fires at the pair of pulses 5 ms apart, not 10",
    ),
    _Course(
        "rebound spike", -64, 0.2, 200, lambda: _step(-15, 20, 25), "one spike after inhibition"
    ),
    _Course(
        "rebound burst", -64, 0.2, 200, lambda: _step(-15, 20, 25), "one burst after inhibition"
    ),
    _Course(
        "threshold variability",
        -64,
        0.25,
        100,
        lambda: _pulses([10, 80], 1, 5) + _step(-6, 70, 75),
        "fires at the pulse that follows inhibition, not at the one before",
    ),
    _Course(
        "bistability",
        -61,
        0.25,
        300,
        lambda: Constant(0.24 * nA) + _pulses([37.5, 207], 1, 5),
        "one pulse starts the firing, the next stops it",
    ),
    _Course(
        "depolarising after-potential",
        -70,
        0.1,
        50,
        lambda: _step(20, 9, 11),
        "one spike, then a depolarisation",
    ),
    _Course(
        "accommodation",
        -65,
        0.5,
        400,
        lambda: _ramp(0, 8, 0, 200) + _ramp(0, 4, 300, 312.5),
        "fires at the steep ramp, not at the shallow one",
        u=-16,
    ),
    _Course(
        "inhibition-induced spiking", -63.8, 0.25, 350, _inhibition, "spikes begin with inhibition"
    ),
    _Course(
        "inhibition-induced bursting", -63.8, 0.25, 350, _inhibition, "bursts begin with inhibition"
    ),
)


def protocol(name: str) -> Experiment:
    """The protocol of that name."""
    course = find("Izhikevich", _COURSES, name)
    u = find("Izhikevich", IZHIKEVICH, name).b * course.v if course.u is None else course.u
    return Experiment(
        neuron=Izhikevich.pattern(name),
        current=course.current(),
        duration=course.duration * ms,
        dt=course.dt * ms,
        init={"v": course.v * mV, "u": u * mV / ms},
        stepper=Euler(),
        signature=course.signature,
        source=_SOURCE,
    )
