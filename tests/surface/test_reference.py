"""The reference in the documentation has every public name, with what is declared about it."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import rheobase as rb

SOURCE = Path(__file__).parents[2] / "docs" / "_ext" / "reference.py"
spec = importlib.util.spec_from_file_location("reference", SOURCE)
assert spec is not None and spec.loader is not None
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)

PAGES = {family: reference.page(family, members) for family, members in reference.pages().items()}
EVERYTHING = "\n".join(PAGES.values())
TOP = [getattr(rb, name) for name in rb.__all__]


@pytest.mark.parametrize("name", [n for n in rb.__all__ if not n.startswith("__")])
def test_every_public_name_is_on_a_page(name):
    value = getattr(rb, name)
    if isinstance(value, ModuleType):
        shown = list(reference.pages()[reference.SAME_PAGE.get(name, name)].values())
        public = reference.inside(name, value).values()
        assert all(any(v is one for v in shown + TOP) for one in public)
    else:
        assert f"{{py:class}} rheobase.{name}(" in EVERYTHING or (
            f"{{py:function}} rheobase.{name}(" in EVERYTHING
        )


def test_a_neuron_is_shown_with_parameters_and_state():
    entry = reference.entry("rheobase.AdEx", rb.AdEx)
    assert "| `tau_w` | ms | positive | 144 ms | time constant of adaptation |" in entry
    assert "| `w` | nA |" in entry
    assert "{py:class} rheobase.AdEx(tau=" in entry


def test_examples_are_fenced_and_equations_keep_their_lines():
    text = "tau dv/dt = -v\n    and a rest\n\n>>> 1 + 1\n2\n\nThe end."
    assert reference.markdown(text) == (
        "tau dv/dt = -v\\\n    and a rest\n\n```pycon\n>>> 1 + 1\n2\n```\n\nThe end."
    )
