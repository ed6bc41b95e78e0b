"""Tasks: a data set, a network that fits it and how it is trained, for `rheobase train`."""

from rheobase.tasks import report
from rheobase.tasks.base import Trained, judge, train
from rheobase.tasks.nmnist import EventDigits
from rheobase.tasks.spoken_digits import SpokenDigits

TASKS = {"spoken-digits": SpokenDigits, "nmnist": EventDigits}
"""By the names of the command line."""

__all__ = ["TASKS", "EventDigits", "SpokenDigits", "Trained", "judge", "report", "train"]
