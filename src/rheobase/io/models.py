"""Models in files: what a model is, with every parameter to the bit, and no code.

The file is laid out as `rheobase.train.checkpoint` says (magic, version, checksum, a header of
JSON, the arrays). Its notes hold

    "format"    `rheobase model`
    "version"   of this description, 1
    "library"   version of rheobase that wrote it
    "arrays"    of each array its "kind" (jax, numpy or key, then with "impl") and, of a declared
                parameter, its "unit": values are in the internal unit of that dimension
    "model"     the tree: null, true, 3, "text" and [list] stand for themselves, and an object is

        {"array": i}                              the i-th array of the file
        {"float": "0x1.8p+1"}                     a number, in hexadecimal so that no bit is lost
        {"module": name, "fields": {...}}         an Equinox module: a neuron, adaptor, layer, ...
        {"named": name, "fields": {...}}          a NamedTuple
        {"shape": name, "fields": {...}}          a morphology, whole or cut into compartments
        {"nodes": parents, "native": true}        the nodes of a cell
        {"tuple": [...]}, {"dict": [[key, value], ...]}
        {"enum": name, "member": "..."}, {"object": name}   a class or a function of a module
        {"unit": {...}}, {"quantity": value, "unit": {...}}

with names such as `rheobase.neurons.exponential.AdEx`. The names that can be read are those in the
tables of `rheobase.io.names`, and the classes and functions that the reader hands in. Each must be
of the kind that its place asks for, no constructor runs, and every field must be of its declared
type and in its domain. So reading a file imports, calls and allocates nothing that the file asks
for. Older forms of a class are read by `rheobase.io.forms`.
"""

import dataclasses
import enum
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase import atomic
from rheobase._version import __version__
from rheobase.errors import ArgumentError, CheckpointError, brief
from rheobase.io import names
from rheobase.io.fields import is_named, misfit
from rheobase.io.reader import by_name, read
from rheobase.kernels.tree import Tree as Nodes
from rheobase.morphology.content import SameContent
from rheobase.provenance import Provenance
from rheobase.train import checkpoint
from rheobase.units import Quantity, Unit, parameters

FORMAT = "rheobase model"
VERSION = 1


def save(path: str | Path, model: Any) -> None:
    """Write a model to a file that `load` reads: all of it, exact to the bit.

    - `path`: what is there stays as it is until the new file is complete.
    - `model`: a neuron with its adaptors, a `Network`, a `Sequential`, a stimulus, or tuples and
      dictionaries of such.

    The format is that of `rheobase.io.models`. Errors: `ArgumentError` for what has no place in a
    file, such as a lambda, with the field that holds it.

    >>> import tempfile, rheobase as rb
    >>> from rheobase.units import ms, mV
    >>> neuron = rb.Refractory(rb.AdEx(v_T=-52 * mV), 2 * ms)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rb.save(f"{folder}/cell.rheobase", neuron)
    ...     again = rb.load(f"{folder}/cell.rheobase")
    >>> again.neuron.v_T.item(), again.period.item()
    (-52.0, 2.0)
    """
    atomic.require_path(path, 'rb.save("cell.rheobase", model), the path first')
    made = getattr(model, "provenance", None)
    known = made if isinstance(made, Provenance) else None
    checkpoint.write(path, *_described(model), known)


def packed(model: Any) -> bytes:
    """A model as the content of a file that `save` would write."""
    return checkpoint.packed(*_described(model))


def _described(model: Any) -> tuple[list[tuple[str, np.ndarray]], dict[str, Any]]:
    writer = _Writer()
    tree = writer.encode(model, "")
    notes = {
        "format": FORMAT,
        "version": VERSION,
        "library": __version__,
        "arrays": writer.about,
        "model": tree,
    }
    return writer.named, notes


def load(path: str | Path, classes: Iterable[type] = ()) -> Any:
    """Read a model that `save` wrote.

    - `classes`: a list of the classes and functions of your own that are in it, such as
      `[MyNeuron]`; those of the library are known. They are found by name, whichever module they
      stand in now.

    Files of all versions of the library can be read. Nothing in a file is run: what it names is
    looked up in a table, and each field must be of its type and in its domain.

    Errors: `CheckpointError` for a file that is missing, cut short, damaged, of another kind or a
    later version, or holds a class or a field that is not known here; and for one in double
    precision where JAX runs in single. `ArgumentError` for `classes` that is no list of classes.

    >>> import tempfile, rheobase as rb
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rb.save(f"{folder}/lif.rheobase", rb.LIF())
    ...     type(rb.load(f"{folder}/lif.rheobase")).__name__
    'LIF'
    """
    atomic.require_path(path, 'rb.load("cell.rheobase")')
    return _loaded(checkpoint.read(path), path, classes)


def unpacked(content: bytes, path: str | Path) -> Any:
    """The model that `packed` made; errors as of `load`, with `path` for its name."""
    return _loaded(checkpoint.unpacked(content, path), path, ())


def _loaded(content: checkpoint.Content, path: str | Path, classes: Iterable[type]) -> Any:
    notes = content.notes
    if notes.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} holds arrays alone, not a model. Read it with rb.train.load(path, model), "
            f"where model has the structure that was saved."
        )
    known = by_name(classes)
    if notes.get("version") != VERSION:
        raise CheckpointError(
            f"{path} describes its model by version {notes.get('version')!r:.20}, and this library "
            f"reads {VERSION}. Read it with rheobase {notes.get('library')!s:.20}, which wrote it."
        )
    return read(content, known, path)


def provenance(path: str | Path) -> Provenance:
    """What made a file of `rb.save`, `rb.train.save` or `rb.fit`: versions, precision, and more.

    Of a run or a fit also its stepper, dt and key. Errors: those of `load` for a file that cannot
    be read.

    >>> import tempfile, rheobase as rb
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rb.save(f"{folder}/lif.rheobase", rb.LIF())
    ...     rb.io.provenance(f"{folder}/lif.rheobase").versions["rheobase"] == rb.__version__
    True
    """
    content = checkpoint.read(path)
    if content.made.known is None and isinstance(content.notes.get("library"), str):
        return Provenance((("rheobase", content.notes["library"]),))
    return content.made


def is_model(path: str | Path) -> bool:
    """Whether a file that can be read holds a model.

    >>> import tempfile, rheobase as rb
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rb.train.save(f"{folder}/weights", rb.LIF())
    ...     rb.io.is_model(f"{folder}/weights")
    False
    """
    return checkpoint.read_notes(path).get("format") == FORMAT


class _Writer:
    """Turns a model into the tree of the file, and collects its arrays."""

    def __init__(self):
        self.named: list[tuple[str, np.ndarray]] = []
        self.about: list[dict[str, Any]] = []
        self.seen: dict[int, tuple[int, Any]] = {}
        """Place of each array by identity; the array beside it stays alive as long as this."""

    # One return for each kind of value: a table in the form of a function.
    def encode(self, value: Any, place: str, unit: Unit | None = None) -> Any:  # noqa: PLR0911, PLR0912
        """The part of the tree for a value that stands at `place`."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return {"float": value.hex()}
        if isinstance(value, jax.Array | np.ndarray | np.generic):
            return {"array": self.array(value, place, unit)}
        if isinstance(value, Quantity):
            return {"quantity": self.encode(value.value, place), "unit": _unit(value.unit)}
        if isinstance(value, Unit):
            return {"unit": _unit(value)}
        if isinstance(value, enum.Enum):
            return {"enum": _written(type(value), place), "member": value.name}
        if isinstance(value, eqx.Module):
            return {"module": _written(type(value), place), "fields": self.fields(value, place)}
        if isinstance(value, SameContent):
            own = [field.name for field in dataclasses.fields(value)]  # pyright: ignore
            fields = {n: self.encode(getattr(value, n), f"{place}.{n}") for n in own}
            return {"shape": _written(type(value), place), "fields": fields}
        if isinstance(value, Nodes):
            return {"nodes": self.encode(value.parent, place), "native": value.native}
        if is_named(type(value)):
            items = zip(value._fields, value, strict=True)
            fields = {name: self.encode(x, f"{place}.{name}") for name, x in items}
            return {"named": _written(type(value), place), "fields": fields}
        if type(value) in (tuple, list):
            inner = [self.encode(x, f"{place}[{i}]") for i, x in enumerate(value)]
            return inner if isinstance(value, list) else {"tuple": inner}
        if type(value) is dict:
            pairs = [
                [self.encode(k, place), self.encode(x, f"{place}[{k!r}]")] for k, x in value.items()
            ]
            return {"dict": pairs}
        if _is_named_object(value):
            return {"object": _written(value, place)}
        raise _homeless(value, place)

    def fields(self, module: eqx.Module, place: str) -> dict[str, Any]:
        """Every field of a module, parameters with their units."""
        declared = parameters(module)
        found = {}
        for field in dataclasses.fields(module):  # pyright: ignore[reportArgumentType]
            unit = declared[field.name].unit if field.name in declared else None
            value = getattr(module, field.name)
            found[field.name] = self.encode(value, f"{place}.{field.name}", unit)
        wrong = misfit(type(module), vars(module))
        if wrong is not None:
            raise ArgumentError(f"model{place} cannot be saved: {wrong}.")
        return found

    def array(self, value: Any, place: str, unit: Unit | None) -> int:
        """The number of an array, which is stored once however often it occurs."""
        if id(value) in self.seen:
            return self.seen[id(value)][0]
        about: dict[str, Any] = {"kind": "jax" if isinstance(value, jax.Array) else "numpy"}
        words = value
        if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            about = {"kind": "key", "impl": str(jax.random.key_impl(value))}
            words = jax.random.key_data(value)
        if unit is not None:
            about["unit"] = str(unit.internal())
        self.named.append((place, np.asarray(words)))
        self.about.append(about)
        self.seen[id(value)] = len(self.about) - 1, value
        return len(self.about) - 1


def _is_named_object(value: Any) -> bool:
    """Whether it is a class or a function that its module holds under its name."""
    name, module = getattr(value, "__qualname__", ""), getattr(value, "__module__", None)
    if not name.isidentifier() or module is None:
        return False
    return getattr(sys.modules.get(module), name, None) is value


def _written(value: Any, place: str) -> str:
    """The name of a class or a function, which a reader will know."""
    name = names.name_of(value)
    ours = names.is_known(name) or names.is_known(name, names.FUNCTIONS)
    if names.is_ours(name) and not ours:
        raise _homeless(value, place)
    return name


def _homeless(value: Any, place: str) -> ArgumentError:
    return ArgumentError(
        f"model{place} is {brief(value)}, which has no place in a file. "
        f"Put a class or a function that stands in a module there."
    )


def _unit(unit: Unit) -> dict[str, Any]:
    return {
        "factors": [[symbol, str(power)] for symbol, power in unit.factors],
        "dimension": [str(x) for x in unit.dimension],
        "ten": str(unit.ten),
        "factor": str(unit.factor),
    }
