"""From what is passed to a picture to plain numbers."""

from typing import Any

import jax
import numpy as np

from rheobase.errors import ShapeError
from rheobase.neurons import variables
from rheobase.neurons.base import AbstractNeuron, span
from rheobase.units import Quantity, Unit, to_internal


def numbers(value: Any, unit: Unit, name: str, example: str) -> np.ndarray:
    """float64 in internal units, of a quantity, or of an array that is in them already."""
    if isinstance(value, Quantity) and value.unit.same_dimension(unit):
        return np.asarray(value.value_in(unit.internal()), float)
    try:
        if not isinstance(value, Quantity | Unit):
            return np.asarray(value, float)
    except (TypeError, ValueError):
        pass
    # A foreign quantity, or no number at all: the one place that words unit errors says so.
    return np.asarray(to_internal(value, unit, name, example), float)


def require_length(array: np.ndarray, t: np.ndarray, what: str) -> None:
    """Refuse values and times that do not belong together."""
    if t.ndim != 1 or array.shape[:1] != t.shape:
        raise ShapeError(
            f"{what} of shape {array.shape} needs one time for each of its rows, got `t` of shape "
            f"{t.shape}. Write t=run.t of the run that made it."
        )


def label(name: str, unit: Unit) -> str:
    """`v (mV)`, or the name alone of what has no unit."""
    return f"{name} ({unit})" if unit.factors else name


def threshold_of(neuron: AbstractNeuron, state: Any) -> jax.Array:
    """The voltage (mV) at which the margin of a state would be zero."""
    return variables.get(state, "v") - neuron.margin(state) * span(neuron, state)
