"""Fixtures of the readers."""

import pytest

import rheobase as rb


@pytest.fixture
def read(tmp_path):
    """Read a .mod file with this text."""

    def reader(text):
        file = tmp_path / "it.mod"
        file.write_text(text)
        return rb.io.read_mod(file)

    return reader
