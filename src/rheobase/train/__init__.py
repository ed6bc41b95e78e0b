"""Training: layers, encoders, readouts, losses, and `fit`, over which optax does the work."""

from rheobase.train import encoders, losses, readouts
from rheobase.train.checkpoint import load, read_notes, save
from rheobase.train.domains import choose, free, legal, ordered
from rheobase.train.evaluate import Evaluation, evaluate
from rheobase.train.fit import FitResult, History, fit
from rheobase.train.layers import Linear, Recurrent, Sequential
from rheobase.train.scale import input_scale, rheobase_current

__all__ = [
    "Evaluation",
    "FitResult",
    "History",
    "Linear",
    "Recurrent",
    "Sequential",
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
    "save",
]
