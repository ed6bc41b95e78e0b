"""Wrong input on the command line: one line, before the work, with the option that cures it."""

import importlib
import re
from types import SimpleNamespace

import pytest

import rheobase as rb
from rheobase.cli import app
from rheobase.cli.advice import as_options, options_of
from rheobase.fitting.known_cell import synthetic
from rheobase.folder import require_folder
from rheobase.units import ms, nA

FIT = options_of(app, ["fit", "cell.abf"])
WORDED = [
    ("Write dt=0.1*ms.", ["simulate"], "--dt 0.1ms."),
    ("Choose dt=2.5*ms.", ["simulate"], "Choose --dt 2.5ms."),
    ("`duration` is short.", ["simulate"], "--duration is short."),
    (
        "Choose one: read_recording(path, voltage='IN 0', current='Cmd 0').",
        ["fit"],
        "Choose one: --voltage 'IN 0', --current 'Cmd 0'.",
    ),
    ("Name it by current=.", ["fit"], "Name it by --current."),
    ("Write train=rec.sweeps[::2], test=rec.sweeps[1::2].", ["fit"], "--train ::2, --test 1::2."),
    (
        "Write rb.datasets.fsdd(PATH), PATH a folder with x, or set RHEOBASE_DATA.",
        ["train"],
        "Give --data PATH, a folder with x, or set RHEOBASE_DATA.",
    ),
    (
        "Write rb.load(path, classes=[Mine]).",
        ["simulate"],
        "In Python write rb.load(path, classes=[Mine]).",
    ),
    ("at=0.5 and pdt=3 stay.", ["simulate"], "at=0.5 and pdt=3 stay."),
]


@pytest.mark.parametrize("text, words, told", WORDED, ids=[t for t, _, _ in WORDED])
def test_python_becomes_options(text, words, told):
    assert as_options(text, options_of(app, words)) == told


def test_the_options_of_a_command_within_a_command():
    assert {"out", "steps", "seed"} == set(options_of(app, ["chip", "demo"]))
    assert options_of(app, ["no-command"]) == options_of(app, [])
    assert {"voltage", "train", "out"} <= set(FIT)


@pytest.fixture
def saved(tmp_path):
    file = tmp_path / "cell.rheobase"
    rb.save(file, rb.LIF())
    return str(file)


UNWRITABLE = ["/proc/x", "{file}", "{file}/below"]


WORDS = {
    "run": ["cuba"],
    "simulate": ["{saved}"],
    "demo": [],
    "chip": ["demo"],
    "fit": ["cell.abf"],
    "train": ["spoken-digits"],
}


@pytest.fixture
def idle(monkeypatch):
    """Every command comes to its work with inputs that are in order, and fails if it begins."""

    def work(*_, **__):
        pytest.fail("it began to work")

    class Task:
        epochs = 1
        data = split = lambda self, *_: SimpleNamespace(train=[0], validation=[0], how="")

    for place in (
        "cli.running.CLASSICS",
        "cli.simulating.patch_of",
        "demo.train",
        "devices.dynapse2.demo.outcome",
        "fitting.fit_recording",
        "tasks.base._fitted",
    ):
        module, _, name = f"rheobase.{place}".rpartition(".")
        fails = {"cuba": work} if name == "CLASSICS" else work
        monkeypatch.setattr(importlib.import_module(module), name, fails)
    monkeypatch.setattr("rheobase.cli.training.TASKS", {"spoken-digits": Task})
    monkeypatch.setattr("rheobase.demo.read_digits", lambda: None)
    recorded = synthetic(rb.LIF(), [0, 0.3] * nA, duration=200 * ms, before=20 * ms, pulse=100 * ms)
    monkeypatch.setattr("rheobase.cli.fitting.read_recording", lambda *_, **__: recorded)


@pytest.mark.parametrize("command", WORDS)
def test_a_folder_that_cannot_be_written_is_found_before_the_work(
    rheobase, saved, tmp_path, idle, command
):
    file = tmp_path / "file"
    file.write_text("")
    words = [command, *(word.format(saved=saved) for word in WORDS[command])]
    for out in ("/proc/x", str(file), str(file / "below")):
        result = rheobase(*words, "--out", out)
        assert result.code == 2
        last = result.err.splitlines()[-1]
        assert last.startswith(f"FolderError: no results can be written to {out}: ")
        assert "--out /" in last
        assert "Traceback" not in result.err


def test_a_folder_is_made_and_left_empty(tmp_path):
    folder = require_folder(tmp_path / "a" / "b")
    assert folder.is_dir() and not list(folder.iterdir())


WRONG = {
    "there is no file": ["simulate", "{none}"],
    "data": ["train", "spoken-digits"],
    "no model": ["evaluate", "{none}"],
    "no recording": ["fit", "{none}"],
    "duration": ["simulate", "{saved}", "--duration", "0.01ms"],
    "current": ["simulate", "{saved}", "--current", "2mV"],
    "dt": ["simulate", "{saved}", "--dt", "-1ms"],
    "json": ["chip", "report", "{saved}"],
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input_is_answered_without_python(rheobase, saved, tmp_path, monkeypatch, what):
    monkeypatch.delenv("RHEOBASE_DATA", raising=False)
    words = [word.format(saved=saved, none=tmp_path / "none.abf") for word in WRONG[what]]
    result = rheobase(*words, *(["--out", str(tmp_path / "out")] if "out" in what else []))
    assert result.code == 2
    said = result.out + result.err
    assert "Traceback" not in said
    assert not re.search(r"\brb\.|\b\w+=\w|\w\(\w*\)", said), said


def test_what_is_said_to_be_python_is_said_once():
    said = "a state. In Python write rb.simulate(rb.load('a'), ...)."
    assert as_options(said, ()) == said
