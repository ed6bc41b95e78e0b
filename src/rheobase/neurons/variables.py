"""State variables by name.

A state is a NamedTuple; the state of an adaptor holds the state of the neuron that it wraps and its
own variables beside it. Here a variable is found, whatever the depth, by its name. A variable that
is None is of a part that the neuron does not have.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from rheobase.units import Unit, state_units


def is_state(value: Any) -> bool:
    """Whether `value` is a NamedTuple, that is a group of variables and not a variable."""
    return isinstance(value, tuple) and bool(getattr(value, "_fields", ()))


def items(state: Any) -> Iterator[tuple[str, jax.Array]]:
    """The variables of a state with their names, the wrapped neuron's before the adaptor's."""
    for name, value in zip(state._fields, state, strict=True):
        if is_state(value):
            yield from items(value)
        elif value is not None:
            yield name, value


def fields(state: Any) -> set[str]:
    """The names of the variables of a state, those that are None too."""
    return set(state._fields).union(*(fields(value) for value in state if is_state(value)))


def units(state: Any) -> dict[str, Unit]:
    """The unit of each variable of a state, from the annotations of its NamedTuples."""
    declared = state_units(type(state))
    found = {name: unit for name, unit in declared.items() if getattr(state, name) is not None}
    for value in state:
        if is_state(value):
            found |= units(value)
    return found


def get(state: Any, name: str) -> jax.Array:
    """The variable called `name`."""
    return dict(items(state))[name]


def typed(state: Any, name: str, value: Any) -> Any:
    """A value for the variable called `name`; a counter stays one of whole steps."""
    kind = jnp.result_type(get(state, name))
    return value.astype(kind) if jnp.issubdtype(kind, jnp.integer) else value


def replace(state: Any, name: str, value: Any) -> Any:
    """The state with another value of the variable called `name`."""
    if name in state._fields:
        return state._replace(**{name: value})
    for field, inner in zip(state._fields, state, strict=True):
        if is_state(inner) and name in fields(inner):
            return state._replace(**{field: replace(inner, name, value)})
    raise KeyError(name)
