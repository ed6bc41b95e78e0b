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
  FolderError       a folder for results that cannot be written
  KeyRequired       something random without `key=`
LookupError
  UnknownName       a name that does not exist, with the near miss
TypeError
  ArgumentError     an argument of the wrong kind
  UnitError         a wrong or missing unit (in `rheobase.units`)
"""

import dataclasses
import difflib
import inspect
import re
from collections.abc import Iterable
from typing import Any

LONGEST = 80
"""Characters that `brief` returns at most."""


def brief(value: Any) -> str:
    """What came, for a message: its kind and size, and the value itself where that is short.

    `a LIF neuron`, `an array of shape (3, 2), float32`, `a list of 3`; texts, numbers, quantities
    and short lists of them as they are. A model or a large array is never written out.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.errors import brief
        >>> brief(rb.LIF()), brief([rb.LIF()]), brief("LIF"), brief((1, 2))
        ('a LIF neuron', 'a list of 1', "'LIF'", '(1, 2)')
    """
    return _cut(_brief(value))


def _brief(value: Any) -> str:
    kind = type(value).__name__
    if isinstance(value, str | bytes):
        return repr(value[:LONGEST])
    if isinstance(value, type) or inspect.ismodule(value) or inspect.isroutine(value):
        return _named(value)
    record = isinstance(value, tuple) and type(value) is not tuple
    if record or dataclasses.is_dataclass(value) or isinstance(value, BaseException):
        return _with_article(_kind(type(value)))
    if isinstance(value, list | tuple | set | frozenset | dict):
        noun = "dictionary" if isinstance(value, dict) else kind
        plain = _is_plain(value) and len(repr(value)) <= LONGEST
        return repr(value) if plain else _with_article(f"{noun} of {len(value)}")
    return _array(value, kind) or _written(value, kind)


def _named(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    what = "module" if inspect.ismodule(value) else "function"
    return f"the {what} {getattr(value, '__name__', type(value).__name__)}"


def _kind(cls: type) -> str:
    """`LIF neuron`: the class, and the last word of the nearest abstract class behind it."""
    bases = (c.__name__ for c in cls.__mro__ if c.__name__.startswith("Abstract"))
    words = re.findall(r"[A-Z][a-z]+", next(bases, ""))
    word = words[-1].lower() if words else ""
    told = word in ("", "declared", "abstract") or cls.__name__.lower().endswith(word)
    return cls.__name__ if told else f"{cls.__name__} {word}"


def _array(value: Any, kind: str) -> str | None:
    """`an array of shape (3, 2), float32`, or a single number that is known, as it is."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if not isinstance(shape, tuple):
        return None
    name = "traced array" if kind.endswith("Tracer") else "array"
    if name == "array" and not shape and str(dtype).startswith(("float", "int", "uint", "bool")):
        return str(value)
    if dtype is None:  # a quantity, which writes itself, shortly where it is flat
        return None if len(shape) < 2 else f"{_with_article(kind)} of shape {shape}"
    return f"{_with_article(name)} of shape {tuple(shape)}, {str(dtype).removeprefix('torch.')}"


def _is_plain(value: Any) -> bool:
    """Whether a container holds only texts and numbers, and is short."""
    if isinstance(value, dict):
        return len(value) <= 8 and all(_is_plain(x) for pair in value.items() for x in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return len(value) <= 8 and all(_is_plain(x) for x in value)
    if isinstance(value, str | bytes):
        return len(value) < LONGEST
    return value is None or isinstance(value, bool | int | float | complex)


def _written(value: Any, kind: str) -> str:
    """The text of a small object, or its kind where that is no single short line."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - the repr of an unknown class may raise anything
        return _with_article(kind)
    long = text.startswith("<") or "\n" in text or len(text) > LONGEST
    return _with_article(kind) if long else text


def _with_article(noun: str) -> str:
    """`an AdEx neuron`, `a LIF neuron`: by the first letter."""
    return f"{'an' if noun[0] in 'aeiouAEIO' else 'a'} {noun}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


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


class FolderError(ValueError):
    """A folder for results that cannot be made, or takes no files."""


class KeyRequired(ValueError):
    """Something draws random numbers, and no key was given."""


def require_key(key: Any) -> Any:
    """The key, where one was given to what draws random numbers."""
    if isinstance(key, int | float | str):
        raise ArgumentError(
            f"`key` is one random key, got {brief(key)}. Write key=jax.random.key(0)."
        )
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
        super().__init__(f"no {what} is called {brief(name)}.{hint} {listed}")

    def __reduce__(self):
        # By default the message would be given to `__init__`, which asks for three arguments: a
        # process pool that cannot unpickle an error waits for ever.
        return type(self).__new__, (type(self), *self.args), {**self.__dict__}


def check_keywords(owner: type, given: Iterable[str]) -> None:
    """Refuse a keyword that the constructor of `owner` does not take, with the near miss."""
    known = list(inspect.signature(owner.__init__).parameters)[1:]
    for name in given:
        if name not in known:
            raise UnknownName(f"parameter of {owner.__name__}", name, known)
