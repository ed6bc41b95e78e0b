"""The laws that every neuron, channel, synapse and rule obeys, to be run on those of one's own.

`rheobase check mymodel.py` prints what they find.
"""

import inspect
import traceback
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from rheobase.adaptors.base import chain
from rheobase.channels import AbstractMechanism
from rheobase.check.laws import LAWS, Broken, Law
from rheobase.check.parts import CHANNEL_LAWS, SYNAPSE_LAWS, Part
from rheobase.check.rules import BOUNDS, RULE_LAWS
from rheobase.check.subject import Subject
from rheobase.errors import ArgumentError, brief
from rheobase.neurons.base import AbstractMembrane
from rheobase.plasticity import AbstractRule, AbstractTraceRule
from rheobase.synapses import AbstractSynapse

__all__ = ["Outcome", "check_channel", "check_neuron", "check_rule", "check_synapse", "place_of"]

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
    laws = [law for law in LAWS if subject.fires or not law.fires]
    return _outcomes(laws, subject, _files_of(*chain(neuron)))


def check_channel(channel: AbstractMechanism) -> tuple[Outcome, ...]:
    """Prove the dimensions of a channel's current and run the laws of channels on it.

    Rates stay as the literature writes them, in 1/ms by the number of mV, and are not proved.

    >>> import rheobase as rb
    >>> from rheobase.check import check_channel
    >>> {outcome.verdict for outcome in check_channel(rb.channels.HH())}
    {'passed'}
    """
    if not isinstance(channel, AbstractMechanism):
        raise ArgumentError(
            f"check_channel takes a channel, got {brief(channel)}. Write check_channel(MyK())."
        )
    return _outcomes(CHANNEL_LAWS, Part(channel), _files_of(channel))


def check_synapse(synapse: AbstractSynapse) -> tuple[Outcome, ...]:
    """Prove the dimensions of a synapse and run the laws of synapses on it.

    >>> import rheobase as rb
    >>> from rheobase.check import check_synapse
    >>> {outcome.verdict for outcome in check_synapse(rb.Exponential())}
    {'passed'}
    """
    if not isinstance(synapse, AbstractSynapse):
        raise ArgumentError(
            f"check_synapse takes a synapse, got {brief(synapse)}. Write check_synapse(MyAMPA())."
        )
    return _outcomes(SYNAPSE_LAWS, Part(synapse), _files_of(synapse))


def check_rule(rule: AbstractRule) -> tuple[Outcome, ...]:
    """Prove the dimensions of a learning rule and run the laws of rules on it.

    Of a rule that is not made of traces the bounds of the weights are tried.

    >>> import rheobase as rb
    >>> from rheobase.check import check_rule
    >>> from rheobase.units import nA
    >>> {outcome.verdict for outcome in check_rule(rb.PairSTDP(w_max=1 * nA))}
    {'passed'}
    """
    if not isinstance(rule, AbstractRule):
        raise ArgumentError(
            f"check_rule takes a learning rule, got {brief(rule)}. "
            f"Write check_rule(MySTDP(w_max=1*nA))."
        )
    laws = RULE_LAWS if isinstance(rule, AbstractTraceRule) else (BOUNDS,)
    return _outcomes(laws, rule, _files_of(rule))


def _outcomes(laws: Sequence[Law], subject: Any, files: set[str]) -> tuple[Outcome, ...]:
    done: dict[str, Outcome] = {}
    for law in laws:
        missing = [name for name in law.needs if done[name].verdict != "passed"]
        if missing:
            cure = f"First cure `{missing[0]}`."
            outcome = Outcome(law.name, law.statement, "not run", "", cure)
        else:
            outcome = _tried(law, subject, files)
        done[law.name] = outcome
    return tuple(done.values())


def place_of(error: BaseException, files: Iterable[str]) -> str:
    """`file:line:column` of the innermost place in `files` through which an error came."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in files:
            column = "" if frame.colno is None else f":{frame.colno + 1}"
            return f"{frame.filename}:{frame.lineno}{column}"
    return ""


def _tried(law: Law, subject: Any, files: set[str]) -> Outcome:
    try:
        with np.errstate(all="ignore"):
            law.test(subject)
    except Broken as broken:
        return Outcome(law.name, law.statement, "failed", str(broken), law.cure)
    except Exception as error:  # what the equations raise is a finding
        text = str(error).split("\n--------------------")[0].strip()
        place = place_of(error, files)
        message = f"{type(error).__name__}: {text}{f' ({place})' if place else ''}"
        return Outcome(law.name, law.statement, "failed", message, law.cure)
    return Outcome(law.name, law.statement, "passed", "", "")


def _files_of(*parts: Any) -> set[str]:
    """Where the functions of models are written; those of a notebook have a cell for a file."""
    functions = (
        inspect.unwrap(getattr(type(part), name)) for part in parts for name in vars(type(part))
    )
    files = {f.__code__.co_filename for f in functions if inspect.isfunction(f)}
    return files - {"<string>"}  # what dataclasses write
