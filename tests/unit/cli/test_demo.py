import sys
from pathlib import Path

import pytest

from rheobase import demo


def test_the_demonstration_gets_what_was_asked_for(rheobase, monkeypatch):
    asked = []
    monkeypatch.setattr(demo, "run", lambda out, **rest: asked.append((out, rest)))
    assert rheobase("demo").code == 0
    assert rheobase("demo", "--out", "there", "--epochs", "3", "--seed", "7").code == 0
    assert asked == [
        (Path("demo"), {"epochs": None, "seed": 0}),
        (Path("there"), {"epochs": 3, "seed": 7}),
    ]


def test_without_scikit_learn_it_says_how_to_get_it(rheobase, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    result = rheobase("demo", "--out", str(tmp_path))
    assert result.code == 2
    assert 'pip install "rheobase[demo]"' in result.err and "Traceback" not in result.err


def test_another_missing_module_is_a_bug_and_comes_through(monkeypatch):
    from rheobase.cli import main

    def broken(*_, **__):
        import nothing_of_this_name  # noqa: F401

    monkeypatch.setattr(demo, "run", broken)
    with pytest.raises(ModuleNotFoundError):
        main(["demo"])


@pytest.mark.parametrize("epochs", ["0", "-1", "many"])
def test_epochs_are_a_positive_number(rheobase, epochs):
    assert rheobase("demo", "--epochs", epochs).code == 2
