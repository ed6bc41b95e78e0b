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

with names such as `rheobase.neurons.exponential.AdEx`. Only names below `rheobase.` and classes
that the reader hands in are looked up, so that reading a file never runs a stranger's code.
"""

import dataclasses
import enum
import importlib
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase._version import __version__
from rheobase.errors import ArgumentError, CheckpointError, UnknownName, brief
from rheobase.kernels.tree import Tree as Nodes
from rheobase.morphology.content import SameContent
from rheobase.neurons import variables
from rheobase.train import checkpoint
from rheobase.units import Quantity, Unit, parameters

FORMAT = "rheobase model"
VERSION = 1
_PACKAGE = "rheobase."


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
    if isinstance(path, eqx.Module):
        raise ArgumentError('`path` comes first. Write rb.save("cell.rheobase", model).')
    checkpoint.write(path, *_described(model))


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

    - `classes`: neurons of your own that are in it; those of the library are known.

    Errors: `CheckpointError` for a file that is missing, cut short, damaged, of another kind or
    version, or holds a class or a field that is not known here; and for one in double precision
    where JAX runs in single.

    >>> import tempfile, rheobase as rb
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rb.save(f"{folder}/lif.rheobase", rb.LIF())
    ...     type(rb.load(f"{folder}/lif.rheobase")).__name__
    'LIF'
    """
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
    if notes["version"] != VERSION:
        raise CheckpointError(
            f"{path} describes its model by version {notes['version']}, and this library reads "
            f"{VERSION}. Read it with rheobase {notes['library']}, which wrote it."
        )
    arrays = [
        _restored(array, about, path)
        for array, about in zip(content.arrays(), notes["arrays"], strict=True)
    ]
    known = {_name(kind): kind for kind in classes}
    return _Reader(arrays, known, str(path), notes["library"]).decode(notes["model"])


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
            return {"enum": _name(type(value)), "member": value.name}
        if isinstance(value, eqx.Module):
            return {"module": _name(type(value)), "fields": self.fields(value, place)}
        if isinstance(value, SameContent):
            names = [field.name for field in dataclasses.fields(value)]  # pyright: ignore
            fields = {n: self.encode(getattr(value, n), f"{place}.{n}") for n in names}
            return {"shape": _name(type(value)), "fields": fields}
        if isinstance(value, Nodes):
            return {"nodes": self.encode(value.parent, place), "native": value.native}
        if variables.is_state(value):
            items = zip(value._fields, value, strict=True)
            fields = {name: self.encode(x, f"{place}.{name}") for name, x in items}
            return {"named": _name(type(value)), "fields": fields}
        if type(value) in (tuple, list):
            inner = [self.encode(x, f"{place}[{i}]") for i, x in enumerate(value)]
            return inner if isinstance(value, list) else {"tuple": inner}
        if type(value) is dict:
            pairs = [
                [self.encode(k, place), self.encode(x, f"{place}[{k!r}]")] for k, x in value.items()
            ]
            return {"dict": pairs}
        if _is_named_object(value):
            return {"object": _name(value)}
        raise ArgumentError(
            f"model{place} is {brief(value)}, which has no place in a file. "
            f"Put a class or a function that stands in a module there."
        )

    def fields(self, module: eqx.Module, place: str) -> dict[str, Any]:
        """Every field of a module, parameters with their units."""
        declared = parameters(module)
        found = {}
        for field in dataclasses.fields(module):  # pyright: ignore[reportArgumentType]
            unit = declared[field.name].unit if field.name in declared else None
            value = getattr(module, field.name)
            found[field.name] = self.encode(value, f"{place}.{field.name}", unit)
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


class _Reader:
    """Turns the tree of a file into a model."""

    def __init__(self, arrays: list[Any], known: dict[str, Any], path: str, library: str):
        self.arrays, self.known, self.path, self.library = arrays, known, path, library

    def decode(self, tree: Any) -> Any:  # noqa: PLR0911, PLR0912
        """The value of a part of the tree."""
        match tree:
            case list():
                return [self.decode(x) for x in tree]
            case {"array": number}:
                return self.arrays[number]
            case {"float": digits}:
                return float.fromhex(digits)
            case {"module": name, "fields": fields}:
                return self.module(self.find(name), fields)
            case {"shape": name, "fields": fields}:
                made = self.module(self.find(name), fields)
                for array in filter(lambda x: isinstance(x, np.ndarray), vars(made).values()):
                    array.setflags(write=False)
                return made
            case {"nodes": parent, "native": native}:
                return Nodes(self.decode(parent), native)
            case {"named": name, "fields": fields}:
                return self.find(name)(**{k: self.decode(x) for k, x in fields.items()})
            case {"tuple": inner}:
                return tuple(self.decode(x) for x in inner)
            case {"dict": pairs}:
                return {self.decode(k): self.decode(x) for k, x in pairs}
            case {"enum": name, "member": member}:
                return self.find(name)[member]
            case {"object": name}:
                return self.find(name)
            case {"quantity": value, "unit": unit}:
                return Quantity(self.decode(value), _unit_of(unit))
            case {"unit": unit}:
                return _unit_of(unit)
        return tree

    def module(self, kind: Any, fields: dict[str, Any]) -> Any:
        """A module with these fields, without its constructor, which has done its work before."""
        expected = [f.name for f in dataclasses.fields(kind)]
        if set(fields) != set(expected):
            odd = ", ".join(sorted(set(fields) ^ set(expected)))
            raise CheckpointError(
                f"{self.path} was written by rheobase {self.library}, whose {kind.__name__} "
                f"differs from that of rheobase {__version__} in {odd}. Read it with that version."
            )
        made = object.__new__(kind)
        for name, tree in fields.items():
            object.__setattr__(made, name, self.decode(tree))
        return made

    def find(self, name: str) -> Any:
        """The class or function of that name."""
        if name in self.known:
            return self.known[name]
        if not name.startswith(_PACKAGE):
            short = name.rpartition(".")[2]
            raise CheckpointError(
                f"{self.path} holds a {short}, which is not of this library. Write "
                f"rb.load(path, classes=[{short}])."
            )
        module, _, last = name.rpartition(".")
        try:
            return getattr(importlib.import_module(module), last)
        except (ImportError, AttributeError):
            near = UnknownName("class", name, self.known)
            raise CheckpointError(
                f"{self.path} was written by rheobase {self.library}: {near}"
            ) from None


def _restored(array: np.ndarray, about: dict[str, Any], path: Any) -> Any:
    if about["kind"] == "numpy":
        return array
    if about["kind"] == "key":
        return jax.random.wrap_key_data(jnp.asarray(array), impl=about["impl"])
    if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
        raise CheckpointError(
            f"{path} is in double precision ({array.dtype}), and JAX runs in single. Write "
            f'jax.config.update("jax_enable_x64", True) before anything else.'
        )
    return jnp.asarray(array)


def _is_named_object(value: Any) -> bool:
    """Whether it is a class or a function that its module holds under its name."""
    name, module = getattr(value, "__qualname__", ""), getattr(value, "__module__", None)
    if not name.isidentifier() or module is None:
        return False
    return getattr(importlib.import_module(module), name, None) is value


def _name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _unit(unit: Unit) -> dict[str, Any]:
    return {
        "factors": [[symbol, str(power)] for symbol, power in unit.factors],
        "dimension": [str(x) for x in unit.dimension],
        "ten": str(unit.ten),
        "factor": str(unit.factor),
    }


def _unit_of(tree: dict[str, Any]) -> Unit:
    return Unit(
        tuple((symbol, Fraction(power)) for symbol, power in tree["factors"]),
        tuple(Fraction(x) for x in tree["dimension"]),
        Fraction(tree["ten"]),
        Fraction(tree["factor"]),
    )
