"""Write the gallery: run every script of `examples/`, keep its picture, show its numbers."""

import ast
import importlib.util
import re
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

EXAMPLES = Path(__file__).parents[2] / "examples"

SECTIONS = {
    "Neurons": ("fi_curves", "adex_patterns", "izhikevich_patterns"),
    "Networks": ("vogels_abbott", "brunel_states", "sound_localisation"),
    "Synapses and plasticity": (
        "stdp_window",
        "triplet_frequency",
        "short_term_plasticity",
        "homeostatic_inhibition",
        "unsupervised_digits",
    ),
    "Dendrites": (
        "cable_attenuation",
        "squid_axon",
        "back_propagation",
        "dendritic_spike",
        "direction_selectivity",
        "magnesium_block",
        "nmda_plateau",
    ),
    "Learning": ("xor_spike_times", "eprop_pattern", "delayed_memory", "frozen_noise_chip"),
}
"""The scripts in the order of the page."""

_INTRODUCTION = """# Classics

Each of these is a short script in the folder `examples/` of the repository, with its paper, its
picture, and numbers that a test compares with published ones or with a closed form. All of them
ran when this page was built."""

_HEAD = "| number | here | expected | from |\n|---|---|---|---|"
_ROW = re.compile(r"^\| `(\w+)`(?: \(([^|]*)\))? \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


class Row(NamedTuple):
    """What the docstring of a script promises of one of its numbers."""

    name: str
    unit: str
    expected: str
    """`8`, `37.7 ± 4`, `37.7 ± 10 %`, `< 0.1` or `> 2`."""
    source: str

    def holds(self, value: float) -> bool:
        """Whether a number is as promised."""
        sign, _, bound = self.expected.partition(" ")
        if sign in "<>":
            return value < float(bound) if sign == "<" else value > float(bound)
        middle, _, around = self.expected.partition(" ± ")
        width = float(around.removesuffix(" %") or 0)
        if around.endswith(" %"):
            width *= abs(float(middle)) / 100
        return abs(value - float(middle)) <= width


def rows(text: str) -> list[Row]:
    """The table of a docstring: number, expected, from."""
    return [Row(*(cell or "" for cell in found)) for found in _ROW.findall(text)]


def scripts() -> dict[str, Path]:
    """Every example by its name."""
    return {path.stem: path for path in sorted(EXAMPLES.glob("*.py")) if path.stem != "show"}


def module(path: Path) -> ModuleType:
    """A script, imported."""
    spec = importlib.util.spec_from_file_location(f"examples.{path.stem}", path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def numbers(result: Any) -> dict[str, float]:
    """The fields of a result that are one number; the others are for its picture."""
    fields = result._asdict().items()
    return {name: float(x) for name, x in fields if isinstance(x, Real)}


def page(path: Path, text: str, result: Any) -> str:
    """The Markdown of one example, with its numbers beside what was expected."""
    first, _, rest = text.partition("\n")
    found = numbers(result)

    def filled(match: re.Match[str]) -> str:
        row = Row(*(cell or "" for cell in match.groups()))
        unit = f" ({row.unit})" if row.unit else ""
        return f"| `{row.name}`{unit} | {found[row.name]:.4g} | {row.expected} | {row.source} |"

    rest = rest.replace("| number | expected | from |\n|---|---|---|", _HEAD)
    begin = ast.parse(path.read_text()).body[1].lineno
    code = f"../../../examples/{path.name}\n:language: python\n:lines: {begin}-"
    return "\n\n".join(
        [
            f"# {first.removesuffix('.')}",
            f"![{first}]({path.stem}.png)",
            _ROW.sub(filled, rest).strip(),
            f"Run it by `python examples/{path.name} folder`; the picture is then in the folder.",
            f"```{{literalinclude}} {code}\n```\n",
        ]
    )


def card(name: str, title: str) -> str:
    """A thumbnail that leads to the page."""
    return (
        f":::{{grid-item-card}} {title.removesuffix('.')}\n:link: {name}\n"
        f":link-type: doc\n:img-bottom: {name}-small.png\n:img-alt: {title}\n:::"
    )


def write(app) -> None:
    """Write every page and picture; Sphinx calls it before it reads the sources."""
    folder = Path(app.srcdir) / "gallery" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    titles = {}
    for name, path in scripts().items():
        script = module(path)
        result = script.main()
        text = script.__doc__ or ""
        figure = script.picture(result)
        figure.savefig(folder / f"{name}.png", dpi=130)
        figure.savefig(folder / f"{name}-small.png", dpi=50)
        (folder / f"{name}.md").write_text(page(path, text, result))
        titles[name] = text.partition("\n")[0]
    parts = [_INTRODUCTION]
    for section, names in SECTIONS.items():
        cards = "\n\n".join(card(name, titles[name]) for name in names)
        parts.append(f"## {section}\n\n::::{{grid}} 1 2 3 3\n:gutter: 2\n\n{cards}\n\n::::")
    pages = "\n".join(name for names in SECTIONS.values() for name in names)
    parts.append(f"```{{toctree}}\n:hidden:\n\n{pages}\n```\n")
    (folder / "index.md").write_text("\n\n".join(parts))


def setup(app) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
