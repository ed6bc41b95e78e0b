"""The firing rate of the soma under a constant current, as an integral."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.devices.dynapse2 import soma
from rheobase.devices.dynapse2.neuron import Neuron
from rheobase.devices.dynapse2.physical import membrane
from rheobase.units import Hz, Quantity, in_unit, nA, to_internal

_SLOWEST = 1e-9
"""1/ms: a speed of u below which it counts as standing."""


def firing_rate(neuron: Neuron, current: Quantity, points: int = 300) -> Array:
    r"""Firing rate (Hz) of a neuron of mode `physical` under a constant current, by quadrature.

    1/rate = Vth C_ref/Iref + ∫ du/(du/dt) over u = ln Imem from ln Io to ln Ispkthr; zero where
    du/dt is not positive all the way. All gates are closed, and adaptation is left out. It is
    differentiable in every current, so an f-I curve can be fitted with it.

    - `current`: besides Idc, of any shape that broadcasts with the neuron's currents.
    - `points`: of the Gauss-Legendre rule.

    >>> from rheobase.devices import dynapse2 as d2
    >>> from rheobase.units import nA
    >>> round(float(d2.firing_rate(d2.Neuron(), 1 * nA)), 1)
    41.6
    """
    injected = to_internal(current, nA, "current", "firing_rate(neuron, {})")
    m = membrane(neuron)
    inputs = soma.Inputs(
        direct=neuron.Idc + injected,
        nmda=neuron.Io,
        If_nmda=neuron.If_nmda,
        leak=neuron.Itau_mem + 2 * neuron.Io,
    )
    nodes, weights = np.polynomial.legendre.leggauss(points)
    low, high = jnp.log(neuron.Io / m.Igain), jnp.log(neuron.Ispkthr / m.Igain)
    shape = jnp.broadcast_shapes(injected.shape, low.shape, neuron.Idc.shape)

    def speed(node: Array) -> Array:
        u = jnp.broadcast_to(low + (high - low) * (node + 1) / 2, shape)
        y = jnp.exp(u)
        return soma.slope(m, inputs, u, y) / (1 + y)

    speeds = jax.vmap(speed)(jnp.asarray(nodes, injected.dtype))
    halves = jnp.asarray(weights / 2, injected.dtype)
    rising = (high - low) * jnp.tensordot(halves, 1 / jnp.maximum(speeds, _SLOWEST), axes=1)
    period = neuron.Vth * neuron.C_ref / neuron.Iref + rising
    return jnp.where(jnp.min(speeds, axis=0) > _SLOWEST, in_unit(1 / period, Hz), 0)
