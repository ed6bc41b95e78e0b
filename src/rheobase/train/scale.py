"""How strong an input a neuron needs, read off its four functions: the size of initial weights."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.neurons import variables
from rheobase.neurons.base import AbstractMembrane, AbstractNeuron, Onset, span
from rheobase.steppers.base import Flow, variables_only
from rheobase.steppers.exact import jacobian

WITHIN = 20.0
"""ms in which a neuron without leak is to reach its threshold."""
HORIZON = 100.0
"""ms over which the answer to a pulse is followed."""
READOUT = 1.0
"""mV: a full answer of a membrane that has no threshold."""


def rheobase_current(neuron: AbstractMembrane) -> Array:
    """The smallest steady current that makes a neuron fire, in the unit that it receives.

    max of -f(v)/g over v from rest to threshold, with f = dv/dt without current, g = df/dI and the
    other variables as at rest. Exact for an integrate-and-fire neuron; too large where another
    variable (a gate) would open below threshold. Without leak it is the current that reaches the
    threshold in 20 ms, for a readout the one that settles 1 mV above rest.

    Shape: that of the parameters.

    >>> import rheobase as rb
    >>> from rheobase.train import rheobase_current
    >>> round(rheobase_current(rb.LIF()).item(), 3)
    1.5
    """
    return _at_rest(neuron).current


def input_scale(neuron: AbstractMembrane, dt: float, *, spikes: bool) -> float:
    """The input that carries a neuron from rest to its threshold, all by itself.

    A steady one, or with `spikes` one that lasts a single step of `dt` (ms), by the neuron
    linearised at rest. In the unit that it receives, or that of `target` where this is not the
    voltage (`CubaLIF`); a mean over the population.

    >>> import rheobase as rb
    >>> round(rb.train.input_scale(rb.LIF(), 1.0, spikes=False), 3)
    1.5
    """
    rest = jax.tree.map(lambda x: np.asarray(x, float), _at_rest(neuron))
    if neuron.target == "v" and not spikes:
        return float(np.mean(rest.current))
    # exp(A dt) by its Taylor series over a part of the step.
    parts = 4 * max(1, int(np.ceil(np.abs(rest.matrix).max() * dt)))
    power = move = np.broadcast_to(np.eye(rest.matrix.shape[-1]), rest.matrix.shape)
    for order in range(1, 5):
        power = power @ rest.matrix * (dt / parts / order)
        move = move + power
    move = np.linalg.matrix_power(move, parts)
    answer = rest.entry * (dt * rest.gain[..., None] if neuron.target == "v" else 1.0)
    answer = np.broadcast_to(answer, rest.matrix.shape[:-1])
    voltage = []
    for _ in range(max(int(HORIZON / dt), 1)):
        voltage.append(np.sum(answer * rest.voltage, axis=-1))
        answer = (move @ answer[..., None])[..., 0]
    course = np.stack(voltage)
    return float(np.mean(rest.rise / (course.max(0) if spikes else course.sum(0))))


class _Rest(NamedTuple):
    """A neuron at rest; every field has the shape of the parameters in front."""

    current: Array
    """Rheobase."""
    rise: Array
    """Voltage (mV) above rest at which it is as good as fired."""
    gain: Array
    """d(dv/dt)/dI."""
    matrix: Array
    """d(derivative)/d(state), (variable, variable)."""
    entry: Array
    """1 for the variable that delta inputs reach, (variable,)."""
    voltage: Array
    """1 for the voltage, (variable,)."""


@eqx.filter_jit
def _at_rest(neuron: AbstractMembrane) -> _Rest:
    state = jax.tree.map(jnp.asarray, neuron.init())
    v = variables.get(state, "v")

    def slope(v: Array, current: Array) -> Array:
        moved = variables.replace(state, "v", v)
        return variables.get(neuron.derivative(moved, current), "v")

    none = jnp.zeros_like(v)
    _, gain = jax.jvp(lambda i: slope(v, i), (none,), (jnp.ones_like(v),))
    _, leak = jax.jvp(lambda v: -slope(v, none), (v,), (jnp.ones_like(v),))
    if isinstance(neuron, AbstractNeuron) and neuron.onset is not Onset.NEVER:
        length = span(neuron, state)
        distance = -neuron.margin(state) * length
        # One that fires by itself needs no current; its scale is that of reset to threshold.
        distance = jnp.where(distance > 0, distance, length)
    else:
        distance = jnp.full_like(v, READOUT)
    path = jnp.linspace(0, 1, 257).reshape(-1, *(1,) * distance.ndim) * distance[None]
    from_rest = jnp.broadcast_to(v, distance.shape)
    needed = jnp.max(-jax.vmap(slope, (0, None))(from_rest[None] + path, none) / gain[None], axis=0)
    current = jnp.where(needed > 1e-6 * distance / gain, needed, distance / (WITHIN * gain))
    rise = jnp.where(leak > 0, jnp.minimum(distance, current * gain / leak), distance)
    leaves, rate, whole = variables_only(Flow(neuron, none), state)

    def pick(name: str) -> Array:
        zero = whole([jnp.zeros_like(x) for x in leaves])
        one = variables.replace(zero, name, jnp.ones_like(variables.get(zero, name)))
        return jnp.stack(
            jnp.broadcast_arrays(*jax.tree.leaves(eqx.filter(one, eqx.is_inexact_array))), -1
        )

    return _Rest(current, rise, gain, jacobian(rate, leaves), pick(neuron.target), pick("v"))
