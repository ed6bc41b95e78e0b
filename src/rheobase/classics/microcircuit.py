"""The cortical microcircuit of Potjans and Diesmann: a column of four layers under 1 mm²."""

# The fields of neurons and synapses take quantities and hold arrays.
# pyright: reportArgumentType=false

import jax
import numpy as np

from rheobase.adaptors import Refractory
from rheobase.classics.base import Classic
from rheobase.connectivity import FixedTotal, Normal
from rheobase.connectivity.base import generator
from rheobase.errors import ArgumentError
from rheobase.network import Connection, Drive, Network, Population
from rheobase.neurons import LIF
from rheobase.steppers import Exact
from rheobase.stimulus import Constant, Poisson
from rheobase.synapses import Exponential
from rheobase.units import Hz, MOhm, ms, mV, pA, s

NAMES = ("L23e", "L23i", "L4e", "L4i", "L5e", "L5i", "L6e", "L6i")

SIZES = (20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948)
"""Neurons of each population."""

PROBABILITIES = (
    (0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0),
    (0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0),
    (0.0077, 0.0059, 0.0497, 0.135, 0.0067, 0.0003, 0.0453, 0.0),
    (0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0),
    (0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0),
    (0.0548, 0.0269, 0.0257, 0.0022, 0.06, 0.3158, 0.0086, 0.0),
    (0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252),
    (0.0364, 0.001, 0.0034, 0.0005, 0.0277, 0.008, 0.0658, 0.1443),
)
"""That a pair is connected at least once; a row for each target, a column for each source."""

EXTERNAL = (1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100)
"""Synapses from outside on each neuron of a population, each firing at 8 Hz."""

RATES = (0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829)
"""Mean rates (Hz) of the full network in its reference implementation."""

VOLTAGES = (
    (-68.28, 5.36),
    (-63.16, 4.57),
    (-63.33, 4.74),
    (-63.45, 4.94),
    (-63.11, 4.94),
    (-61.66, 4.55),
    (-66.72, 5.46),
    (-61.43, 4.48),
)
"""Mean and standard deviation (mV) of the initial voltages of each population."""

_BACKGROUND = 8 * Hz
_WEIGHT = 87.8
"""pA, for a postsynaptic potential of 0.15 mV."""
_INHIBITION = -4.0
_TAU_SYN = 0.5 * ms


def microcircuit(key: jax.Array, n: int | None = None, *, scale: float = 0.1) -> Classic:
    """Four layers of excitatory and inhibitory LIF neurons: 77,169 and 0.3e9 synapses at scale 1.

    - `scale`: of the number of neurons and of the synapses on each.
    - `n`: the number of neurons instead of `scale`.

    The number of synapses between two populations is fixed, their ends are drawn with
    replacement. Weights are normal, 87.8 pA +- 10 %, those from L4e to L2/3e twice and inhibitory
    ones -4 times as large; delays 1.5 +- 0.75 ms and 0.75 +- 0.375 ms. From outside come Poisson
    trains. Scaled down, with in-degrees K times as large, weights are divided by sqrt(K), which
    keeps the variance of the input, and a steady current of (1 - sqrt(K)) times the mean input of
    the full network restores its mean.

    Source: Potjans & Diesmann 2014, Cereb Cortex 24:785; initial voltages, rates and the scaling
    as in van Albada et al. 2018, Front Neuroinform 12:291.

    Errors: `ArgumentError` for a scale that is not above 0 and at most 1.

    >>> import jax
    >>> import rheobase as rb
    >>> rb.classics.microcircuit(jax.random.key(0), scale=0.01).network.populations["L4e"].n
    219
    """
    scale = scale if n is None else n / sum(SIZES)
    if not 0.001 <= scale <= 1:
        raise ArgumentError(
            f"the microcircuit can be scaled from 0.001 to 1 (77 to {sum(SIZES):,} neurons), got "
            f"{scale:g}. Write microcircuit(key, scale=0.1)."
        )
    neuron = Refractory(
        LIF(tau=10 * ms, R=40 * MOhm, v_rest=-65 * mV, v_th=-50 * mV, v_reset=-65 * mV), 2 * ms
    )
    sizes = np.maximum(np.round(np.array(SIZES) * scale), 1).astype(int)
    synapse = Exponential(tau=_TAU_SYN)
    weights, totals = _weights(), _totals()
    connections = [
        Connection(
            source,
            target,
            FixedTotal(int(round(totals[i, j] * scale**2)), multapses=True),
            synapse,
            weight=_spread(weights[i, j] / np.sqrt(scale)),
            delay=Normal(1.5 * ms, 0.75 * ms, low=0.1 * ms)
            if weights[i, j] > 0
            else Normal(0.75 * ms, 0.375 * ms, low=0.1 * ms),
        )
        for i, target in enumerate(NAMES)
        for j, source in enumerate(NAMES)
        if totals[i, j] > 0
    ]
    network = Network(
        {name: Population(neuron, int(size)) for name, size in zip(NAMES, sizes, strict=True)},
        connections,
        drives=_drives(scale, synapse, weights, totals),
        key=key,
    )
    spread = generator(key).normal(size=int(sizes.sum()))
    start = zip(NAMES, VOLTAGES, np.split(spread, np.cumsum(sizes)[:-1]), strict=True)
    return Classic(
        network,
        {name: {"v": (mean + std * x) * mV} for name, (mean, std), x in start},
        dt=0.1 * ms,
        duration=1 * s,
        rates=dict(zip(NAMES, RATES, strict=True)),
        source="Potjans & Diesmann 2014, Cereb Cortex 24:785",
        stepper=Exact(),
    )


def _weights() -> np.ndarray:
    """Mean weight (pA) from each population (columns) to each (rows)."""
    weights = np.tile([_WEIGHT, _INHIBITION * _WEIGHT], (len(NAMES), len(NAMES) // 2))
    weights[NAMES.index("L23e"), NAMES.index("L4e")] *= 2
    return weights


def _totals() -> np.ndarray:
    """Number of synapses of the full network.

    With replacement, a pair is connected at least once with probability 1 - (1 - 1/pairs)^total.
    """
    pairs = np.outer(SIZES, SIZES)
    return np.log1p(-np.array(PROBABILITIES)) / np.log1p(-1 / pairs)


def _spread(mean: float) -> Normal:
    """Weights (pA) of 10 % standard deviation that keep their sign."""
    std = 0.1 * abs(mean) * pA
    return Normal(mean * pA, std, low=0 * pA) if mean > 0 else Normal(mean * pA, std, high=0 * pA)


def _drives(
    scale: float, synapse: Exponential, weights: np.ndarray, totals: np.ndarray
) -> list[Drive]:
    """Poisson trains from outside, and the current that restores the mean of the scaled input."""
    lost = 1 - np.sqrt(scale)
    drives = []
    for i, name in enumerate(NAMES):
        train = Poisson(
            _BACKGROUND, _WEIGHT / np.sqrt(scale) * pA, sources=int(round(EXTERNAL[i] * scale))
        )
        drives.append(Drive(name, train, synapse))
        if lost > 0:
            inside = (weights[i] * totals[i] / SIZES[i] * RATES).sum()
            mean = inside * pA * Hz + EXTERNAL[i] * _WEIGHT * pA * _BACKGROUND
            drives.append(Drive(name, Constant(lost * mean * _TAU_SYN)))
    return drives
