"""Training: layers, encoders, readouts, losses, and `fit`, over which optax does the work."""

from rheobase.train import encoders, losses, readouts
from rheobase.train import simulated as simulated  # which tells rb.simulate of Sequential
from rheobase.train.calibrate import calibrated
from rheobase.train.checkpoint import load, read_notes, save
from rheobase.train.convolution import Conv1d, Conv2d
from rheobase.train.delays import Delay, Delays
from rheobase.train.dense import Linear
from rheobase.train.domains import choose, free, legal, ordered
from rheobase.train.driven import Driven
from rheobase.train.evaluate import Evaluation, evaluate
from rheobase.train.fit import FitResult, fit
from rheobase.train.graph import Graph
from rheobase.train.history import History
from rheobase.train.layer import AbstractLayer
from rheobase.train.layers import Sequential
from rheobase.train.norm import BatchNorm
from rheobase.train.phase import rounded
from rheobase.train.recurrent import Recurrent
from rheobase.train.rewire import Rewiring
from rheobase.train.scale import input_scale, rheobase_current
from rheobase.train.shaping import Dropout, Flatten, Pool, Reshape, Skip, Threshold
from rheobase.train.weights import HalfPrecision, Quantised, WeightNorm

__all__ = [
    "AbstractLayer",
    "BatchNorm",
    "Conv1d",
    "Conv2d",
    "Delay",
    "Delays",
    "Driven",
    "Dropout",
    "Evaluation",
    "FitResult",
    "Flatten",
    "Graph",
    "HalfPrecision",
    "History",
    "Linear",
    "Pool",
    "Quantised",
    "Recurrent",
    "Reshape",
    "Rewiring",
    "Sequential",
    "Skip",
    "Threshold",
    "WeightNorm",
    "calibrated",
    "choose",
    "encoders",
    "evaluate",
    "fit",
    "free",
    "input_scale",
    "legal",
    "load",
    "losses",
    "ordered",
    "read_notes",
    "readouts",
    "rheobase_current",
    "rounded",
    "save",
]
