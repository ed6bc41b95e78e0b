"""The exceptions of the library; each says what came, what was expected and the corrected call.

    ValueError
      StepperError      a stepper or time step that cannot take the neuron
      ParameterError    parameters that contradict each other (v_reset >= v_th)
      ShapeError        arrays that do not fit together
      CompositionError  adaptors that make no sense together
      CheckpointError   a checkpoint file that cannot be read
    LookupError
      UnknownName       a name that does not exist, with the near miss
    TypeError
      UnitError         a wrong or missing unit (in `rheobase.units`)
"""

import difflib
from collections.abc import Iterable


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


class UnknownName(LookupError):
    """A name that does not exist; the message has the near miss and the known names."""

    def __init__(self, what: str, name: object, known: Iterable[str]):
        known = list(known)
        close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(f"no {what} is called {name!r}.{hint} Known: {', '.join(known)}.")
