"""Parameters in free coordinates, where an optimiser may move them anywhere.

A parameter x declared by `quantity(unit, domain, ..., default)` trains as the real number y,

    y = domain.to_free(x/size) - centre,    x = size domain.from_free(y + centre),

where size is |default|, but 1 for a probability and where the default is zero or missing, and for
potentials the distance of the threshold from rest, since where a potential is zero means nothing;
and centre is the place of the default, so that y = 0 there. A weight trains as y = w/scale of its
layer, a recurrent one in units of its first standard deviation. So one learning rate fits a weight,
a time constant of 20 ms and a threshold of -50 mV; a time constant is positive whatever the
optimiser does; and weight decay draws a weight to zero and a parameter to its default. Every other
number trains as it is.

What domains cannot say is that one parameter lies below another, v_reset < v_th, as `below=`
declares it. After each step
`ordered` moves the upper one up (where only the lower one trains, that one down) to a distance of
0.001 of that of the defaults.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rheobase.declared import orders
from rheobase.errors import ArgumentError
from rheobase.systems.projection import Projection
from rheobase.train.convolution import AbstractConvolution
from rheobase.train.delays import Delays
from rheobase.train.dense import Linear
from rheobase.train.layer import AbstractLayer
from rheobase.train.recurrent import Recurrent
from rheobase.train.weights import WeightNorm, innermost
from rheobase.units import (
    Domain,
    Parameter,
    Quantity,
    Role,
    anything,
    non_negative,
    parameters,
    probability,
    uS,
)

Model = TypeVar("Model")
Where = Callable[[Any], Any] | Sequence[Callable[[Any], Any]]

CLOSEST = 1e-3
"""Smallest distance of a pair, in units of the distance of their defaults."""
_CONDUCTANCE = 1e-3
"""Size of a conductance of a synapse in training, uS."""
_PULSE = 10.0
"""The same of the current of a pulse on the chip, nA."""
_RESTS = (Role.REST, Role.RESET)
_THRESHOLDS = (Role.THRESHOLD, Role.PEAK)
"""Potentials of integrate-and-fire neurons; the first of each that one has tells their distance."""


def choose(model: Model, where: Where | None = None) -> Model:
    """The model with True at each array that trains and False at all others.

    - `where`: a function from the model to the part of it that trains, or to a tuple of parts, as
      for `eqx.tree_at`, or several such functions. By default every array of real numbers.

    Errors: `ArgumentError` where that part holds nothing that can train.

    >>> import rheobase as rb
    >>> from rheobase.train import choose
    >>> choose(rb.LIF(), lambda neuron: neuron.tau).tau
    True
    """
    leaves, structure = jax.tree.flatten(model)
    kept = _fixed(model)
    real = [eqx.is_inexact_array(leaf) and i not in kept for i, leaf in enumerate(leaves)]
    if where is None:
        return jax.tree.unflatten(structure, real)
    functions = (where,) if callable(where) else tuple(where)
    numbered = jax.tree.unflatten(structure, list(range(len(leaves))))
    chosen = {i for function in functions for i in jax.tree.leaves(function(numbered))}
    mask = [i in chosen and is_real for i, is_real in enumerate(real)]
    if not any(mask):
        raise ArgumentError(
            "`trainable` picks nothing that can train: there must be a weight or a parameter in "
            "it. Write trainable=lambda model: model.layers[0], or (model.layers[0].weight, ...)."
        )
    return jax.tree.unflatten(structure, mask)


def free(model: Model, trained: Any = None) -> Model:
    """The model in free coordinates where `trained`, a mask from `choose`, is True; None for all.

    >>> import rheobase as rb
    >>> from rheobase.train import free, legal
    >>> y = free(rb.LIF())
    >>> round(y.v_th.item(), 6), round(legal(y).v_th.item(), 6)
    (0.0, -50.0)
    """
    return _mapped(model, trained, _Coordinate.free)


def legal(model: Model, trained: Any = None) -> Model:
    """A model in free coordinates as a model again; the inverse of `free` up to rounding."""
    return _mapped(model, trained, _Coordinate.legal)


def ordered(model: Model, trained: Any) -> Model:
    """A model in free coordinates with v_reset < v_th and the like; the same where they hold.

    >>> import rheobase as rb
    >>> neuron = rb.LIF()
    >>> trained = rb.train.choose(neuron)
    >>> legal = rb.train.legal(rb.train.ordered(rb.train.free(neuron, trained), trained), trained)
    >>> bool(legal.v_reset < legal.v_th)
    True
    """
    leaves, structure = jax.tree.flatten(model)
    mask = jax.tree.leaves(trained)
    for low, high, gap in _pairs(model):
        below, above = (
            field.coordinate.legal(leaves[field.leaf]) if mask[field.leaf] else leaves[field.leaf]
            for field in (low, high)
        )
        if mask[high.leaf]:
            field, before = high, above
            after = jnp.maximum(above, _like(above, below, jnp.max) + gap)
        elif mask[low.leaf]:
            field, before = low, below
            after = jnp.minimum(below, _like(below, above, jnp.min) - gap)
        else:
            continue
        moved = field.coordinate.free(after)
        # The very same bits where nothing has to move.
        leaves[field.leaf] = jnp.where(after != before, moved, leaves[field.leaf])
    return jax.tree.unflatten(structure, leaves)


class _Coordinate(NamedTuple):
    """How one array trains."""

    domain: Domain
    size: float
    default: float | None = None

    @property
    def centre(self) -> jax.Array | float:
        return 0.0 if self.default is None else self.domain.to_free(self.default / self.size)

    def free(self, x: Any) -> jax.Array:
        if self.domain is anything:
            return (x - (self.default or 0.0)) / self.size
        return self.domain.to_free(x / self.size) - self.centre

    def legal(self, y: Any) -> jax.Array:
        if self.domain is anything:
            return (self.default or 0.0) + self.size * y
        return self.size * self.domain.from_free(y + self.centre)


class _Field(NamedTuple):
    """A field that has a coordinate, of the module at `place` in the model."""

    leaf: int
    """Its number among the leaves of the model."""
    place: tuple
    owner: Any
    name: str
    coordinate: _Coordinate


def _mapped(model: Model, trained: Any, function: Callable[[_Coordinate, Any], Any]) -> Model:
    leaves, structure = jax.tree.flatten(model)
    mask = jax.tree.leaves(choose(model) if trained is None else trained)
    for field in _fields(model):
        if mask[field.leaf]:
            leaves[field.leaf] = function(field.coordinate, leaves[field.leaf])
    return jax.tree.unflatten(structure, leaves)


def _fields(model: Any) -> list[_Field]:
    found = []
    for leaf, (path, _) in enumerate(jax.tree_util.tree_flatten_with_path(model)[0]):
        owner = _at(model, path[:-1])
        if path and isinstance(owner, eqx.Module):
            name = path[-1].name
            coordinate = _coordinate(owner, name)
            if coordinate is not None:
                found.append(_Field(leaf, path[:-1], owner, name, coordinate))
    return found


def _fixed(model: Any) -> set[int]:
    """The leaves that never train: what layers keep besides their parameters."""
    found = set()
    for leaf, (path, _) in enumerate(jax.tree_util.tree_flatten_with_path(model)[0]):
        owner = _at(model, path[:-1])
        if isinstance(owner, AbstractLayer | Delays) and path[-1].name in owner.fixed:
            found.add(leaf)
    return found


def _at(model: Any, path: tuple) -> Any:
    """What stands at a path; None behind a node that does not say what it holds."""
    for key in path:
        match key:
            case jax.tree_util.GetAttrKey():
                model = getattr(model, key.name)
            case jax.tree_util.SequenceKey():
                model = model[key.idx]
            case jax.tree_util.DictKey():
                model = model[key.key]
            case _:
                return None
    return model


def _coordinate(owner: eqx.Module, name: str) -> _Coordinate | None:
    if isinstance(owner, Recurrent) and name == "weight":
        return _Coordinate(anything, owner.spread)
    if isinstance(owner, Linear | AbstractConvolution) and name in ("weight", "bias"):
        return _Coordinate(anything, owner.scale)
    if isinstance(owner, WeightNorm) and name == "length":
        return _Coordinate(anything, innermost(owner).scale)
    if isinstance(owner, Delays) and name == "time":
        return _Coordinate(probability, owner.longest)
    if isinstance(owner, Projection):
        size = _CONDUCTANCE if owner.unit.same_dimension(uS) else _PULSE
        bound = name == "weight" and owner.never_negative is not None
        return _Coordinate(non_negative, size) if bound else None
    return _declared_coordinate(owner, name)


def _declared_coordinate(owner: eqx.Module, name: str) -> _Coordinate | None:
    """That of a parameter that is declared by `quantity`."""
    declared = parameters(owner).get(name)
    if declared is None:
        return None
    default = _default(declared)
    distance = _distance(owner) if _is_potential(owner, declared) else None
    # On the edge of a domain there is no place to begin from.
    size = abs(default) if default and declared.domain is not probability else 1.0
    return _Coordinate(declared.domain, distance or size, default or None)


def _distance(owner: eqx.Module) -> float | None:
    """From rest to threshold, where a neuron is reset."""
    known = {p.role: p for p in parameters(owner).values()}
    rests, thresholds = ([known[r] for r in roles if r in known] for roles in (_RESTS, _THRESHOLDS))
    if Role.RESET not in known or not thresholds:
        return None
    return abs(_default(thresholds[0]) - _default(rests[0])) or None


def _is_potential(owner: eqx.Module, parameter: Parameter) -> bool:
    """Whether it is one of the potentials between rest and threshold, or bounds one of them."""
    bounds = {high for p in parameters(owner).values() if p.role in _RESTS for high in p.below}
    return parameter.role in _RESTS + _THRESHOLDS or parameter.name in bounds


def _default(parameter: Parameter) -> float:
    default = parameter.default
    if isinstance(default, Quantity):
        default = default.value_in(parameter.unit.internal())
    return 0.0 if default is None else float(np.mean(np.asarray(default, float)))


def _pairs(model: Any) -> list[tuple[_Field, _Field, float]]:
    """The pairs of every module in the model, with the distance that they keep."""
    modules: dict[tuple, dict[str, _Field]] = {}
    for field in _fields(model):
        modules.setdefault(field.place, {})[field.name] = field
    found = []
    for named in modules.values():
        owner = next(iter(named.values())).owner
        declared, pairs = parameters(owner), orders(owner)
        # A chain, a below b below c, is in order once every link was moved as often as it has.
        chained = {low for low, _ in pairs} & {high for _, high in pairs}
        for low, high in pairs * (len(pairs) if chained else 1):
            distance = abs(_default(declared[high]) - _default(declared[low])) or 1.0
            found.append((named[low], named[high], CLOSEST * distance))
    return found


def _like(x: Any, other: Any, reduce: Callable[[Any], Any]) -> Any:
    """`other`, as one number where it has not the shape of `x`."""
    return other if jnp.shape(other) in ((), jnp.shape(x)) else reduce(other)
