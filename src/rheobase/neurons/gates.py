"""How fast the gates of a neuron relax, over the voltages of an action potential."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane
from rheobase.units import dimensionless

RANGE = np.arange(-100.0, 51.0, 5.0)
"""Voltages (mV) of an action potential and of what follows it."""


def gate_rates(neuron: AbstractMembrane, voltages: np.ndarray) -> dict[str, Array]:
    """How fast each gate relaxes (1/ms), (voltages, *n), by name; the other variables at rest.

    A gate is a dimensionless variable that is drawn towards a value. Empty for a neuron without
    gates.
    """
    rest = neuron.init()
    units = variables.units(rest)
    named = dict(variables.items(rest))
    gates = [
        name
        for name, unit in units.items()
        if unit == dimensionless and jnp.issubdtype(jnp.result_type(named[name]), jnp.floating)
    ]
    if not gates or "v" not in named:
        return {}
    dtype = jnp.result_type(float)
    nothing = jnp.zeros((), dtype)
    change = jax.eval_shape(lambda: neuron.derivative(rest, nothing))
    size = jnp.broadcast_shapes(*(x.shape for x in jax.tree.leaves(change)))

    def at(v: Array) -> dict[str, Array]:
        moved = variables.replace(rest, "v", jnp.broadcast_to(v, size))
        return {name: -_own_slope(neuron, moved, name, nothing) for name in gates}

    return jax.vmap(at)(jnp.asarray(voltages, dtype))


def _own_slope(neuron: AbstractMembrane, state: Any, name: str, current: Array) -> Array:
    """Derivative of the rate of change of a variable with respect to the variable itself."""
    v = variables.get(state, "v")
    x = jnp.broadcast_to(jnp.asarray(variables.get(state, name), v.dtype), v.shape)

    def own(x: Array) -> Array:
        return variables.get(neuron.derivative(variables.replace(state, name, x), current), name)

    return jax.jvp(own, (x,), (jnp.ones_like(x),))[1]
