"""What goes in: inputs as functions of time, added with `+` and scaled or modulated with `*`.

The value of a stimulus in step k, from t_k = k dt to t_k + dt, is constant; on and off times are
rounded to whole steps, smooth stimuli are taken at the middle of the step.
"""

from rheobase.stimulus.base import (
    AbstractSteadyStimulus,
    AbstractStimulus,
    Constant,
    Grid,
    Product,
    Sum,
    as_stimulus,
)
from rheobase.stimulus.random import OrnsteinUhlenbeck, Poisson
from rheobase.stimulus.steady import FromArray, Pulses, Ramp, Sine, Step

__all__ = [
    "AbstractSteadyStimulus",
    "AbstractStimulus",
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
