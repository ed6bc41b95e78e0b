"""The frozen-noise task: two output neurons tell two fixed Poisson patterns apart.

After Cakal et al. 2023 (arXiv:2303.12167): two rasters of 60 channels at 50 Hz for 0.5 s; output k
is to fire for pattern k and to be silent for the other.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from rheobase.devices.dynapse2.mismatch import mismatch
from rheobase.devices.dynapse2.network import Network
from rheobase.devices.dynapse2.neuron import Neuron
from rheobase.surrogate import FastSigmoid
from rheobase.train.losses import van_rossum
from rheobase.units import Quantity, in_unit, ms, nA, s

CHANNELS, STEPS, RATE = 60, 500, 0.05
"""Input channels; steps of 1 ms; events a step."""
ENOUGH = 20.0
"""Spikes of an output in a pattern from which it fires enough."""


def patterns(key: Array) -> Array:
    """The two rasters, (time, 2, 60), of 0 and 1."""
    shape = (STEPS, 2, CHANNELS)
    return (jax.random.uniform(key, shape) < RATE).astype(jnp.result_type(float))


def network(key: Array) -> Network:
    """The untrained network: 60 channels onto two recurrent neurons, 100 nA for a weight of one."""
    neuron = Neuron(Iscale=100 * nA, spike=FastSigmoid(k=30.0))  # pyright: ignore
    return Network(n_in=CHANNELS, n_out=2, recurrent=True, neuron=neuron, key=key)


def loss(output: Array) -> Array:
    """Cross entropy of the counts, and a price on a silent right and on a firing wrong output."""
    counts = output.sum(axis=0)
    right, wrong = jnp.diag(counts), jnp.diag(counts[:, ::-1])
    logarithm = jnp.diag(jax.nn.log_softmax(counts / 4, axis=-1))
    silent = jnp.maximum(ENOUGH - right, 0) ** 2 / 100
    return jnp.mean(wrong / 10 + silent - logarithm)


def ratio(counts: Array) -> Array:
    """Spikes of the right output by those of the wrong, (..., 2, 2) to (...): the worse pattern.

    A silent wrong output counts as one spike.
    """
    right = jnp.diagonal(counts, axis1=-2, axis2=-1)
    wrong = jnp.diagonal(counts[..., ::-1], axis1=-2, axis2=-1)
    return jnp.min(right / jnp.maximum(wrong, 1), axis=-1)


class Row(NamedTuple):
    """How a network does."""

    name: str
    ratio: float
    """Median over chips where there are several."""
    accuracy: float
    """Share of patterns for which the right output fires more."""
    right: float
    """Rate of the right output, Hz."""
    wrong: float
    distance: float
    """Van Rossum distance (10 ms) to the spikes of the trained network, mean over trains."""


def unseen(net: Network, x: Array, spread: float, key: Array, chips: int = 20) -> Array:
    """Output (chips, time, 2, 2) of chips that training has not seen."""

    def one(key: Array) -> Array:
        return mismatch(net, spread, key=key)(x)

    return jax.jit(jax.vmap(one))(jax.random.split(key, chips))


def row(name: str, output: Array, reference: Array, dt: Quantity = 1 * ms) -> Row:
    """The row of a network from its output (chips, time, 2, 2) and that of the reference."""
    counts = output.sum(axis=1)
    right = jnp.diagonal(counts, axis1=-2, axis2=-1)
    wrong = jnp.diagonal(counts[..., ::-1], axis1=-2, axis2=-1)
    distance = jax.vmap(lambda o: van_rossum(10 * ms, dt)(o, reference))(output)
    seconds = in_unit(output.shape[1] * float(dt.value_in(ms)), s)
    return Row(
        name,
        float(np.median(ratio(counts))),
        float(jnp.mean(right > wrong)),
        float(jnp.mean(right) / seconds),
        float(jnp.mean(wrong) / seconds),
        float(jnp.mean(distance)) / output.shape[-1],
    )
