"""Public data as networks take it: loaders, a cochlea, event binning, augmentation.

Each loader reads the official layout from a path of yours; without a path it looks in the folder
that the environment variable RHEOBASE_DATA names. No data are part of the library.
"""

from rheobase.datasets.base import AbstractAugmentation, Dataset
from rheobase.datasets.cochlea import Cochlea
from rheobase.datasets.download import fetch
from rheobase.datasets.dvs_gesture import dvs_gesture
from rheobase.datasets.events import Binning, Drop, Events, Jitter, Shift, Tempo, Warp
from rheobase.datasets.fsdd import fsdd
from rheobase.datasets.heidelberg import shd, ssc
from rheobase.datasets.images import digits, mnist
from rheobase.datasets.nmnist import nmnist
from rheobase.datasets.sound import Hiss, Mask, Speed, Stretch, TimeShift
from rheobase.datasets.speech_commands import speech_commands

__all__ = [
    "AbstractAugmentation",
    "Binning",
    "Cochlea",
    "Dataset",
    "Drop",
    "Events",
    "Hiss",
    "Jitter",
    "Mask",
    "Shift",
    "Speed",
    "Stretch",
    "Tempo",
    "TimeShift",
    "Warp",
    "digits",
    "dvs_gesture",
    "fetch",
    "fsdd",
    "mnist",
    "nmnist",
    "shd",
    "speech_commands",
    "ssc",
]
