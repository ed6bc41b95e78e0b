"""Arrays of a model or of a training run in one file, written whole or not at all.

The file, all numbers little-endian:

    bytes 0-7     `rheobase`
    8-11          version of this layout, 2
    12-19         length of the file in bytes
    20-27         length h of the header in bytes
    28-59         SHA-256 of bytes 0 to 27 and of everything that follows
    60 ...        header, h bytes of JSON in UTF-8: `leaves`, a list of {path, dtype, shape};
                  `notes`, whatever the writer wants to say; and `made`, the versions, precision
                  and what else is known of what made it
    60 + h ...    the arrays in this order, each in C order, nothing in between

It holds numbers only: no code is stored, and none runs when it is read. What the numbers belong to
is said by the model that is passed to `load`. A new file is written beside the old one and takes
its place when it is complete.

In version 1 the checksum was of what follows it alone; such files can be read.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase import atomic
from rheobase.errors import CheckpointError
from rheobase.provenance import Provenance, noted, of_notes

Tree = TypeVar("Tree")

MAGIC = b"rheobase"
VERSION = 2
CURE = "Take an older copy, or delete it and start anew."
_HEAD = 60
_TYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64 "
    "complex64 complex128".split()
)


def save(path: str | Path, tree: Any, notes: dict[str, Any] | None = None) -> None:
    """Write the arrays of a model, or of any tree, to a file, to the bit.

    - `path`: what is there stays as it is until the new file is complete.
    - `tree`: a model; what is no array in it is not written.
    - `notes`: what JSON can hold, for `read_notes`.

    >>> import tempfile, rheobase as rb
    >>> from rheobase.units import ms
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rb.train.save(f"{folder}/lif.rheobase", rb.LIF(tau=12 * ms))
    ...     rb.train.load(f"{folder}/lif.rheobase", rb.LIF()).tau.item()
    12.0
    """
    atomic.require_path(path, 'rb.train.save("run.rheobase", model), the path first')
    write(path, _named(tree), notes or {})


def write(
    path: str | Path,
    named: list[tuple[str, np.ndarray]],
    notes: dict[str, Any],
    made: Provenance | None = None,
) -> None:
    """Write named arrays and notes in this layout, and what made them."""
    atomic.write(path, packed(named, notes, made))


def packed(
    named: list[tuple[str, np.ndarray]], notes: dict[str, Any], made: Provenance | None = None
) -> bytes:
    """Named arrays and notes as the content of a file of this layout."""
    parts = {"leaves": _described(named), "notes": notes, "made": noted(made)}
    header = json.dumps(parts).encode()
    body = b"".join([header, *(_little(array).tobytes() for _, array in named)])
    head = MAGIC + VERSION.to_bytes(4, "little")
    head += (_HEAD + len(body)).to_bytes(8, "little") + len(header).to_bytes(8, "little")
    return head + _checksum(VERSION, head, body) + body


def load(path: str | Path, like: Tree) -> Tree:
    """Read a file that `save` wrote.

    - `like`: a model of the same structure, whose arrays are replaced by those of the file.

    Errors: `CheckpointError` for a file that is missing, cut short, damaged, of another version or
    of another model, with what was found.
    """
    content = read(path)
    expected = _described(_named(like))
    if content.leaves != expected:
        raise CheckpointError(
            f"{path} is of another model: {_difference(content.leaves, expected)}. "
            f"Pass a model of the structure that was saved, or another path."
        )
    leaves, structure = jax.tree.flatten(like)
    arrays = iter(content.arrays())
    for position, leaf in enumerate(leaves):
        if eqx.is_array(leaf) or isinstance(leaf, np.ndarray):
            leaves[position] = _as(leaf, next(arrays))
    return jax.tree.unflatten(structure, leaves)


def read_notes(path: str | Path) -> dict[str, Any]:
    """The notes of a file that `save` wrote; errors as for `load`.

    >>> import tempfile, rheobase as rb
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rb.train.save(f"{folder}/lif.rheobase", rb.LIF(), {"epochs": 3})
    ...     rb.train.read_notes(f"{folder}/lif.rheobase")
    {'epochs': 3}
    """
    return read(path).notes


class Content(NamedTuple):
    """What is in a file."""

    leaves: list[dict[str, Any]]
    notes: dict[str, Any]
    data: bytes
    made: Provenance = Provenance()

    def arrays(self) -> list[np.ndarray]:
        """The arrays in their order."""
        found, offset = [], 0
        for leaf in self.leaves:
            dtype, shape = np.dtype(jnp.dtype(leaf["dtype"])), leaf["shape"]
            count = int(np.prod(shape))
            array = np.frombuffer(self.data, dtype.newbyteorder("<"), count, offset)
            found.append(array.astype(dtype).reshape(shape))
            offset += count * dtype.itemsize
        return found


def read(path: str | Path) -> Content:
    """Read a file of this layout; errors as for `load`."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(
            f"there is no file {path}. Write it with rb.save, or of the state of a training with "
            "rb.train.save."
        ) from None
    except IsADirectoryError:
        raise CheckpointError(f"{path} is a folder. Name the file in it.") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    return unpacked(content, path)


def unpacked(content: bytes, path: str | Path) -> Content:
    """What is in the content of a file of this layout, called `path` in errors as of `load`."""
    if content[:8] != MAGIC[: len(content)] or not content:
        raise CheckpointError(
            f"{path} is no checkpoint: it begins with {content[:8]!r}, expected {MAGIC!r}."
        )
    version = int.from_bytes(content[8:12], "little")
    if len(content) >= 12 and not 1 <= version <= VERSION:
        raise CheckpointError(
            f"{path} is of version {version}, and this library reads versions 1 to {VERSION}. "
            f"Read it with the version of the library that wrote it."
        )
    length = int.from_bytes(content[12:20], "little")
    if len(content) < max(_HEAD, length):
        raise CheckpointError(
            f"{path} is cut short: it has {len(content)} bytes of {max(_HEAD, length)}. {CURE}"
        )
    body = content[_HEAD:]
    if len(content) != length or _checksum(version, content[:28], body) != content[28:_HEAD]:
        raise CheckpointError(f"{path} is damaged: its checksum is wrong. {CURE}")
    split = int.from_bytes(content[20:28], "little")
    leaves, notes, made = _header(body[:split], path)
    if split > len(body) or sum(map(_bytes, leaves)) != len(body) - split:
        raise CheckpointError(f"{path} is damaged: its arrays are of another length. {CURE}")
    return Content(leaves, notes, body[split:], made)


def _checksum(version: int, head: bytes, body: bytes) -> bytes:
    return hashlib.sha256(body if version == 1 else head + body).digest()


def _header(
    text: bytes, path: str | Path
) -> tuple[list[dict[str, Any]], dict[str, Any], Provenance]:
    """The description of the arrays, the notes, and what made the file."""
    try:
        match json.loads(text):
            case {"leaves": list(leaves), "notes": dict(notes), **rest} if all(
                map(_is_leaf, leaves)
            ):
                made = rest.get("made")
                return leaves, notes, of_notes(made if isinstance(made, dict) else {})
    except (ValueError, RecursionError):  # of UTF-8 and of JSON
        pass
    raise CheckpointError(f"{path} is damaged: its header cannot be read. {CURE}")


def _is_leaf(leaf: Any) -> bool:
    match leaf:
        case {"path": str(), "dtype": str(dtype), "shape": list(shape)} if dtype in _TYPES:
            whole = all(type(n) is int and 0 <= n < 2**62 for n in shape)
            # numpy takes no array whose sides without the zeros are beyond its range.
            return whole and len(shape) <= 32 and math.prod(filter(None, shape)) < 2**56
    return False


def _bytes(leaf: dict[str, Any]) -> int:
    return math.prod(leaf["shape"]) * jnp.dtype(leaf["dtype"]).itemsize


def _named(tree: Any) -> list[tuple[str, np.ndarray]]:
    """The arrays of a tree with their paths; random keys as the words that they are made of."""
    found = []
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        if eqx.is_array(leaf) or isinstance(leaf, np.ndarray):
            words = jax.random.key_data(leaf) if _is_key(leaf) else leaf
            found.append((jax.tree_util.keystr(path), np.asarray(words)))
    return found


def _described(named: list[tuple[str, np.ndarray]]) -> list[dict[str, Any]]:
    return [{"path": n, "dtype": a.dtype.name, "shape": list(a.shape)} for n, a in named]


def _little(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder("<"))


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _as(leaf: Any, array: np.ndarray) -> Any:
    """The array in the form of `leaf`."""
    if isinstance(leaf, np.ndarray):
        return array
    if _is_key(leaf):
        return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(leaf))
    return jnp.asarray(array)


def _difference(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> str:
    """The first array in which two descriptions differ, in words."""

    def text(leaf: dict[str, Any]) -> str:
        return f"{leaf['path']} {leaf['dtype']}{leaf['shape']}"

    for one, other in zip(found, expected, strict=False):
        if one != other:
            return f"it has {text(one)} where the model has {text(other)}"
    longer, whose = (found, "it") if len(found) > len(expected) else (expected, "the model")
    return f"only {whose} has {text(longer[min(len(found), len(expected))])}"
