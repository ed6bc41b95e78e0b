"""How the files of the library may depend on each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rheobase as rb

SOURCE = Path(rb.__file__).parent


def _modules() -> dict[str, Path]:
    names = {}
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


MODULES = _modules()


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All below a node, those inside of functions too, but not what only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from _statements(child)


def imported(path: Path) -> set[str]:
    """The modules of ours that a file imports."""
    found = set()
    for node in _statements(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                found.add(whole if whole in MODULES else node.module)
        elif isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
    return found & set(MODULES)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """What is left once all that imports nothing else of what is left is taken away."""
    left = {name: set(others) - {name} for name, others in graph.items()}
    while free := [name for name, others in left.items() if not others & set(left)]:
        for name in free:
            del left[name]
    while ends := [n for n in left if not any(n in others for others in left.values())]:
        for name in ends:
            del left[name]
    return [[name, *sorted(others & set(left))] for name, others in left.items()]


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"a", "c"}, "c": set(), "d": {"a"}}) == [
        ["a", "b"],
        ["b", "a"],
    ]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_no_files_import_each_other_in_a_circle():
    assert len(MODULES) > 300
    assert circles({name: imported(path) for name, path in MODULES.items()}) == []


def test_jaxprs_are_walked_in_one_file():
    walkers = {path.name for path in SOURCE.rglob("*.py") if ".eqns" in path.read_text()}
    assert walkers == {"jaxprs.py"}


def test_what_moves_and_the_loop_know_no_front():
    fronts = ("network", "train", "cable", "devices", "fitting", "plot", "gradients", "simulate")
    for name, path in MODULES.items():
        if name.startswith(("rheobase.systems", "rheobase.run")):
            assert not {one for one in imported(path) if one.split(".")[1] in fronts}, name


def test_the_type_of_a_cell_is_asked_for_in_the_front_of_cells_alone():
    asked = {"isinstance", "issubclass", "type"}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            pattern = isinstance(node, ast.MatchClass)
            call = isinstance(node, ast.Call) and ast.unparse(node.func) in asked
            if (call or pattern) and not name.startswith("rheobase.cable"):
                names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
                assert not names & {"Cell", "Member", "Receiver"}, name


@pytest.mark.parametrize(
    ("made", "where"), [("Recording", "record.py"), ("NetworkRecording", "recording.py")]
)
def test_a_recording_begins_in_one_place(made, where):
    makers = set()
    for path in SOURCE.rglob("*.py"):
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        if any(isinstance(c.func, ast.Name) and c.func.id == made for c in calls):
            makers.add(path.name)
    assert makers == {where}


def _functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for folder in ("systems", "run"):
        for path in (SOURCE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef):
                    yield f"{folder}/{path.name}: {node.name}", node


def test_arguments_of_systems_and_the_run_are_few_and_say_what_they_are():
    kinds: list[str] = []
    for name, function in _functions():
        given = [a for a in (*function.args.posonlyargs, *function.args.args) if a.arg != "self"]
        assert len(given) <= 6, name
        kinds += [ast.unparse(a.annotation) for a in given if a.annotation is not None]
    assert len(kinds) > 300 and kinds.count("Any") < 0.05 * len(kinds)


SCANS = {
    # Each file that scans, and over what; systems move in the first three.
    "loop.py": "the one loop of whatever moves",
    "gradients/streamed.py": "forwards in time, by stretches",
    "network/adjoint.py": "the compiled loop and its adjoint, by stretches",
    "kernels/tree.py": "over the levels of a tree",
    "network/inputs.py": "over the memory of a stimulus",
    "stimulus/poisson.py": "over the rows of a table",
    "stimulus/random.py": "over the memory of a stimulus",
    "datasets/cochlea.py": "over a filter of sound",
    "train/encoders.py": "over samples that become spikes",
    "train/dense.py": "over delays",
    "train/losses.py": "over an output that is read",
    "devices/dynapse2/convert.py": "over steps of a search",
    "devices/dynapse2/training.py": "over steps of an optimiser",
    "fitting/posterior.py": "over samples of a chain",
}


def test_one_loop_moves_systems():
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if "lax.scan(" in path.read_text()
    }
    assert found == set(SCANS)
