"""`rheobase list`: tables of everything, made from the declarations."""

import dataclasses
import difflib
import inspect
import json
import re
import types
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import jax
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rheobase import (
    adaptors,
    channels,
    connectivity,
    neurons,
    plasticity,
    steppers,
    stimulus,
    surrogate,
    synapses,
)
from rheobase.adaptors import AbstractAdaptor
from rheobase.channels import AbstractMechanism
from rheobase.connectivity import AbstractConnectivity
from rheobase.errors import UnknownName
from rheobase.neurons import AbstractMembrane
from rheobase.plasticity import AbstractRule
from rheobase.steppers import AbstractStepper
from rheobase.stimulus import AbstractStimulus
from rheobase.surrogate import AbstractSurrogate
from rheobase.synapses import AbstractRelease, AbstractSynapse, Delta
from rheobase.units import Quantity, Unit, parameters, state_units


class Argument(NamedTuple):
    """One argument of a constructor."""

    name: str
    unit: str
    default: str
    """As it is written; empty where it must be given."""
    domain: str
    meaning: str


class Entry(NamedTuple):
    """One class of the library."""

    family: str
    name: str
    summary: str
    arguments: tuple[Argument, ...]
    receives: str
    """Unit of the input of a neuron; empty for what is none."""
    state: dict[str, str]
    """Unit of each state variable of a neuron."""
    text: str
    """The whole docstring."""


class _Family(NamedTuple):
    module: types.ModuleType
    base: type | tuple[type, ...]


_FAMILIES = {
    "neurons": _Family(neurons, AbstractMembrane),
    "adaptors": _Family(adaptors, AbstractAdaptor),
    "channels": _Family(channels, AbstractMechanism),
    "steppers": _Family(steppers, AbstractStepper),
    "surrogates": _Family(surrogate, AbstractSurrogate),
    "stimuli": _Family(stimulus, AbstractStimulus),
    "synapses": _Family(synapses, (AbstractSynapse, Delta)),
    "plasticity": _Family(plasticity, (AbstractRule, AbstractRelease)),
    "connectivity": _Family(connectivity, AbstractConnectivity),
}

_WORDS = {
    AbstractMembrane: "a neuron",
    Quantity: "a quantity",
    jax.Array: "an array",
    type(None): "None",
    Any: "",
}


def show(family: str | None, name: str | None, as_json: bool) -> int:
    """Print what is asked for."""
    chosen = choose(entries(), family, name)
    if as_json:
        print(json.dumps([entry._asdict() | {"arguments": _dicts(entry)} for entry in chosen]))
        return 0
    console = Console(highlight=False, markup=False)
    if len(chosen) == 1:
        console.print(_page(chosen[0]))
        return 0
    for title in dict.fromkeys(entry.family for entry in chosen):
        console.print(Text(f"\n{title}", style="bold underline"))
        for entry in chosen:
            if entry.family == title:
                console.print(_block(entry))
    console.print("\n`rheobase list NAME` shows one of them with its equations and state.")
    return 0


def entries() -> list[Entry]:
    """Every public class of each family, in the order of their names."""
    found = []
    for title, family in _FAMILIES.items():
        members = {
            value
            for value in vars(family.module).values()
            if inspect.isclass(value)
            and issubclass(value, family.base)
            and not value.__name__.startswith(("Abstract", "_"))
        }
        found += [_entry(title, cls) for cls in sorted(members, key=lambda c: c.__name__.lower())]
    return found


def choose(found: list[Entry], family: str | None, name: str | None) -> list[Entry]:
    """Those of a family, or of a name; a name may stand in the place of the family."""
    if family is None:
        return found
    names = [entry.name for entry in found]
    if family not in _FAMILIES and name is None:
        if family not in names:
            near = difflib.get_close_matches(family.lower(), [n.lower() for n in names])
            close = [n for n in names if n.lower() in near]
            raise UnknownName("family or member of one", family, [*_FAMILIES, *close])
        # Some channels are called as the neuron whose equations they carry, which comes first.
        return [entry for entry in found if entry.name == family][:1]
    if family not in _FAMILIES:
        raise UnknownName("family", family, _FAMILIES)
    of_family = [entry for entry in found if entry.family == family]
    if name is None:
        return of_family
    if name not in (entry.name for entry in of_family):
        raise UnknownName(f"member of {family}", name, [entry.name for entry in of_family])
    return [entry for entry in of_family if entry.name == name]


def _entry(family: str, cls: type) -> Entry:
    text = inspect.getdoc(cls) or ""
    is_neuron = issubclass(cls, AbstractMembrane) and not issubclass(cls, AbstractAdaptor)
    return Entry(
        family=family,
        name=cls.__name__,
        summary=_plain(text.split("\n\n")[0].replace("\n", " ")),
        arguments=tuple(
            _argument(cls, text, p) for p in inspect.signature(cls).parameters.values()
        ),
        receives=str(cls.receives) if is_neuron else "",
        state={k: str(u) for k, u in _state(cls).items()} if is_neuron else {},
        text=text,
    )


def _plain(text: str) -> str:
    """Formulas without the signs of TeX."""
    text = re.sub(r"\\mathrm\{(\w+)\}", r"\1", text.replace("$", "").replace("\\,", " "))
    return re.sub(r"\\([a-z]+)", r"\1", text)


def _state(cls: type[AbstractMembrane]) -> dict[str, Unit]:
    """The units of the state that `init` says it returns."""
    return state_units(get_type_hints(cls.init)["return"])


def _argument(cls: type, text: str, parameter: inspect.Parameter) -> Argument:
    """What the declaration of a field says, and what the constructor says where there is none."""
    declared = parameters(cls).values()
    # A constructor may shorten the name of a field: `start` for `start_time`.
    known = next((p for p in declared if f"{p.name}_".startswith(f"{parameter.name}_")), None)
    if known is not None:
        default = _written(parameter.default, known.unit)
        return Argument(parameter.name, str(known.unit), default, str(known.domain), known.meaning)
    field = next((f for f in dataclasses.fields(cls) if f.name == parameter.name), None)
    metadata = {} if field is None else dict(field.metadata)
    domain = metadata["domain"].text if "domain" in metadata else _kind(parameter.annotation)
    meaning = metadata.get("meaning", "") or _from_text(text, parameter.name)
    default = _written(parameter.default, None)
    if field is not None and field.default_factory is not dataclasses.MISSING:
        default = f"{type(field.default_factory()).__name__}(...)"
    unit = "any" if field is not None and field.type is Quantity else ""
    return Argument(parameter.name, unit, default, domain, _plain(meaning))


def _written(value: Any, unit: Unit | None) -> str:
    """A default as it is read: a number of its unit, nothing where there is none."""
    if value is inspect.Parameter.empty:
        return ""
    if isinstance(value, Quantity) and unit is not None:
        value = value.value_in(unit)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _kind(annotation: Any) -> str:
    """What an argument takes, in words."""
    if annotation in _WORDS:
        return _WORDS[annotation]
    if get_origin(annotation) is Literal:
        return " or ".join(map(repr, get_args(annotation)))
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_kind, get_args(annotation))))
    plain = get_origin(annotation) or annotation
    name = getattr(plain, "__name__", str(plain))
    return f"a {name.removeprefix('Abstract').lower()}" if name.startswith("Abstract") else name


def _from_text(text: str, name: str) -> str:
    """The first sentence of what a docstring says in its list of arguments."""
    found = re.search(
        rf"^- [^:\n]*`{name}`[^:\n]*: (.+?)(?:[.;]\s|[.;]?\n\n|\n- |\Z)", text, re.M | re.S
    )
    return "" if found is None else " ".join(found[1].rstrip(".;").split())


def _dicts(entry: Entry) -> list[dict[str, str]]:
    return [argument._asdict() for argument in entry.arguments]


def _block(entry: Entry) -> Group:
    """Name, summary and arguments."""
    head = Text.assemble((f"\n{entry.name}", "bold"), f"  {entry.summary}")
    return Group(head, Padding(_table(entry), (0, 0, 0, 2)))


def _table(entry: Entry) -> Table:
    table = Table(
        box=None, padding=(0, 2, 0, 0), header_style="dim", show_header=bool(entry.arguments)
    )
    for title, width in (("argument", 11), ("default", 12), ("unit", 6), ("domain", 12)):
        table.add_column(title, min_width=width, no_wrap=title in ("argument", "unit"))
    table.add_column("meaning", ratio=1)
    for name, unit, default, domain, meaning in entry.arguments:
        table.add_row(
            name, Text(default or "required", "" if default else "dim"), unit, domain, meaning
        )
    return table


def _page(entry: Entry) -> Group:
    """All that is known of one class."""
    parts: list[Any] = [Text(entry.name, style="bold"), Text(f"\n{entry.text}\n"), _table(entry)]
    if entry.state:
        state = ", ".join(f"{name} ({unit})" for name, unit in entry.state.items())
        parts.append(Text(f"\nstate: {state}; input: {entry.receives}"))
    return Group(*parts)
