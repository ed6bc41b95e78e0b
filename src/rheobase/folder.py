"""The folder in which a command leaves its results."""

import tempfile
from pathlib import Path

from rheobase.errors import FolderError


def require_folder(out: Path | str) -> Path:
    """Make a folder and see that it takes files, before the work whose results it shall hold.

    Errors: `FolderError`.
    """
    folder = Path(out).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        reason = "a file stands there" if isinstance(error, FileExistsError) else error.strerror
        raise FolderError(
            f"no results can be written to {folder}: {reason}. Name another folder: "
            f"out={str(Path.home() / 'results')!r}."
        ) from None
