"""The tree of a file of `rheobase.io.models` turned into a model; nothing in it is run.

What the tree names is looked up in the tables of `rheobase.io.names`. A class is made without its
constructor, from fields that are of their declared types and in their domains.
"""

import dataclasses
import enum
import re
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import NoneType
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase._version import __version__
from rheobase.errors import ArgumentError, CheckpointError, brief
from rheobase.io import names
from rheobase.io.consistency import require
from rheobase.io.fields import is_named, misfit
from rheobase.io.forms import present
from rheobase.kernels.tree import Tree as Nodes
from rheobase.morphology.content import SameContent
from rheobase.train import checkpoint
from rheobase.units import Quantity, Unit
from rheobase.units.unit import NO_DIMENSION

_KEYS = ("threefry2x32", "rbg", "unsafe_rbg")
"""The random generators whose keys a file may hold."""
_RATIO = re.compile(r"-?[0-9]{1,30}(/[0-9]{1,30})?")
_TENS = 1000
"""The largest power of ten of a unit."""
_CURE = checkpoint.CURE


def read(content: checkpoint.Content, known: dict[str, Any], path: str | Path) -> Any:
    """The model of a file, with the user's classes by name."""
    library = f"{content.notes.get('library')!s:.20}"
    about = content.notes.get("arrays")
    if type(about) is not list or len(about) != len(content.leaves):
        raise CheckpointError(f"{path} is damaged: it does not say what each array is. {_CURE}")
    arrays = [_restored(a, b, path) for a, b in zip(content.arrays(), about, strict=True)]
    try:
        return _Reader(arrays, known, str(path), library).decode(
            content.notes.get("model"), "model"
        )
    except RecursionError:
        raise CheckpointError(f"{path} is damaged: it is nested too deep. {_CURE}") from None


def by_name(classes: Any) -> dict[str, Any]:
    """The user's classes and functions by their names in files."""
    if isinstance(classes, type) or callable(classes):
        raise ArgumentError(
            f"`classes` is a list of classes, got {brief(classes)}. "
            f"Write rb.load(path, classes=[{getattr(classes, '__name__', 'MyNeuron')}])."
        )
    try:
        given = list(classes)
    except TypeError:
        given = [classes]
    for one in given:
        if not getattr(one, "__qualname__", ""):
            raise ArgumentError(
                f"`classes` holds classes, got {brief(one)}. "
                f"Write rb.load(path, classes=[MyNeuron]), the class and not a neuron of it."
            )
    return {names.name_of(one): one for one in given}


class _Reader:
    """Turns the tree of a file into a model."""

    def __init__(self, arrays: list[Any], known: dict[str, Any], path: str, library: str):
        self.arrays, self.known, self.path, self.library = arrays, known, path, library

    def decode(self, tree: Any, place: str) -> Any:  # noqa: PLR0911, PLR0912
        """The value of the part of the tree that stands at `place`."""
        match tree:
            case None | bool() | int() | str():
                return tree
            case list():
                return self.all(tree, place)
            case {"array": int(number), **rest} if not rest and number in range(len(self.arrays)):
                return self.arrays[number]
            case {"float": str(digits), **rest} if not rest:
                return self.number(digits, place)
            case {"module": str(name), "fields": dict(fields), **rest} if not rest:
                return self.module(self.find(name, eqx.Module, place), name, fields, place)
            case {"shape": str(name), "fields": dict(fields), **rest} if not rest:
                made = self.module(self.find(name, SameContent, place), name, fields, place)
                for array in filter(lambda x: isinstance(x, np.ndarray), vars(made).values()):
                    array.setflags(write=False)
                return made
            case {"nodes": dict(parent), "native": bool(native), **rest} if not rest:
                return self.nodes(self.decode(parent, place), native, place)
            case {"named": str(name), "fields": dict(fields), **rest} if not rest:
                return self.named(self.find(name, tuple, place), name, fields, place)
            case {"tuple": list(inner), **rest} if not rest:
                return tuple(self.all(inner, place))
            case {"dict": list(pairs), **rest} if not rest:
                return self.dictionary(pairs, place)
            case {"enum": str(name), "member": str(member), **rest} if not rest:
                members = self.find(name, enum.Enum, place).__members__
                if member in members:
                    return members[member]
            case {"object": str(name), **rest} if not rest:
                return self.find(name, None, place)
            case {"quantity": value, "unit": dict(unit), **rest} if not rest:
                return self.quantity(self.decode(value, place), self.unit(unit, place), place)
            case {"unit": dict(unit), **rest} if not rest:
                return self.unit(unit, place)
        raise self.damaged(place, "what is there is of no known form")

    def all(self, trees: list[Any], place: str) -> list[Any]:
        """Each of a list of values."""
        return [self.decode(x, f"{place}[{i}]") for i, x in enumerate(trees)]

    def number(self, digits: str, place: str) -> float:
        """A number in hexadecimal digits."""
        try:
            return float.fromhex(digits)
        except (ValueError, OverflowError):
            raise self.damaged(place, "what is there is no number") from None

    def dictionary(self, pairs: list[Any], place: str) -> dict[Any, Any]:
        """A dictionary of pairs, whose keys can be keys."""
        found = {}
        for pair in pairs:
            if type(pair) is not list or len(pair) != 2:
                raise self.damaged(place, "an entry of a dictionary is no pair")
            key = self.decode(pair[0], place)
            if type(key) not in (str, int, bool, float, tuple, NoneType):
                raise self.damaged(place, "a key of a dictionary is no key")
            try:
                found[key] = self.decode(pair[1], f"{place}[{key!r:.40}]")
            except TypeError:  # a tuple of what cannot be hashed
                raise self.damaged(place, "a key of a dictionary is no key") from None
        return found

    def nodes(self, parent: Any, native: bool, place: str) -> Nodes:
        """The nodes of a cell."""
        if not isinstance(parent, np.ndarray) or parent.dtype != np.int32 or parent.ndim != 1:
            raise self.damaged(place, "the parents of its nodes are no list of whole numbers")
        try:
            return Nodes(parent, native)
        except ValueError as error:
            raise self.damaged(place, str(error)) from None

    def quantity(self, value: Any, unit: Unit, place: str) -> Quantity:
        """A value with a unit."""
        number = isinstance(value, jax.Array | np.ndarray | np.generic)
        if not number and type(value) not in (int, float, bool, NoneType):
            raise self.damaged(place, "a quantity has no number")
        return Quantity(value, unit)

    def unit(self, tree: dict[str, Any], place: str) -> Unit:
        """A unit, whose powers and factors are small enough to be computed with."""
        try:
            factors = tuple((symbol, _ratio(power)) for symbol, power in tree["factors"])
            dimension = tuple(_ratio(x) for x in tree["dimension"])
            unit = Unit(factors, dimension, _ratio(tree["ten"]), _ratio(tree["factor"]))
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            raise self.damaged(place, "what is there is no unit") from None
        odd = not all(type(symbol) is str for symbol, _ in factors)
        if odd or len(dimension) != len(NO_DIMENSION) or abs(unit.ten) > _TENS or unit.factor <= 0:
            raise self.damaged(place, "what is there is no unit")
        return unit

    def module(self, kind: Any, name: str, fields: dict[str, Any], place: str) -> Any:
        """A module with these fields, without its constructor, which has done its work before."""
        found = self.fields(kind, [f.name for f in dataclasses.fields(kind)], name, fields, place)
        made = object.__new__(kind)
        for field, value in found.items():
            object.__setattr__(made, field, value)
        try:
            for parent in kind.__mro__:
                check = parent.__dict__.get("__check_init__")
                if check is not None:
                    check(made)
            require(made)
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
            raise CheckpointError(
                f"{self.path} holds a {kind.__name__} that contradicts itself, at {place}: {error}"
            ) from None
        return made

    def named(self, kind: Any, name: str, fields: dict[str, Any], place: str) -> Any:
        """A NamedTuple with these fields."""
        found = self.fields(kind, kind._fields, name, fields, place)
        return tuple.__new__(kind, [found[field] for field in kind._fields])

    def fields(
        self, kind: Any, own: Iterable[str], name: str, trees: dict[str, Any], place: str
    ) -> dict[str, Any]:
        """The values of a class in its present form, each of its type and in its domain."""
        read = {field: self.decode(x, f"{place}.{field:.40}") for field, x in trees.items()}
        try:
            found = present(names.current(name), kind, read)
        except (KeyError, TypeError, AttributeError, ValueError):
            raise self.damaged(place, f"the fields of a {kind.__name__} do not fit") from None
        if set(found) != set(own):
            odd = ", ".join(sorted(set(found) ^ set(own)))
            raise CheckpointError(
                f"{self.path} was written by rheobase {self.library}, whose {kind.__name__} "
                f"differs from that of rheobase {__version__} in {odd:.200}. "
                f"Read it with that version."
            )
        wrong = misfit(kind, found)
        if wrong is not None:
            raise CheckpointError(f"{self.path} is not valid: {wrong}, at {place}. {_CURE}")
        return found

    def find(self, name: str, kind: type | None, place: str) -> Any:
        """The class of that name and kind; of no kind: a class or a function."""
        short = name.rpartition(".")[2]
        if not names.is_ours(name):
            found = self.of_the_user(name, short)
        elif names.is_known(name) or (kind is None and names.is_known(name, names.FUNCTIONS)):
            found = names.found(name)
        else:
            raise CheckpointError(
                f"{self.path} was written by rheobase {self.library}, and no class of this library "
                f"({__version__}) is called {name:.100}. Read it with that version."
            )
        if kind is None:
            return found
        fitting = isinstance(found, type) and issubclass(found, kind)
        if not fitting or (kind is tuple and not is_named(found)):
            raise self.damaged(place, f"{short:.40} is of another kind than its place")
        return found

    def of_the_user(self, name: str, short: str) -> Any:
        """The class that was handed in: by its whole name, or where the module is another now."""
        if name in self.known:
            return self.known[name]
        named = [x for full, x in self.known.items() if full.rpartition(".")[2] == short]
        if len(named) == 1:
            return named[0]
        raise CheckpointError(
            f"{self.path} holds a {short:.80}, which is not of this library. Write "
            f"rb.load(path, classes=[{short:.80}])."
        )

    def damaged(self, place: str, what: str) -> CheckpointError:
        return CheckpointError(f"{self.path} is damaged at {place:.200}: {what}. {_CURE}")


def _restored(array: np.ndarray, about: Any, path: Any) -> Any:
    match about:
        case {"kind": "numpy"}:
            return array
        case {"kind": "key", "impl": str(impl)} if impl in _KEYS:
            try:
                return jax.random.wrap_key_data(jnp.asarray(array), impl=impl)
            except (TypeError, ValueError):
                raise CheckpointError(f"{path} is damaged: a key is no key. {_CURE}") from None
        case {"kind": "jax"}:
            if jax.dtypes.canonicalize_dtype(array.dtype) == array.dtype:
                return jnp.asarray(array)
            raise CheckpointError(
                f"{path} is in double precision ({array.dtype}), and JAX runs in single. Write "
                f'jax.config.update("jax_enable_x64", True) before anything else.'
            )
    raise CheckpointError(f"{path} is damaged: an array is of no known kind. {_CURE}")


def _ratio(text: str) -> Fraction:
    if not _RATIO.fullmatch(text):
        raise ValueError(text)
    return Fraction(text)
