"""Adaptors: a neuron that wraps a neuron and changes one thing about it."""

from rheobase.adaptors.base import AbstractAdaptor, AbstractStatefulAdaptor
from rheobase.adaptors.mismatch import Mismatch
from rheobase.adaptors.noise import Noise
from rheobase.adaptors.refractory import Refractory
from rheobase.adaptors.reset_gradient import SurrogateReset
from rheobase.adaptors.soft_reset import SoftReset
from rheobase.adaptors.spike_rate_adaptation import SpikeRateAdaptation
from rheobase.adaptors.threshold_adaptation import ThresholdAdaptation
from rheobase.adaptors.white_noise import WhiteNoise

__all__ = [
    "AbstractAdaptor",
    "AbstractStatefulAdaptor",
    "Mismatch",
    "Noise",
    "Refractory",
    "SoftReset",
    "SpikeRateAdaptation",
    "SurrogateReset",
    "ThresholdAdaptation",
    "WhiteNoise",
]
