"""Modules whose examples are run are imported by name, before pytest imports their files.

It would make a second copy of a module that its package imports too, and hide a function that is
called like its module, as `rheobase.train.fit` is.
"""

import importlib
from contextlib import suppress
from pathlib import Path

SOURCE = Path(__file__).parent / "src"


def pytest_collect_file(file_path: Path) -> None:
    """Import the module of a file below src."""
    if file_path.suffix == ".py" and SOURCE in file_path.parents:
        parts = file_path.relative_to(SOURCE).with_suffix("").parts
        with suppress(ImportError):  # of which pytest tells by itself
            importlib.import_module(".".join(p for p in parts if p != "__init__"))
