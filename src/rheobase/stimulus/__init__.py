"""Inputs as functions of time, added with `+` and scaled or modulated with `*`.

The value of a stimulus in step k, from t_k = k dt to t_k + dt, is constant; on and off times are
rounded to whole steps, smooth stimuli are taken at the middle of the step.

A stimulus is `kind` "held" or "events". A current is held. A delta input, or what goes through a
synapse, is made of events: `Poisson`, `Pulses`, the values of `FromArray`, each of which arrives
once. What is held acts there as a rate, in mV/ms, nA/ms or uS/ms, so that nothing depends on dt.
"""

from rheobase.stimulus.base import (
    AbstractSteadyStimulus,
    AbstractStimulus,
    AbstractTimedStimulus,
    Constant,
    Grid,
    Product,
    Sum,
    as_stimulus,
)
from rheobase.stimulus.poisson import Poisson
from rheobase.stimulus.random import OrnsteinUhlenbeck
from rheobase.stimulus.steady import FromArray, Pulses, Ramp, Sine, Step

__all__ = [
    "AbstractSteadyStimulus",
    "AbstractStimulus",
    "AbstractTimedStimulus",
    "Constant",
    "FromArray",
    "Grid",
    "OrnsteinUhlenbeck",
    "Poisson",
    "Product",
    "Pulses",
    "Ramp",
    "Sine",
    "Step",
    "Sum",
    "as_stimulus",
]
