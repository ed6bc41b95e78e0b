"""Files that are written whole or not at all.

Every file of the library is written here: beside its place under another name, and moved there when
it is complete. Where that fails, on a full disk or by an interruption, the old file stays as it is.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rheobase.errors import ArgumentError, brief

if TYPE_CHECKING:
    import matplotlib.figure


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A path beside `path` to write to, of the same suffix; it takes its place at the end.

    Folders on the way are made. A link stays one: the file that it names is replaced. What is no
    file, such as a pipe, is written to as it is.

    >>> import tempfile
    >>> from rheobase.atomic import replacing
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "notes.txt")
    ...     with replacing(path) as beside:
    ...         _ = beside.write_text("whole")
    ...     path.read_text(), len(list(path.parent.iterdir()))
    ('whole', 1)
    """
    place = Path(os.path.realpath(path))
    if place.exists() and not place.is_file():
        if place.is_dir():
            raise IsADirectoryError(f"{path} is a folder. Name a file in it.")
        yield place
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.stem[:60]}.{secrets.token_hex(4)}.part{place.suffix}")
    try:
        yield beside
        # Content first, then the name: a crash in between must not leave an empty file.
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        if place.exists():
            beside.chmod(place.stat().st_mode & 0o777)
        os.replace(beside, place)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def require_path(path: Any, call: str) -> None:
    """Refuse what is no name of a file, such as a model that stands before it.

    Errors: `ArgumentError`, with the call as it should be.
    """
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(f"`path` is the name of a file, got {brief(path)}. Write {call}.")


def write(path: str | Path, content: str | bytes) -> None:
    """Write a text, in UTF-8, or bytes."""
    with replacing(path) as beside:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)


def save_figure(figure: "matplotlib.figure.Figure", path: str | Path, dpi: int = 150) -> None:
    """Draw a figure into a file, in the format of its suffix."""
    with replacing(path) as beside:
        figure.savefig(beside, dpi=dpi)
