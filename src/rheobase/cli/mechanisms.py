"""`rheobase check` of .mod files: what each is here, or why it is not read."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from rheobase.channels import AbstractPump
from rheobase.errors import MechanismError, UnknownName
from rheobase.io import read_mod
from rheobase.synapses import AbstractSynapse
from rheobase.units import parameters

_LINE = re.compile(r"^.*?, line \d+: (this reader does not take )?")
_WHICH = re.compile(r"'[^']*'|\b\w+(?= is not read as)|(?<=PROCEDURE )\w+|(?<=changes )\w+")


class _Outcome(NamedTuple):
    """The outcome of reading a file."""

    file: Path
    kind: str
    """channel, pump or synapse; empty where it is refused."""
    model: type | None
    why: str


def show(path: Path, *, summary: bool) -> int:
    """Print what a file, or every .mod file of a folder, is here."""
    files = sorted(path.rglob("*.mod")) if path.is_dir() else [path]
    if not files:
        raise UnknownName(f".mod file in {path}", "*.mod", [p.name for p in path.iterdir()])
    found = [_read(file) for file in files]
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if not summary:
        for one in found:
            _tell(console, one, path)
    if summary or len(found) > 1:
        _count(console, found)
    return 0 if summary or all(one.kind for one in found) else 1


def _read(file: Path) -> _Outcome:
    try:
        model = read_mod(file)
    except MechanismError as error:
        return _Outcome(file, "", None, str(error))
    kind = "channel"
    if issubclass(model, AbstractSynapse):
        kind = "synapse"
    elif issubclass(model, AbstractPump):
        kind = "pump"
    return _Outcome(file, kind, model, "")


def _tell(console: Console, one: _Outcome, path: Path) -> None:
    if one.model is None:
        console.print(one.why)
        return
    name = one.file.relative_to(path) if path.is_dir() else one.file.name
    console.print(f"{name}: the {one.kind} {one.model.__name__}")
    if path.is_dir():
        return
    table = Table("parameter", "default")
    for field, declared in parameters(one.model).items():
        table.add_row(field, "to be given" if declared.default is None else str(declared.default))
    console.print(table)


def _count(console: Console, found: list[_Outcome]) -> None:
    """Count the files by what they are read as, or by the construct for which they are refused."""
    read = Counter(one.kind for one in found if one.kind)
    console.print(f"{read.total()} of {len(found)} files are read:")
    for kind, count in read.most_common():
        console.print(f"{count:6} {kind}s")
    refused = Counter(_reason(one.why) for one in found if not one.kind)
    if refused:
        console.print(f"{refused.total()} are refused:")
    for why, count in refused.most_common():
        console.print(f"{count:6} {why}")


def _reason(message: str) -> str:
    """A refusal without its file, its line and the names of this file alone."""
    said = _WHICH.sub("_", _LINE.sub("", message))
    return re.split(r"[;:,]|\. |\.$", said)[0].strip()
