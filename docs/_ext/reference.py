"""Write the reference: one page a family, from `rheobase.__all__`, docstrings and declarations."""

import dataclasses
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import rheobase as rb
from rheobase import units
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane

TITLES = {
    "simulate": "Simulation and recording",
    "neurons": "Neurons",
    "adaptors": "Adaptors",
    "steppers": "Steppers",
    "surrogate": "Surrogate functions",
    "stimulus": "Stimuli",
    "patterns": "Firing patterns",
    "network": "Networks",
    "connectivity": "Connectivity",
    "synapses": "Synapses",
    "plasticity": "Plasticity",
    "cable": "Cells",
    "channels": "Channels",
    "classics": "Classical networks",
    "morphology": "Morphology",
    "analysis": "Analysis",
    "train": "Training",
    "gradients": "Gradient methods",
    "io": "Files",
    "devices": "Devices",
    "datasets": "Data sets",
    "fitting": "Fitting recordings",
    "plot": "Plots",
    "units": "Units",
    "errors": "Errors",
}
"""The pages in order. A family is the module or package below `rheobase` that defines a name."""

SAME_PAGE = {
    "encoders": "train",
    "losses": "train",
    "readouts": "train",
    "record": "simulate",
    "closed_loop": "simulate",
}


def pages() -> dict[str, dict[str, Any]]:
    """The public objects of each page by dotted name, `rheobase.LIF` or `rheobase.units.ms`."""
    found: dict[str, dict[str, Any]] = {family: {} for family in TITLES}
    for name in rb.__all__:
        value = getattr(rb, name)
        if isinstance(value, ModuleType):
            found[SAME_PAGE.get(name, name)] |= {
                f"rheobase.{dotted}": v
                for dotted, v in inside(name, value).items()
                if dotted.split(".")[-1] not in rb.__all__
                or getattr(rb, dotted.split(".")[-1]) is not v
            }
        elif not name.startswith("__"):
            family = value.__module__.split(".")[1]
            found[SAME_PAGE.get(family, family)][f"rheobase.{name}"] = value
    return {family: members for family, members in found.items() if members}


def inside(name: str, module: ModuleType) -> dict[str, Any]:
    """What a module exports by dotted name, modules in it opened."""
    found: dict[str, Any] = {}
    for inner in exported(module):
        value = getattr(module, inner)
        dotted = f"{name}.{inner}"
        found |= inside(dotted, value) if isinstance(value, ModuleType) else {dotted: value}
    return found


def exported(module: ModuleType) -> list[str]:
    """The names in `__all__`, or where a module has none, what it defines itself."""
    own = [n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__]
    return getattr(module, "__all__", [n for n in own if not n.startswith("_")])


def page(family: str, members: dict[str, Any]) -> str:
    """The Markdown of one page."""
    module = importlib.import_module(f"rheobase.{family}")
    symbols = {name: value for name, value in members.items() if isinstance(value, units.Unit)}
    parts = [f"# {TITLES[family]}", markdown(inspect.getdoc(module))]
    parts += [entry(name, value) for name, value in members.items() if name not in symbols]
    if symbols:
        rows = ((f"`{n.split('.')[-1]}`", f"`{u.internal()}`") for n, u in symbols.items())
        parts += ["## Symbols", table(("symbol", "internal unit of its dimension"), rows)]
    return "\n\n".join(parts) + "\n"


def entry(name: str, value: Any) -> str:
    """One class, function or value: its signature, docstring and parameters."""
    short = name.split(".")[-1]
    kind = "class" if isinstance(value, type) else "function" if callable(value) else "data"
    body = [markdown(inspect.getdoc(value))] if kind != "data" else []
    if kind == "class":
        body += [parameter_table(value), state_table(value), members_of(value)]
    return f"## {short}\n\n" + directive(f"py:{kind}", name + signature(value), body)


def directive(kind: str, argument: str, body: Iterable[str]) -> str:
    """A MyST directive, its fence longer than any in its body."""
    text = "\n\n".join(filter(None, body))
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", text))])
    return f"{fence}{{{kind}}} {argument}\n\n{text}\n{fence}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table, empty where there are no rows."""
    body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    head = list(head)
    rule = "|---" * len(head) + "|"
    return "\n".join(["| " + " | ".join(head) + " |", rule, *body]) if body else ""


def markdown(text: str | None) -> str:
    """A docstring, which is Markdown; its examples are fenced, its equations keep their lines."""
    lines: list[str] = []
    example: list[str] = []
    for line in [*(text or "").splitlines(), ""]:
        if example and line.strip() or line.lstrip().startswith(">>>"):
            example.append(line)
            continue
        if example:
            lines += ["```pycon", *textwrap.dedent("\n".join(example)).splitlines(), "```"]
            example = []
        before = lines[-1] if lines else ""
        if before and line and ("/dt = " in before or "/dt = " in line):
            lines[-1] += "\\"
        goes_on = before and not before.startswith(("- ", "  "))
        lines.append(f"\\{line}" if goes_on and line.startswith("- ") else line)
    return "\n".join(lines).strip()


def signature(value: Any) -> str:
    """`(tau=20*ms, spike=Sigmoid(k=4.0))`: names and defaults without the annotations."""
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return ""
    shown = [p.default if p.default is p.empty else _Shown(p.default) for p in parameters]
    bare = [
        p.replace(annotation=p.empty, default=default)
        for p, default in zip(parameters, shown, strict=True)
    ]
    return str(inspect.Signature(bare))


class _Shown:
    """A default as the user would write it."""

    def __init__(self, value: Any):
        self.value = value

    def __repr__(self) -> str:
        if isinstance(self.value, units.Quantity):
            return str(self.value).replace(" ", "*", 1)
        return repr(self.value)


def parameter_table(owner: type) -> str:
    """Unit, domain, default and meaning of the declared parameters of a class."""
    if not dataclasses.is_dataclass(owner):
        return ""
    declared = units.parameters(owner)
    rows = (
        (f"`{name}`", str(p.unit), str(p.domain), default_of(p), p.meaning)
        for name, p in declared.items()
    )
    return table(("parameter", "unit", "domain", "default", "meaning"), rows)


def default_of(parameter: units.Parameter) -> str:
    """The default as printed, empty where the parameter must be given."""
    return "" if parameter.default is None else str(parameter.default)


def state_table(owner: type) -> str:
    """The state variables of a neuron and their units."""
    if not issubclass(owner, AbstractMembrane) or inspect.isabstract(owner):
        return ""
    given = inspect.signature(owner).parameters.values()
    if any(p.default is p.empty for p in given):
        return ""
    units_of = variables.units(owner().init())
    return table(("state", "unit"), ((f"`{name}`", str(unit)) for name, unit in units_of.items()))


def members_of(owner: type) -> str:
    """The public methods and properties of a class that say what they do."""
    parts = []
    for name, member in vars(owner).items():
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        if name.startswith("_") or not inspect.isfunction(function) or not function.__doc__:
            continue
        kind = "attribute" if isinstance(member, property) else "method"
        arguments = re.sub(r"^\((self|cls)(, )?", "(", signature(function))
        shown = "" if kind == "attribute" else arguments
        parts.append(directive(f"py:{kind}", name + shown, [markdown(inspect.getdoc(function))]))
    return "\n\n".join(parts)


def write(app) -> None:
    """Write every page; Sphinx calls it before it reads the sources."""
    folder = Path(app.srcdir) / "reference" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    for family, members in pages().items():
        (folder / f"{family}.md").write_text(page(family, members))


def setup(app) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
