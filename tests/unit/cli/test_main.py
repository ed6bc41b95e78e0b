import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import jax
import pytest

import rheobase as rb


def test_help_names_the_commands(rheobase):
    result = rheobase("--help")
    assert result.code == 0
    for command in ("list", "check", "demo", "run", "version"):
        assert f" {command} " in result.out


def test_versions(rheobase):
    assert rheobase("--version").out.strip() == rb.__version__
    result = rheobase("version")
    assert result.code == 0
    assert rb.__version__ in result.out and jax.__version__ in result.out


@pytest.mark.parametrize("words", [["lst"], ["check"], ["demo", "--epochs", "many"]])
def test_what_cannot_be_read_is_exit_2(rheobase, words):
    result = rheobase(*words)
    assert result.code == 2
    assert result.out + result.err


def test_an_error_of_the_library_is_one_message(rheobase):
    result = rheobase("list", "neurons", "AdExx")
    assert result.code == 2
    assert result.err.startswith("UnknownName: ") and "Did you mean 'AdEx'" in result.err
    assert "Traceback" not in result.err


def test_debug_lets_it_through():
    from rheobase.cli import main

    with pytest.raises(rb.errors.UnknownName):
        main(["list", "neurons", "AdExx", "--debug"])


def test_an_error_that_is_not_ours_is_a_bug_and_comes_through(monkeypatch):
    from rheobase.cli import listing, main

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(listing, "show", broken)
    with pytest.raises(ZeroDivisionError):
        main(["list"])


def test_an_interruption_is_exit_130(rheobase, monkeypatch):
    from rheobase.cli import listing

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(listing, "show", interrupted)
    assert rheobase("list").code == 130


def python(*arguments):
    """Another Python with this checkout in its path."""
    source = str(Path(rb.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source, "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, timeout=120
    )


def test_help_needs_no_jax():
    done = python(
        "-c",
        "import sys; from rheobase.cli import app; app(['--help']);"
        "assert not {'jax', 'equinox', 'numpy', 'matplotlib'} & set(sys.modules)",
    )
    assert done.returncode == 0, done.stderr
    assert "Commands" in done.stdout


def test_the_entry_point():
    script = Path(sysconfig.get_path("scripts")) / "rheobase"
    if script.exists():
        done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=120)
    else:
        done = python("-c", "from rheobase.cli import main; main()", "--version")
    assert (done.returncode, done.stdout.strip()) == (0, rb.__version__)


def test_nobody_listens():
    line = "from rheobase.cli import main; main(['list'])"
    source = str(Path(rb.__file__).parents[1])
    running = subprocess.Popen(
        [sys.executable, "-c", line],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": source},
    )
    running.stdout.close()
    _, err = running.communicate(timeout=120)
    assert b"Traceback" not in err and b"BrokenPipe" not in err
