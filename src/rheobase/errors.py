"""The exceptions of the library; each says what came, what was expected and the corrected call.

ValueError
  StepperError      a stepper or time step that cannot take the neuron
  ParameterError    parameters that contradict each other (v_reset >= v_th)
  ShapeError        arrays that do not fit together
  CompositionError  adaptors that make no sense together
  CheckpointError   a checkpoint file that cannot be read
  DataError         a data set that is missing, or a recording that is damaged
  MorphologyError   a morphology that cannot be read, with the line of its file
  MechanismError    a .mod file that cannot become a channel, with the line
  RecordingError    a recording that cannot be used, with the reason
  KeyRequired       something random without `key=`
LookupError
  UnknownName       a name that does not exist, with the near miss
TypeError
  ArgumentError     an argument of the wrong kind
  UnitError         a wrong or missing unit (in `rheobase.units`)
"""

import difflib
import inspect
from collections.abc import Iterable
from typing import Any


class StepperError(ValueError):
    """The stepper or its time step cannot take this neuron."""


class ParameterError(ValueError):
    """Parameters that contradict each other."""


class ShapeError(ValueError):
    """Arrays whose shapes do not fit together."""


class CompositionError(ValueError):
    """An adaptor around something that it cannot adapt."""


class CheckpointError(ValueError):
    """A checkpoint file that cannot be read."""


class MorphologyError(ValueError):
    """A morphology that cannot be read; the message names the line of the file."""


class MechanismError(ValueError):
    """A .mod file that cannot become a channel; the message names construct and line."""


class DataError(ValueError):
    """A data set that is not there, or a recording that cannot be read."""


class RecordingError(ValueError):
    """A recording that cannot be used: the file, what is wrong with it, and the way out."""


class KeyRequired(ValueError):
    """Something draws random numbers, and no key was given."""


def require_key(key: Any) -> Any:
    """The key, where one was given to what draws random numbers."""
    if key is None:
        raise KeyRequired("this draws random numbers. Write key=jax.random.key(0).")
    return key


class ArgumentError(TypeError):
    """An argument of the wrong kind."""


class UnknownName(LookupError):
    """A name that does not exist; the message has the near miss and the known names."""

    def __init__(self, what: str, name: object, known: Iterable[str]):
        known = list(known)
        lower = {k.lower(): k for k in known}
        close = difflib.get_close_matches(str(name).lower(), lower, n=1, cutoff=0.5)
        hint = f" Did you mean {lower[close[0]]!r}?" if close else ""
        listed = f"Known: {', '.join(known)}." if known else "There is none."
        super().__init__(f"no {what} is called {name!r}.{hint} {listed}")


def check_keywords(owner: type, given: Iterable[str]) -> None:
    """Refuse a keyword that the constructor of `owner` does not take, with the near miss."""
    known = list(inspect.signature(owner.__init__).parameters)[1:]
    for name in given:
        if name not in known:
            raise UnknownName(f"parameter of {owner.__name__}", name, known)
