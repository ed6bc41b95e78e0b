"""The laws that every neuron obeys, to be run on a neuron of one's own.

`rheobase check mymodel.py` prints what `check_neuron` finds.
"""

import inspect
import traceback
from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

from rheobase.adaptors.base import chain
from rheobase.check.laws import LAWS, Broken, Law
from rheobase.check.subject import Subject
from rheobase.errors import ArgumentError, brief
from rheobase.neurons.base import AbstractMembrane

__all__ = ["Outcome", "check_neuron", "place_of"]

Verdict = Literal["passed", "failed", "not run"]


class Outcome(NamedTuple):
    """What came of one law."""

    law: str
    """Its name."""
    statement: str
    """What it says, in one line."""
    verdict: Verdict
    message: str
    """What is wrong; empty where it passed."""
    cure: str
    """What to do about it; empty where it passed."""


def check_neuron(neuron: AbstractMembrane) -> tuple[Outcome, ...]:
    """Run the laws of the library on a neuron, the proof of its dimensions among them.

    Nothing but the neuron is needed: currents and times to test with are found by simulating it.
    Takes some ten seconds, most of it compilation.

    **Arguments:**

    - `neuron`: one neuron (its parameters are scalars), with all its adaptors if it has any.

    **Returns:** one `Outcome` for each law that applies. A law that needs another one which failed
    is not run.

    **Raises:** `ArgumentError` for what is no neuron.

    **Example:**

        >>> import rheobase as rb
        >>> from rheobase.check import check_neuron
        >>> {outcome.verdict for outcome in check_neuron(rb.LIF())}
        {'passed'}
    """
    if not isinstance(neuron, AbstractMembrane):
        raise ArgumentError(
            f"check_neuron takes a neuron, got {brief(neuron)}. Write check_neuron(MyNeuron())."
        )
    subject = Subject(neuron)
    done: dict[str, Outcome] = {}
    for law in LAWS:
        if law.fires and not subject.fires:
            continue
        missing = [name for name in law.needs if done[name].verdict != "passed"]
        if missing:
            cure = f"First cure `{missing[0]}`."
            outcome = Outcome(law.name, law.statement, "not run", "", cure)
        else:
            outcome = _tried(law, subject)
        done[law.name] = outcome
    return tuple(done.values())


def place_of(error: BaseException, files: Iterable[str]) -> str:
    """`file:line:column` of the innermost place in `files` through which an error came."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in files:
            column = "" if frame.colno is None else f":{frame.colno + 1}"
            return f"{frame.filename}:{frame.lineno}{column}"
    return ""


def _tried(law: Law, subject: Subject) -> Outcome:
    try:
        with np.errstate(all="ignore"):
            law.test(subject)
    except Broken as broken:
        return Outcome(law.name, law.statement, "failed", str(broken), law.cure)
    except Exception as error:  # what the equations raise is a finding
        text = str(error).split("\n--------------------")[0].strip()
        place = place_of(error, _files(subject.neuron))
        message = f"{type(error).__name__}: {text}{f' ({place})' if place else ''}"
        return Outcome(law.name, law.statement, "failed", message, law.cure)
    return Outcome(law.name, law.statement, "passed", "", "")


def _files(neuron: AbstractMembrane) -> set[str]:
    """Where the classes of a neuron and its adaptors are written."""
    return {inspect.getsourcefile(type(inner)) or "" for inner in chain(neuron)}
