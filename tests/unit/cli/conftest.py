from typing import NamedTuple

import pytest

from rheobase.cli import main


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def rheobase(capsys, monkeypatch):
    """The command line in this process: `rheobase("list", "LIF")`."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        return Result(left.value.code, *capsys.readouterr())

    return run
