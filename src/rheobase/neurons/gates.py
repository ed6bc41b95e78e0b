"""How fast the gates of a neuron relax, over the voltages of an action potential."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.neurons import variables
from rheobase.units import dimensionless

if TYPE_CHECKING:
    from rheobase.neurons.base import AbstractMembrane

RANGE = np.arange(-100.0, 51.0, 5.0)
"""Voltages (mV) of an action potential and of what follows it."""
_MOVE = 0.0625
"""Of a gate, to see how its rate of change follows it."""


def gate_rates(neuron: "AbstractMembrane", voltages: np.ndarray) -> dict[str, Array]:
    """How fast each gate relaxes (1/ms), (voltages, *n), by name; the other variables at rest.

    A gate is a dimensionless variable that is drawn towards a value, by a rate that is affine in
    it. Empty for a neuron without gates.
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

    def changes(v: Array, moves: Array) -> list[Array]:
        """The rates of change of the gates at a voltage, each gate moved from where it rests."""
        state = variables.replace(rest, "v", jnp.broadcast_to(v, size))
        for name, move in zip(gates, moves, strict=True):
            x = jnp.asarray(named[name], dtype) + move
            state = variables.replace(state, name, jnp.broadcast_to(x, size))
        rates = neuron.derivative(state, nothing)
        return [jnp.broadcast_to(variables.get(rates, name), size) for name in gates]

    # One look at the equations for all: no gate is moved in the first row, the k-th in row k + 1.
    count = len(gates)
    moves = _MOVE * jnp.eye(count + 1, count, -1, dtype=dtype)
    over = jax.vmap(jax.vmap(changes, (0, None)), (None, 0))
    rows = over(jnp.asarray(voltages, dtype), moves)
    return {gates[k]: (rows[k][0] - rows[k][k + 1]) / _MOVE for k in range(count)}
