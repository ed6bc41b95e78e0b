"""`rheobase check`: the laws on the neurons, channels, synapses and rules of a user's file."""

import importlib.util
import inspect
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rheobase.adaptors.base import chain
from rheobase.channels import AbstractMechanism
from rheobase.check import Outcome, check_channel, check_neuron, check_rule, check_synapse, place_of
from rheobase.errors import UnknownName
from rheobase.neurons import AbstractMembrane
from rheobase.plasticity import AbstractRule
from rheobase.synapses import AbstractSynapse

_MARKS = {
    "passed": Text("passed", "green"),
    "failed": Text("FAILED", "bold red"),
    "not run": Text("not run", "yellow"),
}


_CHECKS: tuple[tuple[type, Callable[[Any], tuple[Outcome, ...]]], ...] = (
    (AbstractMembrane, check_neuron),
    (AbstractMechanism, check_channel),
    (AbstractSynapse, check_synapse),
    (AbstractRule, check_rule),
)
_KINDS = (AbstractMembrane, AbstractMechanism, AbstractSynapse, AbstractRule)


class FileError(Exception):
    """A file that cannot be checked."""


class _Candidate(NamedTuple):
    """A neuron, channel, synapse or rule of the file, or why there is none."""

    name: str
    model: Any
    trouble: str = ""


def show(file: Path, name: str | None) -> int:
    """Check what a file defines, print what came of it, and return the exit code."""
    found = candidates(load(file), str(file.resolve()))
    if not found:
        raise FileError(
            f"{file} defines no neuron, channel, synapse or rule. A neuron is a class of "
            "rheobase.AbstractNeuron with init, derivative, margin and reset; `rheobase list "
            "neurons LIF` shows one. A channel is one of rheobase.channels.AbstractChannel, a "
            "synapse one of rheobase.synapses.AbstractSynapse, a rule one of "
            "rheobase.plasticity.AbstractTraceRule."
        )
    if name is not None:
        if name not in (candidate.name for candidate in found):
            raise UnknownName(
                f"neuron, channel, synapse or rule of {file}", name, [c.name for c in found]
            )
        found = [candidate for candidate in found if candidate.name == name]
    console = Console(highlight=False, markup=False)
    return max(_report(console, candidate) for candidate in found)


def load(file: Path) -> types.ModuleType:
    """The module that a file makes; what is beside it can be imported by it."""
    if not file.is_file():
        near = [p.name for p in file.parent.glob("*.py")] if file.parent.is_dir() else []
        raise UnknownName(f"Python file in {file.parent}", file.name, near)
    path = str(file.resolve())
    name = f"checked_{file.stem}"  # a file called jax.py must not become jax
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FileError(f"{file} is no Python file. Write rheobase check mymodel.py.")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.resolve().parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        where = f"{error.filename or file}:{error.lineno}:{error.offset}"
        raise FileError(f"{where}: {error.msg}: {(error.text or '').strip()}") from error
    except Exception as error:
        place = place_of(error, {path}) or str(file)
        raise FileError(
            f"{place}: executing the file raised {type(error).__name__}: {error}"
        ) from error
    return module


def candidates(module: types.ModuleType, path: str) -> list[_Candidate]:
    """The classes of neurons, channels, synapses and rules of a module, and those that it makes."""
    found = [
        _Candidate(name, value) for name, value in vars(module).items() if isinstance(value, _KINDS)
    ]
    shown = {type(inner) for candidate in found for inner in _parts(candidate.model)}
    classes = dict.fromkeys(value for value in vars(module).values() if inspect.isclass(value))
    own = [
        _made(cls, path)
        for cls in classes
        if issubclass(cls, _KINDS)
        and cls.__module__ == module.__name__
        and not cls.__name__.startswith("Abstract")
        # A class that cannot be made without arguments needs none if the file shows how.
        and not (cls in shown and _required(cls))
    ]
    return own + found


def _parts(model: Any) -> tuple[Any, ...]:
    """A neuron and what it wraps; anything else alone."""
    return tuple(chain(model)) if isinstance(model, AbstractMembrane) else (model,)


def _required(cls: type) -> list[str]:
    """The arguments without which a class cannot be made."""
    return [
        parameter.name
        for parameter in inspect.signature(cls).parameters.values()
        if parameter.default is inspect.Parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def _made(cls: type, path: str) -> _Candidate:
    name = cls.__name__
    missing = _required(cls)
    if missing:
        return _Candidate(
            name,
            None,
            f"{name} has no default for {', '.join(missing)}. Give each one, "
            f'{missing[0]}: Array = quantity(unit, domain, "meaning", default=...), or make a '
            f"one in the file: example = {name}({missing[0]}=..., ...).",
        )
    if abstract := sorted(getattr(cls, "__abstractmethods__", ())):
        return _Candidate(name, None, f"{name} does not say what {', '.join(abstract)} is.")
    try:
        return _Candidate(name, cls())
    except Exception as error:
        place = place_of(error, {path})
        where = f" ({place})" if place else ""
        return _Candidate(name, None, f"{name}() raised {type(error).__name__}: {error}{where}")


def _report(console: Console, candidate: _Candidate) -> int:
    """Print the table of one of them; 1 if anything failed."""
    console.print(Text(f"\n{candidate.name}", "bold"))
    if candidate.model is None:
        console.print(Text.assemble(("FAILED", "bold red"), f"  {candidate.trouble}"))
        return 1
    with console.status("checking, some ten seconds"):
        outcomes = next(c for kind, c in _CHECKS if isinstance(candidate.model, kind))(
            candidate.model
        )
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for outcome in outcomes:
        table.add_row(outcome.law, _MARKS[outcome.verdict], _told(outcome))
    console.print(table)
    bad = sum(outcome.verdict != "passed" for outcome in outcomes)
    said = f"{bad} of {len(outcomes)} laws do not hold or could not be tested"
    console.print(f"{said if bad else f'all {len(outcomes)} laws hold'}: {candidate.name}")
    return int(bad > 0)


def _told(outcome: Outcome) -> Text:
    text = Text(outcome.statement, "dim")
    if outcome.message:
        text.append(f"\n{outcome.message}", "default not dim")
    if outcome.cure:
        text.append(f"\n{outcome.cure}", "italic not dim")
    return text
