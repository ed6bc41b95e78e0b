"""rheobase: simulate, fit and train spiking neurons at every level of detail, in JAX."""

from rheobase import stimulus, surrogate, units
from rheobase._version import __version__
from rheobase.adaptors import (
    Mismatch,
    Noise,
    Refractory,
    SoftReset,
    SurrogateReset,
    ThresholdAdaptation,
    WhiteNoise,
)
from rheobase.neurons import IF, LI, LIF, AbstractNeuron, AdEx, CubaLIF, ExpIF
from rheobase.record import Record, Recording
from rheobase.simulate import simulate
from rheobase.steppers import Euler, Exact, ExponentialEuler, Heun, Midpoint, RungeKutta4

__all__ = [
    "IF",
    "LI",
    "LIF",
    "AbstractNeuron",
    "AdEx",
    "CubaLIF",
    "Euler",
    "Exact",
    "ExpIF",
    "ExponentialEuler",
    "Heun",
    "Midpoint",
    "Mismatch",
    "Noise",
    "Record",
    "Recording",
    "Refractory",
    "RungeKutta4",
    "SoftReset",
    "SurrogateReset",
    "ThresholdAdaptation",
    "WhiteNoise",
    "__version__",
    "simulate",
    "stimulus",
    "surrogate",
    "units",
]
