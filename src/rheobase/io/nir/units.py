"""Numbers of NIR (SI) and ours."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rheobase.units import A, Quantity, Unit, V, in_unit, s

SPIKE = 1.0
"""What one of our numbers between layers is in NIR: a spike is a spike."""
VOLTAGE = float(np.asarray(in_unit(np.float64(1), V)))
"""The same behind a membrane that gives its voltage: V a mV."""


def amperes(value: Any, entering: float) -> np.ndarray:
    """Weights of ours in A for what NIR has as 1, where one of ours is `entering` of NIR."""
    return np.asarray(in_unit(np.asarray(value, np.float64), A)) / entering


def affine(nir: Any, weight: Any, bias: Any, entering: float, notes: dict[str, Any]) -> Any:
    """The node of weights (n_in, n_out) and a bias or none, where ours are `entering` of NIR."""
    w = amperes(np.asarray(weight, np.float64).T, entering)
    if bias is None:
        return nir.Linear(weight=w, metadata=notes)
    return nir.Affine(weight=w, bias=amperes(bias, 1.0), metadata=notes)


def seconds(times: Any) -> np.ndarray:
    """Times of ours (ms) in s, in one row."""
    return np.asarray(in_unit(np.asarray(times, np.float64).reshape(-1), s))


def from_amperes(value: Any, entering: float) -> jax.Array:
    """Weights of a file in our unit and type."""
    return floats(Quantity(np.asarray(value, np.float64), A).value_in(A.internal()), entering)


def floats(value: Any, factor: float = 1.0) -> jax.Array:
    """Numbers in the type of JAX."""
    return jnp.asarray((np.asarray(value, np.float64) * factor).astype(jnp.result_type(float)))


def internal(value: Any, unit: Unit) -> np.ndarray:
    """Numbers in a unit as ours."""
    return np.asarray(Quantity(np.asarray(value, np.float64), unit).value_in(unit.internal()))
