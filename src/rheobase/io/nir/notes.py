"""The package `nir`, and what of ours stands in metadata."""

from typing import Any

import numpy as np

from rheobase.io import models

KEY = "rheobase"


def package() -> Any:
    """The package `nir`."""
    try:
        import nir
    except ImportError:
        raise ImportError(
            "NIR files need the package nir. Write pip install 'rheobase[nir]'."
        ) from None
    return nir


def notes_of(node: Any) -> dict[str, Any]:
    """Metadata of a node, as text, numbers and arrays."""
    given = getattr(node, "metadata", None)
    if not isinstance(given, dict):
        return {}
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in given.items()}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in plain.items()}


def packed(value: Any) -> np.ndarray:
    """A part of a model as metadata."""
    return np.frombuffer(models.packed(value), np.uint8)


def unpacked(notes: dict[str, Any], name: str) -> Any:
    """The part of a model that stands in the metadata of node `name`, or None."""
    held = notes.get(KEY)
    return None if held is None else models.unpacked(np.asarray(held).tobytes(), f"node {name!r}")


def kind_of(node: Any) -> str:
    """The name of a primitive."""
    return type(node).__name__
