"""Writes the archive's files of the commit whose code is imported: `python -m ... <commit>`."""

import lzma
import sys
import tempfile
from pathlib import Path

import rheobase as rb
from tests.archive import recipes


def main(commit: str) -> None:
    """Save each family, without the recipes that this commit cannot make or save."""
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        for family in recipes.FAMILIES:
            made = {}
            for name, make in family().items():
                try:
                    model = make()
                    rb.save(file, model)
                except Exception as error:  # noqa: BLE001 - whatever an old commit says
                    print(f"{family.__name__} {name}: {type(error).__name__}")
                else:
                    made[name] = model
            if made:
                rb.save(file, made)
                content = lzma.compress(file.read_bytes(), preset=9 | lzma.PRESET_EXTREME)
                (here / f"{commit}-{family.__name__}.xz").write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1])
