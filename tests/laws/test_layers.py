"""The tree is the architecture: imports point downward, classes are abstract or final."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import equinox as eqx
import jax
import pytest

import rheobase

ROOT = Path(rheobase.__file__).parent
LAYERS = (
    ("_version", "cycles", "errors", "jaxprs", "page", "phi"),
    ("atomic", "folder", "given", "loop", "memory", "provenance", "time"),
    ("fixed", "origin", "units"),
    ("printed", "trains"),
    ("declared",),
    ("morphology", "surrogate"),
    ("neurons",),
    ("adaptors",),
    ("connectivity", "steppers", "synapses"),
    ("channels", "compilation", "kernels", "stimulus", "substep"),
    ("arguments", "native", "plasticity"),
    ("inputs", "record", "step"),
    ("progress", "systems"),
    ("run",),
    ("cable", "population", "uncoupled"),
    ("network",),
    ("gate_speed",),
    ("simulate",),
    ("analysis", "check", "classics", "patterns", "train"),
    ("closed_loop", "gradients"),
    ("datasets", "io", "plot"),
    ("devices",),
    ("demo", "fitting", "tasks"),
    ("cli",),
)
"""A part imports from the layers below its own, never from its neighbours."""
UPWARD = {("record", "rheobase.plot.population")}
"""A recording draws itself, and imports what it needs for it when it is asked to."""
HEIGHT = {part: height for height, layer in enumerate(LAYERS) for part in layer}
FILES = sorted(p for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py")


def part_of(module: str) -> str:
    return module.split(".")[1]


def imported(file: Path):
    """The modules of rheobase that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are written in full"
            if node.module == "rheobase":
                yield from (f"rheobase.{alias.name}" for alias in node.names)
            elif node.module.startswith("rheobase."):
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("rheobase"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_downward(file):
    own = file.relative_to(ROOT).parts[0].removesuffix(".py")
    assert own in HEIGHT, f"{own} has no layer: give it one in LAYERS"
    for module in imported(file):
        assert module != "rheobase", "from inside, names are imported from where they live"
        if (own, module) in UPWARD:
            continue
        other = part_of(module)
        assert other == own or HEIGHT[other] < HEIGHT[own], f"{own} imports {module}"


def modules():
    for found in pkgutil.walk_packages(rheobase.__path__, "rheobase."):
        if found.name.endswith(".librheobase"):  # compiled, and no module
            continue
        yield importlib.import_module(found.name)


def classes():
    """Every equinox module class of the library."""
    found = {
        value
        for module in modules()
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, eqx.Module)
        and value.__module__.startswith("rheobase")
    }
    return sorted(found, key=lambda kind: kind.__qualname__)


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_a_class_is_abstract_or_final(kind):
    below = [c for c in kind.__subclasses__() if c.__module__.startswith("rheobase")]
    parents = [c for c in kind.__mro__[1:] if c.__module__.startswith("rheobase")]
    assert all(parent.__name__.startswith("Abstract") for parent in parents)
    if kind.__name__.startswith("Abstract"):
        assert below, "what is abstract is there for something final"
        with pytest.raises(TypeError, match="abstract"):
            kind()
    else:
        assert not below
        assert not inspect.isabstract(kind)
    assert len(parents) <= 5


def test_no_module_keeps_arrays():
    """Importing computes nothing: an array at import would fix device and precision."""
    for module in modules():
        held = [name for name, value in vars(module).items() if isinstance(value, jax.Array)]
        assert not held, f"{module.__name__}: {held}"
